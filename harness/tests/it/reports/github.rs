//! Annotations and the summary of a step.

use super::sample;
use crate::project::Project;

#[test]
fn annotations_stand_at_the_lines_and_the_summary_behind_what_is_there() {
    let project = Project::new()
        .file("run.jsonl", &sample::text(&sample::everything(30)))
        .file("summary.md", "What another command wrote.\n");
    let (top, summary) = (project.path().canonicalize().unwrap(), project.path().join("summary.md"));
    let top = top.parent().unwrap().to_string_lossy().into_owned();
    let env = [("GITHUB_STEP_SUMMARY", &*summary.to_string_lossy()), ("GITHUB_WORKSPACE", &top)]
        .map(|(name, value)| (name, value.to_owned()));
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let ran = project.run_with(&["report", "run.jsonl", "--report", "github"], &env);
    assert_eq!((ran.code, &*ran.stderr), (Some(1), ""));
    let folder = project.path().file_name().unwrap().to_string_lossy().into_owned();
    let mut commands: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with("::")).collect();
    commands.sort_unstable();
    let told = format!("{}\n\n{}", commands.join("\n"), project.read("summary.md").unwrap());
    crate::project::snapshot("reports_github", &told.replace(&folder, "[folder]").replace('\u{0}', "[NUL]"));
}

#[test]
fn many_failures_are_ten_annotations_and_a_summary_of_at_most_a_mebibyte() {
    let long = "x".repeat(20_000);
    let mut lines = vec![sample::started(None, 400)];
    for number in 0..400 {
        let label = format!("talk/number_{number}");
        let bad = sample::failed(&[sample::failure(&label, "expectation", &long)]);
        lines.extend([sample::begins(&label), sample::ends(&label, 5, &bad)]);
    }
    let project = Project::new().file("run.jsonl", &sample::text(&lines));
    let ran = project.run(&["report", "run.jsonl", "--report", "github=out/summary.md"]);
    let commands: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(commands.len(), 10);
    assert_eq!(commands[8], "::error title=392 scenarios failed besides::The summary of this step has them all.");
    assert!(
        commands[9].starts_with("::error title=the run is incomplete::run.jsonl: the run didn't end"),
        "{}",
        commands[9]
    );
    let summary = project.read("out/summary.md").unwrap();
    assert!(summary.len() < 1024 * 1024, "{} bytes", summary.len());
    assert!(summary.contains("talk/number_399") && summary.contains("not shown whole"), "{}", &summary[..2000]);
}
