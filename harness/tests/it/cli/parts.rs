//! Which scenarios a pipeline plays: those that failed, those that a change concerns, a part of the whole.

use std::collections::BTreeSet;
use std::process::Command;

use crate::project::{PROTOCOL, Project};

const PASSES: &str = "steps:\n  - ann: { get: /rooms/cellar, status: 404 }\n";
const FAILS: &str = "steps:\n  - ann: { get: /rooms/cellar, status: 200 }\n";

/// The labels that a run played, in order.
fn played(out: &str) -> Vec<String> {
    let line = regex::Regex::new(r"(?m)^ *(?:PASS|FAIL|SKIP) \[.{9}\] (\S+)").unwrap();
    line.captures_iter(out).map(|found| found[1].to_owned()).collect()
}

fn six() -> Project {
    ["a/one", "a/two", "b/one", "b/two", "b/three", "c/one"]
        .iter()
        .fold(Project::new(), |project, name| project.scenario(name, "It passes", PASSES))
}

#[test]
fn the_parts_are_together_the_whole() {
    let project = six();
    let mut all = Vec::new();
    for part in 1..=4 {
        all.extend(played(&project.play(&["--shard", &format!("{part}/4")]).stdout));
    }
    assert_eq!(all.len(), 6);
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), 6);
    project.run(&["list", "--shard", "1/2"]).matches_snapshot("shard_listed");
    project.run(&["run", "--shard", "5/4"]).matches_snapshot("shard_wrong");
}

#[test]
fn parts_are_balanced_by_durations() {
    let known = r#"{ "version": 1, "scenarios": { "a/one": { "outcome": "passed", "took_us": 9000000 } } }"#;
    let short: String = ["a/two", "b/one", "b/two", "b/three", "c/one"]
        .iter()
        .map(|label| format!(r#", "{label}": {{ "outcome": "passed", "took_us": 1000 }}"#))
        .collect();
    let known = known.replace("} } }", &format!("}}{short} }} }}"));
    let project = six().file("durations.json", &known);
    let alone = project.run(&["list", "--shard", "1/2", "--durations", "durations.json"]);
    assert_eq!(alone.stdout, "a/one  It passes\n");
    let ran = project.play(&["--shard", "2/2", "--durations", "durations.json", "--report", "json=events.jsonl"]);
    assert!(ran.stdout.starts_with("shard 2/2: 5 of 6 scenarios, balanced by the durations of 6\n"), "{}", ran.stdout);
    assert_eq!(project.events("events.jsonl")[0]["shard"], "2/2");
    // What a run took is as good: an event file, or what the run left.
    for file in ["events.jsonl", "roundtable-report/last-run.json"] {
        let ran = project.play(&["--shard", "1/2", "--durations", file]);
        assert!(ran.stdout.contains("balanced by the durations of 5"), "{}", ran.stdout);
    }
    project.run(&["run", "--shard", "1/2", "--durations", "nowhere.json"]).matches_snapshot("durations_missing");
}

#[test]
fn what_failed_is_played_again() {
    let project = Project::new().scenario("a/fails", "It fails", FAILS).scenario("b/passes", "It passes", PASSES);
    let first = project.play(&["--last-failed"]);
    assert!(first.stdout.starts_with("no run has left roundtable-report/last-run.json"), "{}", first.stdout);
    assert_eq!(played(&first.stdout), ["a/fails", "b/passes"]);
    // What another selection did not play stays known.
    assert_eq!(played(&project.play(&["b/passes"]).stdout), ["b/passes"]);
    let second = project.play(&["--last-failed"]);
    assert!(second.stdout.starts_with("1 of 2 scenarios failed or were not run before\n"), "{}", second.stdout);
    assert_eq!(played(&second.stdout), ["a/fails"]);
    let project = project.scenario("a/fails", "It passes now", PASSES);
    assert_eq!(played(&project.play(&["--last-failed"]).stdout), ["a/fails"]);
    let none = project.play(&["--last-failed"]);
    assert!(none.stdout.starts_with("none of the selected scenarios failed"), "{}", none.stdout);
    assert_eq!(played(&none.stdout), ["a/fails", "b/passes"]);
    assert_eq!(project.read("roundtable-report/.gitignore").as_deref(), Some("*\n"));
}

/// A repository with two scenarios of one protocol and one that uses none.
fn repository() -> Project {
    let project = Project::with("[server]\nin_process = \"chat\"\nsources = [\"server/**\"]\n")
        .scenario("a/one", "It uses the protocol", PASSES)
        .scenario("a/two", "It uses it too", PASSES)
        .file(
            "scenarios/b/bare.yaml",
            "scenario: It uses none\nparticipants: { ann: {} }\nsteps: [{ ann: { get: /health } }]\n",
        )
        .file("snapshots/a/two/after.snap", "---\nsource: x\nexpression: after\n---\na: 1\n");
    git(&project, &["init", "--quiet", "--initial-branch", "main"]);
    commit(&project);
    project
}

fn git(project: &Project, args: &[&str]) {
    let identity = ["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false"];
    let done = Command::new("git").args(identity).args(args).current_dir(project.path()).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn commit(project: &Project) {
    git(project, &["add", "--all"]);
    git(project, &["commit", "--quiet", "--message", "more"]);
}

fn concerned(project: &Project) -> Vec<String> {
    let listed = project.run(&["list", "--changed-since", "HEAD"]);
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    listed.stdout.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn a_change_concerns_what_it_may_have_changed() {
    let project = repository();
    assert_eq!(concerned(&project), [""; 0]);
    let project = project.file("README.md", "changed").file("snapshots/a/two/after.snap.new", "---\n---\n");
    assert_eq!(concerned(&project), [""; 0]);
    let project = project.file(
        "scenarios/b/bare.yaml",
        "scenario: It changed\nparticipants: { ann: {} }\nsteps: [{ ann: { get: /ready } }]\n",
    );
    assert_eq!(concerned(&project), ["b/bare"]);
    commit(&project);
    let project = project.file("snapshots/a/two/after.snap", "---\nsource: x\nexpression: after\n---\na: 2\n");
    assert_eq!(concerned(&project), ["a/two"]);
    let project = project.file("scenarios/protocols/rooms.yaml", &format!("{PROTOCOL}\n# changed\n"));
    assert_eq!(concerned(&project), ["a/one", "a/two"]);
    commit(&project);
    let project = project.file("server/src/main.rs", "fn main() {}");
    assert_eq!(concerned(&project), ["a/one", "a/two", "b/bare"]);
    commit(&project);
    assert_eq!(concerned(&project), [""; 0]);
    // A new file counts before anybody adds it.
    let project = project.scenario("c/new", "It is new", PASSES);
    assert_eq!(concerned(&project), ["c/new"]);
    let project = project.file("roundtable.toml", "[server]\nin_process = \"chat\"\n");
    assert_eq!(concerned(&project), ["a/one", "a/two", "b/bare", "c/new"]);
    commit(&project);
    // Without `sources`, whatever is not of the scenarios may be the server's.
    let project = project.file("README.md", "changed again");
    assert_eq!(concerned(&project), ["a/one", "a/two", "b/bare", "c/new"]);
}

#[test]
fn a_change_is_told_with_its_reasons() {
    let project = repository().file("scenarios/protocols/rooms.yaml", &format!("{PROTOCOL}\n# changed\n")).file(
        "scenarios/b/bare.yaml",
        "scenario: It changed\nparticipants: { ann: {} }\nsteps: [{ ann: { get: /nowhere, status: 404 } }]\n",
    );
    project.play(&["--changed-since", "main"]).matches_snapshot("changed_since");
    commit(&project);
    let none = project.play(&["--changed-since", "main"]).matches_snapshot("changed_since_none");
    assert_eq!(none.code, Some(4));
    assert_eq!(project.play(&["--changed-since", "main", "--pass-with-no-tests"]).code, Some(0));
    project.run(&["run", "--changed-since", "no-such-branch"]).matches_snapshot("changed_since_unknown");
    let bare = Project::new().scenario("a/one", "It passes", PASSES);
    let ran = bare.run(&["run", "--changed-since", "main"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    // The rest of git's message differs from version to version.
    let message = "error: --changed-since main: git says: not a git repository";
    assert!(ran.stderr.starts_with(message), "{}", ran.stderr);
}

#[test]
fn where_both_sides_went_on_only_ones_own_changes_count() {
    let project = repository();
    git(&project, &["checkout", "--quiet", "-b", "feature"]);
    git(&project, &["checkout", "--quiet", "main"]);
    let project = project.scenario("a/one", "Changed on main", PASSES);
    commit(&project);
    git(&project, &["checkout", "--quiet", "feature"]);
    let project = project.scenario("a/two", "Changed here", PASSES);
    commit(&project);
    let listed = project.run(&["list", "--changed-since", "main"]);
    assert_eq!(listed.stdout, "a/two  Changed here\n", "{}", listed.stderr);
}
