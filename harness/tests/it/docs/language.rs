//! The examples of the language reference: each is a file of one project, which is checked and played.

use roundtable::reference::language;

use super::{holds, top};
use crate::project::Project;

/// The fenced blocks of a page that begin with the path of a file.
fn files_of(page: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let Some(path) = block.first().and_then(|first| first.strip_prefix("# ")).filter(|path| path.contains('/'))
        else {
            assert!(!matches!(kind, "yaml" | "csv"), "a block of the page names no file:\n{}", block.join("\n"));
            continue;
        };
        files.push((path.to_owned(), block[1..].join("\n") + "\n"));
    }
    files
}

#[test]
fn the_reference_is_made_from_the_tables_of_words() {
    holds("docs/language.md", &language());
}

#[test]
fn every_row_of_a_table_has_as_many_cells_as_its_heading() {
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut heading = 0;
    for line in language().lines() {
        match cells(line) {
            _ if !line.starts_with('|') => heading = 0,
            found if heading == 0 => heading = found,
            found => assert_eq!(found, heading, "{line}"),
        }
    }
}

#[test]
fn the_tour_of_the_language_is_well_formed_and_passes() {
    let page = std::fs::read_to_string(top().join("docs/language.md")).unwrap();
    let files = files_of(&page);
    assert!(files.len() > 6, "only {} files were found", files.len());
    let mut project = Project::new();
    for (path, text) in &files {
        project = project.file(path, text);
    }
    let checked = project.run(&["check", "--deny-warnings"]);
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""), "{}", checked.stdout);
    let played = project.play(&[]);
    assert_eq!(played.code, Some(0), "{}", played.stdout);
    let schema = project.run(&["schema", "--with", "scenarios/protocols/rooms.yaml", "scenarios/protocols/quiet.yaml"]);
    assert!(schema.code == Some(0) && schema.stdout.contains("listens"), "{}", schema.stderr);
}

#[test]
fn what_a_broadcast_declares_finds_a_message_that_is_lost() {
    let files = files_of(&std::fs::read_to_string(top().join("docs/language.md")).unwrap());
    let of = |path: &str| files.iter().find(|(file, _)| file == path).map(|(_, text)| text.clone()).unwrap();
    let (protocol, scenario) = (of("scenarios/protocols/board.yaml"), of("scenarios/talk/board.yaml"));
    let project = Project::new()
        .file("scenarios/protocols/board.yaml", &protocol)
        .file("scenarios/talk/board.yaml", &scenario.replace("ben: ", "deaf: "));
    let ran = project.play(&[]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("✗ reaches_all: deaf never got 1"), "{}", ran.stdout);
    // What is misspelt is told of a run of everything, and not of one that leaves something out.
    let misspelt = protocol.replace("{ type: message }", "{ type: mesage }").replace(", reaches_all", "");
    let project =
        project.file("scenarios/protocols/board.yaml", &misspelt).file("scenarios/talk/board.yaml", &scenario);
    let note = "note nothing matched `frame` of the stream `messages` (scenarios/protocols/board.yaml:12) in 1 scenario, so invariants had nothing to judge by it; there were frames message, stored, welcome\n";
    let whole = project.play(&[]);
    assert!(whole.stdout.contains("1 passed") && whole.stdout.contains(note), "{}", whole.stdout);
    let part = project.play(&["board"]);
    assert!(part.stdout.contains("1 passed") && !part.stdout.contains("nothing matched"), "{}", part.stdout);
    let listed = protocol.replace("{ type: message }", "{ type: [message, edit] }").replace(", reaches_all", "");
    let project = project.file("scenarios/protocols/board.yaml", &listed);
    let whole = project.play(&[]);
    let mend = "message, stored, welcome; at $.type it has a list, which matches a list: did you mean `$one_of`?\n";
    assert!(whole.stdout.contains(mend), "{}", whole.stdout);
    // One scenario in which it matches is enough.
    let silent = "scenario: Nobody is there to hear\nuse: board\nparticipants: { ann: {} }\nsteps: [{ ann: enter }, { ann: { say: hello } }]\n";
    let project = project.file("scenarios/protocols/board.yaml", &protocol).file("scenarios/talk/alone.yaml", silent);
    let whole = project.play(&[]);
    assert!(whole.stdout.contains("2 passed") && !whole.stdout.contains("nothing matched"), "{}", whole.stdout);
}

#[test]
fn a_schema_with_a_protocol_that_is_wrong() {
    let project = Project::new().file("wrong.yaml", "protocol: x\nverb: {}\n");
    project.run(&["schema", "--with", "wrong.yaml", "gone.yaml"]).matches_snapshot("schema_wrong");
}
