//! `review`, without a terminal and in one.

use crate::project::{Project, snapshot};
use crate::typed::Does::Presses;
use crate::typed::terminal;

const STEPS: &str = "steps:\n  - all: enter\n  - ann: { receive: { type: entered, who: \"{{ ben.id }}\" } }\n  - ann: { say: hello }\n  - ben: { hears: hello }\n  - snapshot: after the talk\n";
const FILES: [&str; 2] = ["snapshots/talk/hello/after-the-talk.snap", "snapshots/talk/lost/after-the-talk.snap"];

/// Two scenarios of which a stored snapshot says that `said` was an object, and one of them lost a frame since.
fn changed(env: &[(&str, &str)]) -> Project {
    let project =
        Project::new().scenario("talk/hello", "Ann greets", STEPS).scenario("talk/lost", "Ann greets again", STEPS);
    assert_eq!(project.play(&["--update-snapshots"]).code, Some(0));
    let [one, other] = FILES.map(|file| project.read(file).unwrap().replace("said: 1", "said: {count: 1}"));
    assert!(one.contains("said: {count: 1}"), "{one}");
    let more = other.replace("  frames:\n", "  frames:\n    gone: [{}]\n");
    assert_ne!(more, other);
    let project = project.file(FILES[0], &one).file(FILES[1], &more);
    let url = crate::server::url();
    assert_eq!(project.run_with(&["run", "--server", &url], env).code, Some(1));
    project
}

#[test]
fn what_is_pending_is_listed_by_cause() {
    changed(&[]).run(&["review", "--list"]).matches_snapshot("review_list");
    let json = changed(&[]).run(&["review", "--list", "--format", "json"]);
    let list: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(list["groups"].as_array().unwrap().len(), 2);
    assert_eq!(list["pending"][1]["scenario"], "talk/lost");
}

#[test]
fn patterns_decide_without_a_terminal() {
    let project = changed(&[]);
    project.run(&["review"]).matches_snapshot("review_no_terminal");
    project.run(&["review", "--accept", "nothing like it"]).matches_snapshot("review_no_match");
    project.run(&["review", "--accept", "shape *"]).matches_snapshot("review_accept");
    assert_eq!(project.play(&["hello"]).code, Some(0));
    project.run(&["review", "--reject", "talk/lost"]).matches_snapshot("review_reject");
    project.run(&["review", "--list"]).matches_snapshot("review_nothing");
    project.run_with(&["review", "--accept", "x"], &[("CI", "true")]).matches_snapshot("review_under_ci");
}

#[test]
fn what_ci_left_is_taken_without_running_again() {
    let project = changed(&[("CI", "true")]);
    assert_eq!(project.read(&format!("{}.new", FILES[0])), None);
    let [one, _] = FILES.map(|file| project.read(file).unwrap());
    let project = project.file(FILES[0], &one.replace("text: hello", "text: hallo"));
    project.run(&["review", "--from", "roundtable-report", "--accept", "talk/*"]).matches_snapshot("review_from");
    let forced = project.run(&["review", "--from", "roundtable-report/pending", "--accept", "talk/hello", "--force"]);
    assert_eq!(forced.code, Some(0));
    assert_eq!(project.play(&[]).code, Some(0));
    project.run(&["review", "--from", "nowhere", "--list"]).matches_snapshot("review_from_nowhere");
}

#[test]
fn snapshots_of_no_scenario_are_known_without_running_and_removed_on_request() {
    let old = "---\nsource: x\n---\nold\n";
    let project = changed(&[])
        .file("snapshots/talk/gone/after.snap", old)
        .file("snapshots/talk/hello/before.snap", old)
        .file("snapshots/talk/hello/after-the-talk@row.snap", old)
        .file("snapshots/talk/rounds/round-7.snap", old)
        .scenario(
            "talk/rounds",
            "Names made of values",
            "steps:\n  - repeat: 2\n    steps: [{ snapshot: \"round {{ index }}\" }]\n",
        );
    project.run(&["review", "--remove-orphans"]).matches_snapshot("review_orphans");
    assert_eq!(project.read("snapshots/talk/gone/after.snap"), None);
    assert!(project.read("snapshots/talk/rounds/round-7.snap").is_some());
    assert!(!project.path().join("snapshots/talk/gone").exists());
}

#[test]
fn a_page_is_written() {
    let project = changed(&[]);
    assert_eq!(project.run(&["review", "--html", "pages/review.html"]).code, Some(0));
    assert!(project.read("pages/review.html").unwrap().contains("2 pending snapshots"));
}

#[test]
fn a_terminal_is_asked_by_keys_and_left_as_it_was() {
    let project = changed(&[]);
    let (code, _) = terminal(&project, &["review"], &[("change 1 of 2", Presses("\u{3}"))]);
    assert_eq!(code, Some(130));
    assert!(FILES.iter().all(|file| project.read(&format!("{file}.new")).is_some()), "nothing was written");
    let keys = [("gone is missing", Presses("?")), ("accept all alike", Presses("r")), ("change 2 of 2", Presses("A"))];
    let (code, seen) = terminal(&project, &["review"], &keys);
    assert_eq!(code, Some(0));
    let seen = seen.rsplit("\u{1b}[1;1H").next().unwrap().replace('\r', "");
    snapshot("review_terminal", seen.trim_end_matches("\u{4}end"));
    assert_eq!(project.play(&["hello"]).code, Some(0));
    assert_eq!(project.play(&["lost"]).code, Some(1));
}

#[test]
fn the_trace_of_what_is_shown_is_opened_or_its_place_is_told() {
    let project = changed(&[]);
    assert!(project.read("roundtable-report/traces/talk/lost.html").is_some());
    let (code, seen) = terminal(
        &project,
        &["review"],
        &[("change 1 of 2", Presses("t")), ("trace: roundtable-report/traces/talk/lost.html", Presses("\u{3}"))],
    );
    assert_eq!(code, Some(130), "{seen}");
    std::fs::remove_dir_all(project.path().join("roundtable-report/traces")).unwrap();
    let without =
        "there is no trace roundtable-report/traces/talk/lost.html: `roundtable run talk/lost --trace on` writes it";
    let (code, seen) = terminal(&project, &["review"], &[("change 1 of 2", Presses("t")), (without, Presses("\u{3}"))]);
    assert_eq!(code, Some(130), "{seen}");
}

#[test]
fn the_trace_of_a_row_is_found_by_the_name_of_its_file() {
    let rows = format!("examples: [{{ name: two words, text: hello }}]\n{STEPS}");
    let project = Project::new().scenario("talk/rows", "Ann greets", &rows);
    assert_eq!(project.play(&[]).code, Some(1));
    assert!(project.read("roundtable-report/traces/talk/rows@two-words.html").is_some());
    let told = "trace: roundtable-report/traces/talk/rows@two-words.html";
    let (code, seen) = terminal(&project, &["review"], &[("change 1 of 1", Presses("t")), (told, Presses("\u{3}"))]);
    assert_eq!(code, Some(130), "{seen}");
}
