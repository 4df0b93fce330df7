//! Roundtable in a Rust test: the application comes from a closure, and every scenario gets a fresh one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use roundtable::Suite;
use roundtable::config::Config;
use roundtable::event::{Class, Outcome};
use roundtable::plan::{PlaySettings, RunLimits};
use roundtable::run::Session;
use roundtable::runner;
use roundtable::runner::{ChooseServer, RunOptions, ServerChoice};
use roundtable::select::{jobs_of, select};

use crate::project::{redacted, snapshot};
use crate::rooms;

/// The scenarios of the documented example.
fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/rooms/scenarios")
}

#[tokio::test]
async fn an_application_of_ones_own_plays_its_scenarios() {
    Suite::new(scenarios()).application("rooms", rooms::serve).play().await.assert_passed();
}

#[tokio::test]
async fn the_documented_example_plays() {
    let played = rooms::play().await;
    played.assert_passed();
    let labels: Vec<&str> = played.results.iter().map(|result| result.label.as_ref()).collect();
    assert_eq!(labels, ["seat", "talk"]);
}

#[tokio::test]
async fn a_scenario_can_be_chosen_by_its_title() {
    let played = Suite::new(scenarios()).application("rooms", rooms::serve).only("one order").play().await;
    played.assert_passed();
    assert_eq!(played.summary.passed, 1);
}

/// A folder with the example's protocol and one scenario.
fn folder(scenario: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let protocols = folder.path().join("scenarios/protocols");
    std::fs::create_dir_all(&protocols).unwrap();
    std::fs::copy(scenarios().join("protocols/rooms.yaml"), protocols.join("rooms.yaml")).unwrap();
    std::fs::write(folder.path().join("scenarios/story.yaml"), scenario).unwrap();
    folder
}

#[tokio::test]
async fn a_failing_scenario_tells_everything_in_the_report() {
    let folder = folder(concat!(
        "scenario: Somebody hears something else\n",
        "use: rooms\n",
        "participants: { ann: {}, ben: {} }\n",
        "steps:\n",
        "  - all: enter\n",
        "  - ann: { say: Good morning }\n",
        "  - ben: { mark: here }\n",
        "  - ben: { receive: { type: said, text: Good evening }, within: 20ms }\n",
    ));
    let played = Suite::new(folder.path().join("scenarios")).application("rooms", rooms::serve).play().await;
    assert!(!played.passed());
    let Outcome::Failed { failures } = &played.results[0].outcome else { panic!("{}", played.report()) };
    let nearest = failures[0].nearest.as_ref().unwrap();
    assert_eq!(nearest.differences, [r#"$.text: expected "Good evening", got "Good morning""#]);
    snapshot("library_failing_report", &redacted(&played.report(), folder.path()));
}

#[tokio::test]
async fn a_wrong_scenario_file_is_told_and_nothing_is_played() {
    let folder = folder("scenario: Wrong\nuse: rooms\nparticipants: { ann: {} }\nsteps:\n  - ann: entre\n");
    let played = Suite::new(folder.path().join("scenarios")).application("rooms", rooms::serve).play().await;
    assert!(!played.passed());
    snapshot("library_wrong_file", &redacted(&played.report(), folder.path()));
}

#[tokio::test]
async fn an_application_that_panics_fails_the_scenario_and_not_the_test_run() {
    let folder = folder("scenario: Nobody\nparticipants: { ann: {} }\nsteps: [{ ann: { get: /health } }]\n");
    // Whoever has connected is there until the panic is told.
    let suite = Suite::new(folder.path().join("scenarios")).application("broken", |listener, _| async move {
        let _listening = listener;
        panic!("no routes")
    });
    let played = suite.play().await;
    assert!(!played.passed());
    snapshot("library_panic", &redacted(&played.report(), folder.path()));
}

#[test]
fn a_panic_of_the_runner_fails_one_scenario_alone() {
    let folder = folder("scenario: First\nparticipants: { ann: {} }\nsteps: [{ note: one }]\n");
    std::fs::write(
        folder.path().join("scenarios/z.yaml"),
        "scenario: Second\nparticipants: { ann: {} }\nsteps: [{ note: two }]\n",
    )
    .unwrap();
    let mut config = Config::load(folder.path()).unwrap();
    config.scenarios = folder.path().join("scenarios");
    let selected = select(&config, &[], &[]).unwrap();
    let choose_server: ChooseServer = Arc::new(|scenario| match scenario.id.as_str() {
        "story" => panic!("a bug"),
        _ => ServerChoice::Skip("it was reached".to_owned()),
    });
    let session = Session { settings: PlaySettings::of(&config), desk: None, sink: Arc::new(|_| {}), secrets: None };
    let (_interrupt, interrupted) = tokio::sync::watch::channel(false);
    let limits = RunLimits { retries: 3, ..RunLimits::jobs(1) };
    let options = RunOptions::new(limits, "none".to_owned(), interrupted);
    let ran = runner::run(&jobs_of(&selected, 1..=1), &session, &choose_server, &options).unwrap();
    let Outcome::Failed { failures } = &ran.results[0].outcome else { panic!("{:?}", ran.results) };
    assert_eq!(failures[0].headline, "the runner itself panicked: a bug");
    assert_eq!(ran.results[0].class(), Some(Class::Environment));
    assert!(matches!(ran.results[1].outcome, Outcome::Skipped { .. }));
    assert_eq!((ran.summary.failed, ran.summary.skipped), (1, 1));
}

#[tokio::test]
async fn a_suite_that_plays_nothing_does_not_pass_unless_it_is_asked_to() {
    let empty = tempfile::tempdir().unwrap();
    let suite = || Suite::new(empty.path()).application("rooms", rooms::serve);
    let played = suite().play().await;
    assert!(!played.passed(), "{}", played.report());
    suite().pass_with_no_tests().play().await.assert_passed();
}
