//! docs/commands.md: the help of every command.

use std::fmt::Write as _;

use super::{holds, program};

const HEAD: &str = "# Commands

What `roundtable --help` and `roundtable COMMAND --help` print. This page is generated from the program.
";

#[test]
fn the_command_reference_is_the_programs_help() {
    let mut program = program().term_width(100);
    program.build();
    let mut text = HEAD.to_owned();
    let mut section = |name: &str, command: &mut clap::Command| {
        let help = command.render_long_help().to_string();
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        let _ = write!(text, "\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim());
    };
    section("roundtable", &mut program.clone());
    for command in
        program.get_subcommands_mut().filter(|command| !command.is_hide_set() && command.get_name() != "help")
    {
        let name = format!("roundtable {}", command.get_name());
        section(&name, command);
    }
    holds("docs/commands.md", &text);
}

#[test]
fn every_shell_has_its_completions() {
    let project = crate::project::Project::new();
    for (shell, known) in
        [("bash", "complete -F _roundtable"), ("zsh", "#compdef roundtable"), ("fish", "complete -c roundtable")]
    {
        let ran = project.run(&["completions", shell]);
        assert_eq!(ran.code, Some(0));
        assert!(ran.stdout.contains(known) && ran.stdout.contains("keep-server"), "{}", ran.stdout);
    }
}

#[test]
fn the_configuration_names_every_key() {
    let page = std::fs::read_to_string(super::top().join("docs/configuration.md")).unwrap();
    for key in roundtable::config::KEYS.iter().chain(&roundtable::config::SERVER_KEYS) {
        assert!(page.contains(&format!("`{key}`")), "docs/configuration.md says nothing of `{key}`");
    }
}
