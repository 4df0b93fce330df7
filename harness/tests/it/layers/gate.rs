//! The sources of this repository, held against the tables of ARCHITECTURE.md.

use std::path::Path;
use std::sync::LazyLock;

use super::rules::Code;

static CODE: LazyLock<Code> = LazyLock::new(|| {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    Code::read(&top, &top.join("ARCHITECTURE.md")).unwrap()
});

#[track_caller]
fn none(rule: &str, found: &[String]) {
    assert!(
        found.is_empty(),
        "{rule} (\"Layers\" in ARCHITECTURE.md); {} findings:\n\n{}\n",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn every_path_leads_to_a_file() {
    none("the test must know what each path names", &CODE.lost());
}

#[test]
fn modules_use_what_stands_beside_or_below_them() {
    none("a module uses its own layer and those below", &CODE.layers());
}

#[test]
fn there_is_no_circle_between_folders() {
    none("there is no circle between folders", &CODE.folder_circles());
}

#[test]
fn a_long_file_has_a_reason() {
    none("a file has at most 300 lines, or a reason in the table", &CODE.long_files());
}

#[test]
fn there_is_no_circle_between_files() {
    none("there is no circle between files but for those of the table", &CODE.file_circles());
}
