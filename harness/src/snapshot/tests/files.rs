//! Files in insta's format.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::snapshot::store::{
    ComparedWith, Comparison, FrontMatter, StoreError, accept, clear_pending, compare, note_references, orphans,
    path_of, pending_below, pending_path, read_pending, remove, write_pending,
};
use crate::text::slug;

fn meta(expression: &str) -> FrontMatter {
    FrontMatter {
        source: "scenarios/e2e/leave.yaml".to_owned(),
        expression: expression.to_owned(),
        line: Some(12),
        scenario: Some("e2e/leave@second".to_owned()),
    }
}

#[test]
fn paths_mirror_the_scenarios() {
    let root = Path::new("snapshots");
    let path = |name, row| path_of(root, "e2e", "leave", name, row).display().to_string();
    assert_eq!(path("after rejoining", None), "snapshots/e2e/leave/after-rejoining.snap");
    assert_eq!(path("After: re-joining?", Some("Row 2")), "snapshots/e2e/leave/after-re-joining@row-2.snap");
    assert_eq!(path_of(root, "", "x", "a", None), Path::new("snapshots/x/a.snap"));
    assert_eq!(slug("../É v1.2/"), "é-v1-2");
    assert_eq!(slug("!?"), "snapshot");
}

#[test]
fn compare_accept_compare() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = path_of(folder.path(), "e2e", "leave", "after", None);
    let text = "alice:\n  state: {}\n";
    assert_eq!(compare(&path, text).expect("readable"), Comparison::Missing { new: text.to_owned() });
    let new = pending_path(&path);
    assert_eq!(new, folder.path().join("e2e/leave/after.snap.new"));
    assert_eq!(read_pending(&new).expect("none is there"), None);
    write_pending(&new, text, &meta("after"), None).expect("writable");
    let read = read_pending(&new).expect("readable").expect("there");
    assert_eq!(
        (read.front_matter, read.compared_with, read.text),
        (meta("after"), Some(ComparedWith::Nothing), text.to_owned())
    );
    accept(&path, text, &meta("after")).expect("writable");
    assert!(!new.exists());
    assert_eq!(compare(&path, text).expect("readable"), Comparison::Same);
    let differs = Comparison::Differs { old: text.to_owned(), new: "b: 1\n".to_owned() };
    assert_eq!(compare(&path, "b: 1").expect("readable"), differs);
    fs::write(&path, fs::read_to_string(&path).expect("readable").replace('\n', "\r\n")).expect("writable");
    assert_eq!(compare(&path, text).expect("readable"), Comparison::Same);
    clear_pending(&new).expect("none is there");
}

#[test]
fn a_pending_snapshot_may_stand_in_another_folder_and_says_what_it_was_compared_with() {
    let (tree, left) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let path = path_of(tree.path(), "e2e", "leave", "after", Some("second"));
    let new = pending_below(left.path(), tree.path(), &path);
    assert_eq!(new, left.path().join("e2e/leave/after@second.snap.new"));
    accept(&path, "a: 1\n", &meta("after")).expect("writable");
    write_pending(&new, "a: 2\n", &meta("after"), Some("a: 1\n")).expect("writable");
    let read = read_pending(&new).expect("readable").expect("there");
    assert_eq!(read.compared_with, Some(ComparedWith::of(Some("a: 1"))));
    assert_ne!(read.compared_with, Some(ComparedWith::of(Some("a: 2"))));
    assert_eq!(
        compare(&path, &read.text).expect("readable"),
        Comparison::Differs { old: "a: 1\n".to_owned(), new: "a: 2\n".to_owned() }
    );
}

#[test]
fn a_merge_conflict_is_named_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.snap");
    fs::write(&path, "---\nsource: x\n---\n<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> theirs\n").expect("writable");
    assert!(matches!(compare(&path, "a: 1"), Err(StoreError::Conflict { line: 4, .. })));
}

#[test]
fn removing_takes_empty_folders_along() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |stem| path_of(folder.path(), "e2e", stem, "after", None);
    for stem in ["leave", "join"] {
        accept(&path(stem), "a: 1\n", &meta("after")).expect("writable");
    }
    write_pending(&pending_path(&path("leave")), "a: 2\n", &meta("after"), Some("a: 1\n")).expect("writable");
    remove(folder.path(), &path("leave")).expect("writable");
    assert!(!folder.path().join("e2e/leave").exists() && path("join").exists());
    remove(folder.path(), &path("join")).expect("writable");
    assert!(folder.path().exists() && !folder.path().join("e2e").exists());
}

#[test]
fn insta_reads_what_we_write_and_writes_it_alike() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "alice:\n  messages:\n    - message 1: {content: \"a: b\"}\n";
    for expression in ["after rejoining", "a: b", "12", "true", "#1", "it's", "Größe", "", "\"x\"", "- a"] {
        let path = folder.path().join("one.snap");
        accept(&path, text, &meta(expression)).expect("writable");
        let snapshot = insta::Snapshot::from_file(&path).expect("insta reads it");
        assert_eq!(snapshot.metadata().source(), Some("scenarios/e2e/leave.yaml"));
        assert_eq!(snapshot.metadata().expression(), Some(expression));
        assert_eq!(snapshot.metadata().assertion_line(), None);
        assert_eq!(snapshot.as_text().expect("a text").to_string(), text.trim_end());
        let copy = folder.path().join("copy.snap");
        snapshot.save(&copy).expect("insta writes it");
        assert_eq!(fs::read(&copy).expect("readable"), fs::read(&path).expect("readable"), "{expression}");

        // What `cargo insta accept` does with a pending one gives the same file.
        let new = pending_path(&path);
        write_pending(&new, text, &meta(expression), Some("old")).expect("writable");
        let snapshot = insta::Snapshot::from_file(&new).expect("insta reads it");
        assert_eq!(snapshot.metadata().assertion_line(), Some(12));
        snapshot.save(&copy).expect("insta writes it");
        assert_eq!(fs::read(&copy).expect("readable"), fs::read(&path).expect("readable"), "{expression}");
    }
}

#[test]
fn what_is_no_snapshot_is_an_error_and_not_overwritten_silently() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.snap");
    for file in ["", "a: 1\n", "---\nsource: x\n"] {
        fs::write(&path, file).expect("writable");
        assert!(matches!(compare(&path, "a: 1"), Err(StoreError::Format(_))), "{file}");
    }
    assert!(matches!(compare(folder.path(), ""), Err(StoreError::Io { doing: "read", .. })));
}

#[test]
fn orphans_are_the_files_that_nobody_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name| path_of(folder.path(), "e2e", "leave", name, None);
    for name in ["b", "a", "used"] {
        accept(&path(name), "x: 1\n", &meta(name)).expect("writable");
    }
    write_pending(&pending_path(&path("c")), "x: 1\n", &meta("c"), None).expect("writable");
    let touched = BTreeSet::from([path("used")]);
    assert_eq!(orphans(folder.path(), &touched).expect("readable"), [path("a"), path("b")]);
    assert_eq!(orphans(&folder.path().join("none"), &touched).expect("empty"), [""; 0].map(std::path::PathBuf::from));
    let notes = folder.path().join("references");
    note_references(&notes, &touched).expect("writable");
    note_references(&notes, &touched).expect("writable");
    assert_eq!(fs::read_to_string(notes).expect("readable"), format!("{0}\n{0}\n", path("used").display()));
}
