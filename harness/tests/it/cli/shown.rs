//! How output looks: colour, `--debug`, `schema`, help.

use crate::project::Project;

fn project() -> Project {
    Project::new().scenario("talk/hello", "Ann greets Ben", "steps:\n  - all: enter\n  - note: now she speaks\n  - ann: { say: hello }\n  - ben: { hears: hello }\n  - ben: close\n")
}

fn failing() -> Project {
    Project::new().scenario(
        "talk/miss",
        "Ben awaits another text",
        "steps:\n  - ann: enter\n  - ann: { say: hello }\n  - ann: { hears: help, within: 5ms }\n",
    )
}

#[test]
fn colour_is_on_where_it_is_asked_for_and_off_in_files() {
    let plain = failing().play(&[]);
    assert!(!plain.stdout.contains('\u{1b}'));
    let coloured = failing().play(&["--color", "always"]);
    assert!(coloured.stdout.contains("\u{1b}[31m"));
    assert_eq!(regex::Regex::new("\u{1b}\\[[0-9]+m").unwrap().replace_all(&coloured.stdout, ""), plain.stdout);
    let url = crate::server::url();
    // What somebody asks for at the command line counts more than what the environment says.
    let both = failing().run_with(&["run", "--server", &url, "--color", "always"], &[("NO_COLOR", "1")]);
    assert!(both.stdout.contains('\u{1b}'));
    let never = failing().run_with(&["run", "--server", &url, "--color", "never"], &[("NO_COLOR", "")]);
    assert_eq!(never.stdout, plain.stdout);
    let escaped = coloured.stdout.replace('\u{1b}', "␛");
    insta::assert_snapshot!("coloured", escaped);
}

#[test]
fn debug_tells_everything_as_it_happens() {
    let ran = project().play(&["--debug"]);
    ran.told("debug");
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
    project.run(&["--help"]).told("help");
    project.run(&["run", "--help"]).told("help_run");
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    use std::process::Stdio;
    let mut child = Project::new().command(&["schema"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
