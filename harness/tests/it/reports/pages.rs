//! The HTML report in a browser.

use std::path::Path;
use std::process::Command;

use super::sample;
use crate::project::Project;

#[test]
fn the_page_is_opened_clicked_and_searched() {
    let mut earlier = sample::everything(400);
    earlier[0]["started"] = "2026-03-01T00:00:00Z".into();
    let project = Project::new()
        .file("run.jsonl", &sample::text(&sample::everything(400)))
        .file("old/earlier.jsonl", &sample::text(&earlier));
    let ran = project.run(&["report", "run.jsonl", "--report", "html=out", "--history", "old"]);
    assert_eq!((ran.code, &*ran.stderr), (Some(1), ""));
    drive("report.mjs", &project.path().join("out"));
}

#[test]
fn a_page_without_any_scenario_says_so() {
    let project = Project::new().file("run.jsonl", &sample::text(&[sample::started(None, 3)]));
    assert_eq!(project.run(&["report", "run.jsonl", "--report", "html=out"]).code, Some(1));
    drive("unfinished.mjs", &project.path().join("out"));
}

/// Runs a script of `tests/browser` on a folder of pages.
#[track_caller]
fn drive(script: &str, pages: &Path) {
    let browser = ["chromium", "chromium-browser", "google-chrome"];
    if !super::has("node", "apt-get install nodejs")
        || !browser.iter().any(|name| super::has(name, "apt-get install chromium"))
    {
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser").join(script);
    let ran = Command::new("node").arg(script).arg(pages).output().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{told}");
}
