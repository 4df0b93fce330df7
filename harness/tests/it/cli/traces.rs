//! Pages that show what happened: of which scenarios they are written, and when they go away.

use crate::project::Project;

const FAILS: &str =
    "steps:\n  - all: enter\n  - ann: { say: hello }\n  - ben: { receive: { type: sung }, within: 5ms }\n";
const PASSES: &str = "steps:\n  - all: enter\n  - ann: { say: hello }\n  - ben: { hears: hello }\n";

fn traces(project: &Project) -> Vec<String> {
    let folder = project.path().join("roundtable-report/traces/talk");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .map(|files| files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

#[test]
fn a_failure_has_a_page_until_it_passes() {
    let project = Project::new().scenario("talk/a", "Ben waits", FAILS).scenario("talk/b", "Ben hears", PASSES);
    let ran = project.play(&[]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("\n    trace    roundtable-report/traces/talk/a.html\n"), "{}", ran.stdout);
    assert_eq!(traces(&project), ["a.html"]);
    assert_eq!(project.read("roundtable-report/.gitignore").as_deref(), Some("*\n"));
    let page = project.read("roundtable-report/traces/talk/a.html").unwrap();
    assert!(page.contains("ben never got"), "the page tells what failed");
    assert!(page.contains("scenarios/protocols/rooms.yaml"), "the page holds the sources");

    let project = project.scenario("talk/a", "Ben hears now", PASSES);
    assert_eq!(project.play(&[]).code, Some(0));
    assert_eq!(traces(&project), [""; 0]);
}

#[test]
fn pages_of_all_or_of_none() {
    let project = Project::new().scenario("talk/a", "Ben waits", FAILS).scenario("talk/b", "Ben hears", PASSES);
    let ran = project.play(&["--trace", "off"]);
    assert_eq!(ran.code, Some(1));
    assert!(!ran.stdout.contains("traces/"), "{}", ran.stdout);
    assert!(!project.path().join("roundtable-report/traces").exists());

    project.play(&["--trace", "on", "--repeat", "2"]);
    assert_eq!(traces(&project), ["a.html", "a.repeat-2.html", "b.html", "b.repeat-2.html"]);
    // Of what is played once, the pages of former repetitions are not of this run.
    project.play(&["--trace", "on"]);
    assert_eq!(traces(&project), ["a.html", "b.html"]);
}

#[test]
fn a_page_that_cannot_be_written_stops_nothing() {
    let project = Project::new().scenario("talk/a", "Ben waits", FAILS).file("roundtable-report/traces", "no folder");
    let ran = project.play(&[]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("\nincomplete --trace: traces can't be written:"), "{}", ran.stdout);
}
