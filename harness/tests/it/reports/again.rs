//! `report` and `merge-reports`.

use super::sample::{self, begins, ends, failed, failure, finished, passed, started, text};
use crate::project::Project;

#[test]
fn a_file_of_a_killed_run_tells_what_had_ended() {
    let mut whole = text(&[
        started(None, 5),
        begins("talk/one"),
        begins("talk/two"),
        ends("talk/one", 5, &passed()),
        begins("talk/three"),
    ]);
    whole.push_str(&ends("talk/two", 5, &passed()).to_string()[..200]);
    let project = Project::new().file("run.jsonl", &whole);
    project.run(&["report", "run.jsonl", "--report", "junit=junit.xml"]).matches_snapshot("reports_killed_run");
    let junit = project.read("junit.xml").unwrap();
    assert!(
        junit.contains("tests=\"2\" failures=\"0\" errors=\"1\"")
            && junit.contains("talk/one")
            && !junit.contains("name=\"talk/two\""),
        "{junit}"
    );
}

#[test]
fn a_run_told_again_says_as_it_did_how_to_play_a_scenario_again() {
    let project = Project::new().scenario("a/wrong it's", "Wrong", "steps:\n  - check: \"1 == 2\"\n");
    let url = crate::server::url();
    let args = ["run", "--jitter", "0.5ms", "--slow", "1.5", "--secret", "KEY", "--report", "json=run.jsonl"];
    let output = project.command(&[&args[..], &["--server", &url]].concat()).env("KEY", "opensesame").output().unwrap();
    let told = project.command(&["report", "run.jsonl"]).output().unwrap();
    let again = |text: &[u8]| -> Vec<String> {
        let text = String::from_utf8_lossy(text).into_owned();
        text.lines().filter(|line| line.starts_with("    again ")).map(str::to_owned).collect()
    };
    let said = again(&output.stdout);
    let line = format!(" --server {url} --jitter 0.5ms --slow 1.5 --secret KEY");
    assert!(said.len() == 1 && said[0].ends_with(&line), "{said:?}");
    assert!(said[0].contains("run \"a/wrong it's\" --seed "), "{said:?}");
    assert_eq!(said, again(&told.stdout));
    // Parts that were played otherwise have no such line in common.
    let other = project.read("run.jsonl").unwrap().replace("0.5ms", "1ms").replace("a/wrong", "b/wrong");
    let project = project.file("other.jsonl", &other);
    let merged = project.command(&["merge-reports", "run.jsonl", "other.jsonl"]).output().unwrap();
    let lines = again(&merged.stdout);
    assert!(lines.len() == 2 && lines.iter().all(|line| !line.contains("--jitter")), "{lines:?}");
}

#[test]
fn parts_become_one_run_and_a_missing_one_is_told() {
    let bad = failed(&[failure("talk/two", "expectation", "ben never got it")]);
    let first = text(&[started(Some("1/3"), 1), begins("talk/one"), ends("talk/one", 5, &passed()), finished(1, 0)]);
    let second = text(&[started(Some("2/3"), 1), begins("talk/two"), ends("talk/two", 5, &bad), finished(0, 1)]);
    let third =
        text(&[started(Some("3/3"), 1), begins("talk/three"), ends("talk/three", 5, &passed()), finished(1, 0)]);
    let project = Project::new()
        .file("parts/1/run.jsonl", &first)
        .file("parts/3/run.jsonl", &third)
        .file("second.jsonl", &second);
    project
        .run(&["merge-reports", "parts", "second.jsonl", "--report", "json=all.jsonl"])
        .matches_snapshot("reports_merged");
    project.run(&["report", "all.jsonl"]).matches_snapshot("reports_of_merged");
    project.run(&["merge-reports", "parts"]).matches_snapshot("reports_part_missing");
}

#[test]
fn a_scenario_in_two_files_counts_once_and_its_failure_is_not_lost() {
    let bad = failed(&[failure("talk/one", "expectation", "ben never got it")]);
    let good = text(&[started(None, 1), begins("talk/one"), ends("talk/one", 5, &passed()), finished(1, 0)]);
    let worse = text(&[started(None, 1), begins("talk/one"), ends("talk/one", 5, &bad), finished(0, 1)]);
    let project = Project::new().file("a.jsonl", &good).file("b.jsonl", &worse).file("c.jsonl", &good);
    project.run(&["merge-reports", "a.jsonl", "b.jsonl", "c.jsonl"]).matches_snapshot("reports_twice");
}

#[test]
fn what_can_not_be_merged_or_written() {
    let project = Project::new().file("run.jsonl", &sample::text(&sample::everything(0))).file("empty/x.txt", "");
    let told: Vec<String> = [
        &["merge-reports", "empty"][..],
        &["merge-reports", "nowhere"],
        &["report", "run.jsonl", "--report", "json=./run.jsonl"],
        &["report", "run.jsonl", "--report", "html"],
        &["report", "run.jsonl", "--report", "junit=run.jsonl/x.xml"],
        &["report", "run.jsonl", "--report", "html=out", "--history", "nowhere.jsonl"],
    ]
    .map(|args| {
        let ran = project.run(args);
        format!("$ roundtable {}\n{} {}", args.join(" "), ran.code.unwrap(), ran.stderr)
    })
    .to_vec();
    crate::project::snapshot("reports_refused_places", &told.concat());
}
