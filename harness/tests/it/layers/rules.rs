//! What must hold: layers, no circles, and no long file without a reason. Each rule gives what breaks it, a text a finding.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::graph::{arrows, circles, told};
use super::ties::{Tie, ties};
use super::{table, tree};

/// The crates: where their sources stand, what they are called, and which table says their layers.
const CRATES: [(&str, &str, &str); 2] =
    [("harness/src", "roundtable", "Layers: the harness"), ("server/src", "roundtable_server", "Layers: the server")];

/// Both crates, and what is said of them.
pub(crate) struct Code {
    crates: Vec<Crate>,
    document: String,
}

/// A crate, with what ties its files.
pub(super) struct Crate {
    folder: &'static str,
    table: &'static str,
    files: BTreeSet<String>,
    ties: BTreeSet<Tie>,
    lost: Vec<String>,
    /// How many lines each file has.
    lengths: BTreeMap<String, usize>,
}

/// A file with more lines than this has a reason.
const LONGEST: usize = 300;

impl Code {
    /// Reads the sources of a repository; the document is the one with the tables.
    pub(crate) fn read(top: &Path, document: &Path) -> Result<Self, String> {
        let text = |file: &str| std::fs::read_to_string(top.join(file)).ok();
        let document = std::fs::read_to_string(document).map_err(|error| format!("{}: {error}", document.display()))?;
        let crates = CRATES.map(|(folder, name, table)| Crate::read(folder, name, table, &text));
        Ok(Self { crates: crates.into_iter().collect::<Result<_, String>>()?, document })
    }

    /// Paths that the reader of the sources did not understand: it would miss what they tie.
    pub(crate) fn lost(&self) -> Vec<String> {
        self.crates.iter().flat_map(|one| one.lost.clone()).collect()
    }

    /// Arrows that go up in the table of layers, and what differs between table and sources.
    pub(crate) fn layers(&self) -> Vec<String> {
        self.crates.iter().flat_map(|one| one.layers(&self.document)).collect()
    }

    /// Circles between the modules at the top of a crate, and between the parts of a folder if one is a folder itself.
    pub(crate) fn folder_circles(&self) -> Vec<String> {
        self.crates.iter().flat_map(Crate::folder_circles).collect()
    }

    /// Circles between files but for those that the document lets stay, and what it lets stay in vain.
    pub(crate) fn file_circles(&self) -> Vec<String> {
        let rows = table::rows(&self.document, "Circles that stay");
        let stay: Vec<_> =
            rows.iter().map(|row| row.iter().take(2).flat_map(|cell| table::names(cell)).collect()).collect();
        file_circles(&self.ties().collect::<Vec<_>>(), &stay)
    }

    /// Long files for which the document gives no reason, and what it gives one for in vain.
    pub(crate) fn long_files(&self) -> Vec<String> {
        long_files(self.crates.iter().flat_map(|one| &one.lengths), &table::rows(&self.document, "Long files"))
    }

    /// Every tie between two files.
    pub(crate) fn ties(&self) -> impl Iterator<Item = &Tie> {
        self.crates.iter().flat_map(|one| &one.ties)
    }
}

/// Files that are long and stand in no row, and rows of files that aren't.
pub(super) fn long_files<'l>(
    lengths: impl Iterator<Item = (&'l String, &'l usize)>,
    rows: &[Vec<String>],
) -> Vec<String> {
    let mut listed: BTreeSet<String> =
        rows.iter().flat_map(|row| row.first()).flat_map(|cell| table::names(cell)).collect();
    let long = lengths.filter(|(_, lines)| **lines > LONGEST);
    let mut found: Vec<String> = long
        .filter(|(file, _)| !listed.remove(*file))
        .map(|(file, lines)| format!("{file} has {lines} lines: part it, or say why it is one file"))
        .collect();
    found.extend(listed.iter().map(|file| format!("{file} is not long: take it out of the table")));
    found
}

/// Circles between files without the arrows that may stay, and those of them without which there is no circle either.
pub(super) fn file_circles(ties: &[&Tie], stay: &[Vec<String>]) -> Vec<String> {
    let without = |left_out: &[&Vec<String>]| {
        let counts = |tie: &&&Tie| !left_out.iter().any(|arrow| arrow[..] == [tie.from.clone(), tie.to.clone()]);
        arrows(ties.iter().filter(counts).copied(), |file| Some(file.to_owned()))
    };
    let rest = without(&stay.iter().collect::<Vec<_>>());
    let circles_left = circles(&rest);
    let mut found: Vec<String> = circles_left.iter().map(|circle| told(&rest, circle)).collect();
    for arrow in stay {
        let others: Vec<_> = stay.iter().filter(|other| *other != arrow).collect();
        if circles(&without(&others)) == circles_left {
            found.push(format!("{} closes no circle: take it out of the table", arrow.join(" -> ")));
        }
    }
    found
}

impl Crate {
    pub(super) fn read(
        folder: &'static str,
        name: &str,
        table: &'static str,
        text: tree::Read<'_>,
    ) -> Result<Self, String> {
        let tree = tree::read(folder, name, text)?;
        let (ties, lost) = ties(&tree);
        let files: BTreeSet<String> = tree.modules.into_iter().map(|module| module.file).collect();
        let lines = |file: &String| text(file).map_or(0, |text| text.lines().count());
        let lengths = files.iter().map(|file| (file.clone(), lines(file))).collect();
        Ok(Self { folder, table, files, ties, lost, lengths })
    }

    /// The modules on the way to a file: `["run", "act"]`; for a root of the crate its own name.
    fn way<'a>(&self, file: &'a str) -> Vec<&'a str> {
        let path = file.strip_prefix(self.folder).unwrap_or(file).trim_matches('/').trim_end_matches(".rs");
        path.strip_suffix("/mod").unwrap_or(path).split('/').collect()
    }

    fn top(&self, file: &str) -> String {
        self.way(file)[0].to_owned()
    }

    pub(super) fn layers(&self, document: &str) -> Vec<String> {
        let rows = table::rows(document, self.table);
        let mut found = Vec::new();
        let mut layers: BTreeMap<String, usize> = BTreeMap::new();
        for (layer, row) in rows.iter().enumerate() {
            for name in row.get(1).into_iter().flat_map(|cell| table::names(cell)) {
                if *layers.entry(name.clone()).or_insert(layer) != layer {
                    found.push(format!("{}: `{name}` stands in two rows", self.table));
                }
            }
        }
        // The root of a library hands on what others define, and needs no place as long as it does no more.
        let tied =
            |name: &String| self.ties.iter().any(|tie| [&tie.from, &tie.to].iter().any(|file| self.top(file) == *name));
        let modules = self.files.iter().map(|file| self.top(file)).filter(|name| name != "lib" || tied(name));
        let modules: BTreeSet<String> = modules.collect();
        let placeless = modules.iter().filter(|name| !layers.contains_key(*name));
        found.extend(placeless.map(|name| format!("{}: `{name}` stands in no row", self.table)));
        let gone = layers.keys().filter(|name| !modules.contains(*name));
        found.extend(gone.map(|name| format!("{}: there is no `{name}`", self.table)));
        let mut upward = Vec::new();
        for (from, arrows) in &arrows(&self.ties, |file| Some(self.top(file))) {
            for (to, ties) in arrows {
                if layers.get(from).zip(layers.get(to)).is_some_and(|(from, to)| from > to) {
                    upward.push(ties.iter().map(|tie| format!("{tie}: {from} stands below {to}")).collect::<Vec<_>>());
                }
            }
        }
        upward.sort_by_key(Vec::len);
        found.extend(upward.concat());
        found
    }

    pub(super) fn folder_circles(&self) -> Vec<String> {
        let ways: Vec<Vec<&str>> = self.files.iter().map(|file| self.way(file)).collect();
        let folders: BTreeSet<&[&str]> = ways.iter().flat_map(|way| (0..way.len()).map(|end| &way[..end])).collect();
        let mut found = Vec::new();
        for &folder in &folders {
            // A folder has its parent module as one of its parts.
            let part = |file: &str| {
                let way = self.way(file);
                way.starts_with(folder).then(|| way[..way.len().min(folder.len() + 1)].join("/"))
            };
            let counts = |part: &String| {
                let way: Vec<&str> = part.split('/').collect();
                folder.is_empty() || (way.len() > folder.len() && folders.contains(&way[..]))
            };
            let arrows = arrows(&self.ties, part);
            let circles = circles(&arrows);
            found.extend(circles.iter().filter(|circle| circle.iter().any(counts)).map(|circle| told(&arrows, circle)));
        }
        found
    }
}
