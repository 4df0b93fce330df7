//! Which scenarios are played, how often, and how they are listed.

use crate::project::Project;

fn three() -> Project {
    Project::new()
        .scenario("rest/seat", "One seat", "tags: [slow, seats]\nsteps:\n  - ann: { sit: {} }\n")
        .scenario("rest/cellar", "No cellar", "steps:\n  - ann: { get: /rooms/cellar, status: 404 }\n")
        .scenario(
            "talk/rows",
            "One row for each word",
            "examples: [{ word: Hello, times: 1 }, { word: bye bye, times: 2 }]\nsteps:\n  - ann: enter\n  - repeat: \"{{ times }}\"\n    steps:\n      - ann: { say: \"{{ word }} {{ index }}\" }\n  - ann: { hears: \"{{ word }} {{ times }}\", within: 1ms }\n",
        )
}

#[test]
fn list_and_check() {
    let project = three();
    project.run(&["list"]).matches_snapshot("list");
    project.run(&["list", "--tag", "seats"]).matches_snapshot("list_tag");
    project.run(&["check"]).matches_snapshot("check");
}

#[test]
fn selectors_are_paths_suites_and_parts_of_names_and_titles() {
    let project = three();
    let listed = |args: &[&str]| {
        let ran = project.run(&[&["list"], args].concat());
        let labels = ran.stdout.lines().filter_map(|line| line.split_whitespace().next().map(str::to_owned));
        (ran.code, labels.collect::<Vec<_>>())
    };
    assert_eq!(listed(&["rest"]), (Some(0), vec!["rest/cellar".to_owned(), "rest/seat".to_owned()]));
    assert_eq!(listed(&["scenarios/rest"]), listed(&["rest"]));
    assert_eq!(listed(&["scenarios/rest/seat.yaml"]), (Some(0), vec!["rest/seat".to_owned()]));
    assert_eq!(listed(&["no CELLAR"]), (Some(0), vec!["rest/cellar".to_owned()]));
    assert_eq!(listed(&["seat", "cellar", "rest"]), listed(&["rest"]));
    assert_eq!(listed(&["rows"]).1, ["talk/rows@hello", "talk/rows@bye-bye"]);
}

#[test]
fn nothing_selected() {
    three().run(&["run", "--tag", "nowhere"]).matches_snapshot("nothing_tag");
    three().run(&["run", "seet"]).matches_snapshot("nothing_selector");
    Project::new().run(&["run"]).matches_snapshot("nothing_at_all");
    let bare = Project::new();
    std::fs::remove_file(bare.path().join("roundtable.toml")).unwrap();
    bare.run(&["run"]).matches_snapshot("nothing_and_no_configuration");
}

#[test]
fn rows_and_repetitions() {
    let ran = three().play(&["talk", "--repeat", "2"]);
    assert_eq!(ran.code, Some(1));
    ran.matches_snapshot("rows_repeated");
}

#[test]
fn fail_fast_stops_behind_the_first_failure() {
    Project::new()
        .scenario("a/first", "It fails", "steps:\n  - ann: { get: /rooms/cellar }\n")
        .scenario("b/second", "It is not reached", "steps:\n  - ann: { get: /rooms/cellar, status: 404 }\n")
        .play(&["--fail-fast"])
        .matches_snapshot("fail_fast");
}

#[test]
fn tags_select() {
    three().play(&["--tag", "seats", "--tag", "others"]).matches_snapshot("tags");
}
