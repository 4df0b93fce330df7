//! Snapshots: missing, differing, of another shape, accepted, and left behind.

use crate::project::{Project, snapshot};

const STEPS: &str = "steps:\n  - all: enter\n  - ann: { receive: { type: entered, who: \"{{ ben.id }}\" } }\n  - ann: { say: hello }\n  - ben: { hears: hello }\n  - snapshot: after the talk\n";
const FILE: &str = "snapshots/talk/hello/after-the-talk.snap";

fn project() -> Project {
    Project::new().scenario("talk/hello", "Ann greets Ben", STEPS)
}

/// A project with its snapshot accepted, and changed by `change` since.
fn stored(change: impl Fn(&str) -> String) -> Project {
    let project = project();
    assert_eq!(project.play(&["--update-snapshots"]).code, Some(0));
    let text = change(&project.read(FILE).unwrap());
    project.file(FILE, &text)
}

#[test]
fn a_missing_snapshot_fails_and_under_ci_nothing_is_written() {
    let project = project();
    let url = crate::server::url();
    project.run_with(&["run", "--server", &url], &[("CI", "true")]).matches_snapshot("snapshot_missing_under_ci");
    assert_eq!(std::fs::read_dir(project.path().join("snapshots")).ok().map(Iterator::count), None);
    project.run(&["run", "--server", &url]).matches_snapshot("snapshot_missing");
    assert_eq!(project.read(FILE), None);
}

#[test]
fn a_snapshot_is_accepted_and_holds_from_then_on() {
    let project = project();
    project.play(&["--update-snapshots"]).matches_snapshot("snapshot_accepted");
    snapshot("snapshot_file", &project.read(FILE).unwrap());
    assert_eq!(project.play(&[]).code, Some(0));
}

#[test]
fn a_value_that_differs() {
    stored(|text| text.replace("text: hello", "text: hallo")).play(&[]).matches_snapshot("snapshot_differs");
}

#[test]
fn a_change_of_shape_is_told_first() {
    let changed = stored(|text| {
        assert!(text.contains("said: 1"), "{text}");
        text.replace("said: 1", "said: {count: 1}").replace("text: hello", "text: hallo")
    });
    changed.play(&[]).matches_snapshot("snapshot_shape");
}

#[test]
fn a_snapshot_of_no_scenario() {
    let project = stored(str::to_owned).file("snapshots/talk/gone/after.snap", "---\nsource: x\n---\nold\n");
    project.play(&[]).matches_snapshot("snapshot_orphan");
    // A part of the scenarios says nothing about the others' snapshots.
    assert_eq!(project.play(&["hello"]).code, Some(0));
}

#[test]
fn one_name_stands_for_one_snapshot() {
    Project::new()
        .scenario(
            "talk/twice",
            "Two snapshots of one name",
            "steps:\n  - ann: enter\n  - snapshot: here\n  - snapshot: here\n",
        )
        .play(&["--update-snapshots"])
        .matches_snapshot("snapshot_twice");
}

#[test]
fn who_won_a_race_is_called_by_the_outcome() {
    let race = "steps:\n  - race: { of: all, do: sit, outcomes: [{ as: seated, count: 1, status: 201 }, { as: standing, count: 1, status: 409 }] }\n  - snapshot: after\n";
    let project = Project::new().scenario("seat/two", "A seat for one of two", race);
    assert_eq!(project.play(&["--update-snapshots"]).code, Some(0));
    snapshot("snapshot_of_a_race", &project.read("snapshots/seat/two/after.snap").unwrap());
    // Whoever is the faster one of them.
    assert_eq!(project.play(&["--repeat", "10", "--jitter", "2ms"]).code, Some(0));
}

#[test]
fn a_race_without_names_is_named_where_a_snapshot_differs() {
    let race = "steps:\n  - all: enter\n  - race: { of: all, do: { say: hi } }\n  - snapshot: { name: after, of: [ann], unordered: [said] }\n";
    let project = Project::new().scenario("seat/two", "A seat for one of two", race);
    assert_eq!(project.play(&["--update-snapshots"]).code, Some(0));
    let file = "snapshots/seat/two/after.snap";
    let stored = project.read(file).unwrap();
    let ran = project.file(file, &stored.replace("said: 2", "said: 3")).play(&[]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    let told = "the race at line 6 may end in another way each time: where its outcomes have names (`as: winner`), \
                snapshots call everybody by them\n";
    assert!(ran.stdout.contains(told), "{stored}{}", ran.stdout);
}

#[test]
fn racers_who_were_there_before_the_race_are_shown_by_their_keys_until_then() {
    let race = "steps:\n  - ann: enter\n  - ben: enter\n  - ann: { say: ready }\n  - race: { of: all, do: sit, outcomes: [{ as: seated, count: 1, status: 201 }, { as: standing, count: 1, status: 409 }] }\n  - standing: { say: a pity }\n  - snapshot: { name: after, without: [room, went] }\n";
    let project = Project::new().scenario("seat/two", "A seat for one of two", race);
    assert_eq!(project.play(&["--update-snapshots"]).code, Some(0));
    snapshot("snapshot_of_a_race_among_those_who_were_there", &project.read("snapshots/seat/two/after.snap").unwrap());
    let played = project.play(&["--repeat", "20", "--jitter", "2ms"]);
    assert_eq!(played.code, Some(0), "{}", played.stdout);
}
