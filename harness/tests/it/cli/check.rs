//! What `check` says of files that can be played, and of what they take from other files.

use crate::project::{PROTOCOL, Project};

/// A scenario that uses every verb of the rooms protocol.
const WHOLE: &str =
    "steps:\n  - all: enter\n  - ann: { say: hello }\n  - ben: { hears: hello }\n  - ann: { sit: {} }\n";

#[test]
fn warnings_are_told_by_check_alone() {
    let project = Project::new()
        .scenario("talk/whole", "Everything is used", WHOLE)
        .scenario(
            "talk/doubtful",
            "What is probably not meant so",
            "quarantine: { issue: ROOM-7, until: 2020-01-31 }\nsteps:\n  - ann: enter\n  - ann: { get: /rooms/a, expect: { $any: true }, capture: { said: $.said } }\n  - ann: { received: { type: said }, times: { $gte: 0 } }\n",
        );
    project.run(&["check"]).matches_snapshot("warnings");
    project.run(&["check", "--deny-warnings"]).matches_snapshot("warnings_denied");
    let played = project.play(&["doubtful"]);
    assert_eq!(played.stderr, "");
    assert_eq!(project.run(&["check", "whole", "--deny-warnings"]).code, Some(0));
}

#[test]
fn of_a_whole_folder_what_nothing_uses_is_told() {
    Project::new()
        .scenario("talk/greeting", "Only a greeting", "steps:\n  - all: enter\n  - ann: { say: hello }\n")
        .file(
            "scenarios/protocols/idle.yaml",
            "protocol: idle\nverbs: { nap: { steps: [{ me: { get: '/{{ bed }}' } }] } }\n",
        )
        .file("scenarios/protocols/wrong.yaml", "protocol: wrong\nverb: {}\n")
        .run(&["check"])
        .matches_snapshot("unused");
}

#[test]
fn two_protocol_files_share_what_they_include() {
    let common = PROTOCOL.replace("protocol: rooms", "protocol: common");
    let project = Project::new()
        .file("scenarios/protocols/common.yaml", &common)
        .file("scenarios/protocols/rooms.yaml", "protocol: rooms\ninclude: common.yaml\n")
        .file(
            "scenarios/protocols/guests.yaml",
            "protocol: guests\ninclude: [common.yaml]\nidentity: { id: 'guest_{{ key }}_{{ run }}' }\nverbs: { greets: { steps: [{ me: { say: I am new } }] } }\n",
        )
        .scenario("talk/whole", "Everything is used", WHOLE)
        .file(
            "scenarios/talk/guest.yaml",
            "scenario: A guest is heard\nuse: rooms\nparticipants: { ann: {}, new: { use: guests } }\nsteps:\n  - all: enter\n  - new: greets\n  - ann: { hears: I am new }\n  - ann: { receive_nothing: { type: said } }\n  - check: new.id is startingwith('guest_')\n",
        );
    let checked = project.run(&["check", "--deny-warnings"]);
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""));
    let played = project.play(&[]);
    assert_eq!(played.code, Some(0), "{}", played.stdout);
}

#[test]
fn includes_that_can_not_be() {
    Project::new()
        .file("scenarios/protocols/rooms.yaml", "protocol: rooms\ninclude: [one.yaml, two.yaml]\nverbs:\n  say: { steps: [{ me: { get: / } }] }\n")
        .file("scenarios/protocols/one.yaml", "protocol: one\nheaders: { a: b }\nverbs:\n  say: { steps: [{ me: { get: / } }] }\n  sit: { steps: [{ me: { get: / } }] }\n")
        .file("scenarios/protocols/two.yaml", "protocol: two\nheaders: { a: c }\nverbs:\n  sit: { steps: [{ me: { get: / } }] }\n")
        .file("scenarios/protocols/ring.yaml", "protocol: ring\ninclude: link.yaml\n")
        .file("scenarios/protocols/link.yaml", "protocol: link\ninclude: ring.yaml\n")
        .file("scenarios/protocols/lost.yaml", "protocol: lost\ninclude: [one.yaml, gone.yaml]\nverbs:\n  go: { steps: [{ me: sat }] }\n")
        .file("scenarios/c.yaml", "scenario: A file that is not there\nuse: lost\nparticipants: { ann: {} }\nsteps: [{ ann: go }]\n")
        .file("scenarios/a.yaml", "scenario: Conflicts\nuse: rooms\nparticipants: { ann: {} }\nsteps: [{ ann: say }]\n")
        .file("scenarios/b.yaml", "scenario: A ring\nuse: ring\nparticipants: { ann: {} }\nsteps: [{ ann: { get: / } }]\n")
        .run(&["check"])
        .matches_snapshot("includes");
}

#[test]
fn tables_from_files() {
    let table = |name: &str| {
        format!(
            "examples: {name}\nsteps:\n  - all: enter\n  - ann: {{ say: \"{{{{ text }}}}\" }}\n  - ben: {{ hears: \"{{{{ text }}}}\" }}\n  - check: kind != 'number' or count + 1 > count\n"
        )
    };
    let project = Project::new()
        .scenario("talk/csv", "Rows of a CSV file", &table("rows.csv"))
        .scenario("talk/json", "Rows of a JSON file", &table("../rows.json"))
        .file("scenarios/talk/rows.csv", "\u{feff}text,kind,count\r\nHello there,number,1\r\n\r\n\"a, \"\"b\"\"\",number,0.5\r\n007,text,none of them\r\n")
        .file("scenarios/rows.json", "[\n\t{ \"text\": \"7\", \"kind\": \"text\", \"count\": null },\n\t{ \"text\": \"\\ud83d\\ude00\", \"kind\": \"number\", \"count\": 2 }\n]\n");
    assert_eq!(
        project.run(&["list"]).stdout,
        "talk/csv@hello-there  Rows of a CSV file\ntalk/csv@a-b  Rows of a CSV file\ntalk/csv@007  Rows of a CSV file\ntalk/json@7  Rows of a JSON file\ntalk/json@2  Rows of a JSON file\n"
    );
    let played = project.play(&[]);
    assert_eq!(played.code, Some(0), "{}", played.stdout);
}

#[test]
fn tables_that_are_wrong() {
    let mut project = Project::new();
    for (name, table) in [
        ("empty.csv", ""),
        ("head.csv", "text\n"),
        ("cells.csv", "text,count\na,1\nb\n\"c, d\",2,3\n"),
        ("columns.csv", "text,me,text\na,b,c\n"),
        ("names.csv", "text,me\na,\"{{ nobody }}\"\n"),
        ("semicolons.csv", "text;count\na;1\n"),
        ("open.csv", "text,why\na,\"b\nc,d\n"),
        ("no.json", "{ \"text\": 1 }"),
        ("broken.json", "[\n  { \"text\": 1, }\n]"),
        ("rows.json", "[\n  { \"text\": 1 },\n  2,\n  { \"txt\": 1 }\n]"),
        ("columns.json", "[\n  { \"text\": 1 },\n  { \"txt\": \"{{ x }}\" }\n]"),
        ("table.txt", "text\n"),
    ] {
        let stem = name.replace('.', "_");
        let file = format!(
            "scenario: {name}\nparticipants: {{ ann: {{}} }}\nexamples: {name}\nsteps: [{{ ann: {{ get: / }} }}]\n"
        );
        project = project.file(&format!("scenarios/{stem}.yaml"), &file).file(&format!("scenarios/{name}"), table);
    }
    project
        .file(
            "scenarios/gone.yaml",
            "scenario: x\nparticipants: { ann: {} }\nexamples: gone.csv\nsteps: [{ ann: { get: / } }]\n",
        )
        .run(&["check"])
        .matches_snapshot("wrong_tables");
}

#[test]
fn redactions_of_both_files_and_those_that_match_nothing() {
    let protocol =
        format!("{PROTOCOL}redact:\n  - {{ path: $.who, with: '[somebody]' }}\n  - {{ path: $.nowhere, with: x }}\n");
    let project = Project::new()
        .file("scenarios/protocols/rooms.yaml", &protocol)
        .scenario(
            "talk/redacted",
            "A text that is not kept",
            "redact:\n  - { path: $.text, with: '[text]' }\n  - { path: $.elsewhere, with: x }\nsteps:\n  - all: enter\n  - ann: { say: hello }\n  - ben: { hears: hello }\n  - snapshot: first\n  - ann: { say: again }\n  - ben: { hears: again }\n  - snapshot: second\n",
        );
    project.play(&["--update-snapshots"]).matches_snapshot("redactions");
    let stored = project.read("snapshots/talk/redacted/first.snap").unwrap();
    assert!(stored.contains("[text]") && stored.contains("[somebody]") && !stored.contains("hello"), "{stored}");
}
