//! How output looks: colour, `--debug`, `schema`, help.

use regex::Regex;

use crate::project::{Project, snapshot};

fn failing() -> Project {
    Project::new().scenario(
        "talk/miss",
        "Ben awaits another text",
        "steps:\n  - ann: enter\n  - ann: { say: hello }\n  - ann: { hears: help, within: 5ms }\n",
    )
}

#[test]
fn colour_is_on_where_it_is_asked_for_and_off_in_files() {
    let plain = failing().play(&[]).stdout;
    assert!(!plain.contains('\u{1b}'));
    let coloured = failing().play(&["--color", "always"]).stdout;
    assert!(coloured.contains("\u{1b}[31m"));
    // The redactions of times see other columns where there are colours.
    let words = |text: &str| {
        let text = Regex::new("\u{1b}\\[[0-9]+m").unwrap().replace_all(text, "").into_owned();
        text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(words(&coloured), words(&plain));
    let url = crate::server::url();
    // What somebody asks for at the command line counts more than what the environment says.
    let both = failing().run_with(&["run", "--server", &url, "--color", "always"], &[("NO_COLOR", "1")]);
    assert!(both.stdout.contains('\u{1b}'));
    let never = failing().run_with(&["run", "--server", &url, "--color", "never"], &[("NO_COLOR", "")]);
    assert_eq!(never.stdout, plain);
    let escaped = coloured.replace('\u{1b}', "␛");
    snapshot("coloured", &escaped);
}

/// Steps and what comes over the network stand in one stream, whose order among each other is not fixed.
#[test]
fn debug_tells_everything_as_it_happens() {
    let project = Project::new().scenario(
        "talk/alone",
        "Ann talks to herself",
        "steps:\n  - note: she comes\n  - ann: enter\n  - ann: { say: hello }\n  - ann: close\n",
    );
    let ran = project.play(&["--debug"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let is_step = Regex::new(r"\w+\.yaml:\d+  ").unwrap();
    // Times, how long since the line before, and cut ids with the run's digits; who is connected when a step begins.
    let told = Regex::new(r"^ +0\.0ms +\+\d+\.\d ").unwrap();
    let ids = Regex::new(r"_\d+…").unwrap();
    let lines: Vec<String> = ran
        .stdout
        .lines()
        .map(|line| told.replace(line, "0.0ms ").into_owned())
        .map(|line| ids.replace_all(&line, "_[run]…").replace('│', " "))
        .collect();
    let (steps, rest): (Vec<&str>, Vec<&str>) =
        lines.iter().map(String::as_str).partition(|line| is_step.is_match(line));
    snapshot("debug", &format!("{}\n-----\n{}\n", steps.join("\n"), rest.join("\n")));
}

#[test]
fn schema_is_a_json_schema() {
    let ran = Project::new().run(&["schema"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let schema: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn help_explains_the_commands() {
    let project = Project::new();
    project.run(&["--help"]).matches_snapshot("help");
    project.run(&["run", "--help"]).matches_snapshot("help_run");
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    use std::process::Stdio;
    let mut child = Project::new().command(&["schema"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn what_a_terminal_would_obey_is_shown_and_not_sent() {
    let steps = r#"steps:
  - note: "\e[2J\a\e[31m"
  - ann: enter
  - ann: { say: "a\x9b2J\u202eb\x7f" }
  - ann: { hears: nothing, within: 5ms }
"#;
    let project = Project::new().scenario("talk/hostile", "Hostile", steps);
    let url = crate::server::url();
    let printed = |args: &[&str]| {
        let output = project.command(&[&["run", "--server", &url], args].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stdout).unwrap()
    };
    for args in [&["--report", "json=run.jsonl"][..], &["--debug"], &["-vv"]] {
        let text = printed(args);
        let sent: String = text.chars().filter(|sign| sign.is_control() || *sign == '\u{202e}').collect();
        assert_eq!(sent.trim_matches('\n'), "", "{text}");
        assert!(text.contains(r#""text":"a\u009b2J\u202eb\u007f""#), "{text}");
    }
    assert!(printed(&["--debug"]).contains(r"# \u001b[2J\u0007\u001b[31m"));
    assert!(!printed(&["--debug", "--color", "always"]).contains("\u{1b}[2J"));
    // What programs read is the data itself.
    assert!(project.read("run.jsonl").unwrap().contains("a\u{9b}2J\u{202e}b\u{7f}"));
}

#[test]
fn ids_are_shown_as_whose_they_are() {
    let steps = "steps:\n  - ann: enter\n  - ann: { hears: nothing, within: 5ms }\n";
    let project = Project::new().scenario("talk/ids", "Ids", steps);
    let short = project.play(&["--debug"]).stdout;
    assert!(short.contains("entered who=‹ann›") && short.contains(r#""who":"‹ann›""#), "{short}");
    assert!(!short.contains("ann_[run]"), "{short}");
    let whole = project.play(&["-vv"]).stdout;
    assert!(whole.contains(r#""who":"ann_[run]""#) && !whole.contains("‹ann›"), "{whole}");
}
