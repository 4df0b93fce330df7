//! The reader of sources, with small crates; what each of them ties is written as `from:line path to`.

use super::graph::{arrows, circles, told};
use super::rules::{Crate, file_circles, long_files};
use super::ties::{Tie, ties};
use super::{table, tree};

/// Gives the texts of these files, which stand in `src`.
fn texts<'a>(files: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
    move |wanted| {
        let found = files.iter().find(|(file, _)| wanted.strip_prefix("src/") == Some(file));
        found.map(|(_, text)| (*text).to_owned())
    }
}

fn read(files: &[(&str, &str)]) -> Vec<Tie> {
    let (ties, lost) = ties(&tree::read("src", "own", &texts(files)).unwrap());
    assert_eq!(lost, Vec::<String>::new());
    ties.into_iter().collect()
}

fn tied(files: &[(&str, &str)]) -> Vec<String> {
    let short = |file: &str| file.trim_start_matches("src/").to_owned();
    read(files).iter().map(|tie| format!("{}:{} {} {}", short(&tie.from), tie.line, tie.path, short(&tie.to))).collect()
}

const ROOT: (&str, &str) = ("lib.rs", "pub mod a; pub mod b;");

#[test]
fn an_import_and_a_path_within_code_tie() {
    let a = "use crate::b::{One, inner::{Two as Other, three}};\n\
             fn f(of: One) -> crate::b::Four {\n    Other::new(three(), super::b::FIVE)\n}";
    let b = "pub struct One; pub struct Four; pub const FIVE: u8 = 5;\n\
             pub mod inner { pub struct Two; pub fn three() {} }";
    assert_eq!(
        tied(&[ROOT, ("a.rs", a), ("b.rs", b)]),
        [
            "a.rs:1 crate::b::One b.rs",
            "a.rs:1 crate::b::inner::Two b.rs",
            "a.rs:1 crate::b::inner::three b.rs",
            "a.rs:2 crate::b::Four b.rs",
            "a.rs:3 super::b::FIVE b.rs"
        ]
    );
}

#[test]
fn a_path_leads_through_re_exports_to_the_file_that_defines() {
    let files = [
        ROOT,
        ("a.rs", "use crate::b::Renamed;\nuse crate::b::Starred;\nfn f() { crate::b::near::Thing::new(); }"),
        ("b/mod.rs", "mod far;\nmod near;\npub use near::Thing as Renamed;\npub use self::far::*;"),
        ("b/near.rs", "pub use super::far::Thing;"),
        ("b/far.rs", "pub struct Thing; pub struct Starred;"),
    ];
    assert_eq!(
        tied(&files),
        [
            "a.rs:1 crate::b::Renamed b/far.rs",
            "a.rs:2 crate::b::Starred b/far.rs",
            "a.rs:3 crate::b::near::Thing::new b/far.rs",
            "b/near.rs:1 super::far::Thing b/far.rs"
        ]
    );
}

#[test]
fn a_glob_ties_to_its_module_and_to_what_is_used_through_it() {
    let files = [
        ROOT,
        ("a.rs", "use crate::b::*;\nfn f(thing: Thing) {}"),
        ("b/mod.rs", "mod far;\npub use far::Thing;"),
        ("b/far.rs", "pub struct Thing;"),
    ];
    assert_eq!(tied(&files), ["a.rs:2 Thing b/far.rs", "a.rs:1 crate::b b/mod.rs"]);
}

#[test]
fn an_imported_module_ties_by_what_is_used_of_it() {
    let a = "use crate::b;\nfn f() {\n    b::run();\n}";
    assert_eq!(tied(&[ROOT, ("a.rs", a), ("b.rs", "pub fn run() {}")]), ["a.rs:3 b::run b.rs"]);
}

#[test]
fn a_module_and_a_function_may_share_a_name() {
    let files = [
        ROOT,
        ("a.rs", "use crate::b::judge;\nfn f() { crate::b::judge::other(); }"),
        ("b/mod.rs", "mod judge;\nmod far;\npub use judge::judge;\npub use judge::other;"),
        ("b/judge.rs", "pub use super::far::judge;\npub fn other() {}"),
        ("b/far.rs", "pub fn judge() {}"),
    ];
    assert_eq!(
        tied(&files),
        [
            "a.rs:1 crate::b::judge b/far.rs",
            "a.rs:2 crate::b::judge::other b/judge.rs",
            "b/judge.rs:1 super::far::judge b/far.rs"
        ]
    );
}

#[test]
fn a_parent_is_tied_to_its_child_by_use_and_not_by_handing_on() {
    let files = [
        ("lib.rs", "mod a;"),
        (
            "a/mod.rs",
            "mod given;\nmod used;\nuse given::{Given, Kept};\npub use used::Used;\nfn f() -> Used {\n    used::g()\n}",
        ),
        ("a/given.rs", "use super::Kept as Own;\npub struct Given; pub struct Kept;"),
        ("a/used.rs", "use super::Given;\npub struct Used; pub fn g() {}"),
    ];
    let wanted = ["a/mod.rs:5 Used a/used.rs", "a/mod.rs:6 used::g a/used.rs", "a/used.rs:1 super::Given a/given.rs"];
    assert_eq!(tied(&files), wanted);
}

#[test]
fn modules_within_a_file_are_of_that_file() {
    let a = "mod inner {\n    use super::super::b::One;\n    use super::Own;\n    mod deep { fn f() { super::super::super::b::two(); } }\n}\nstruct Own;";
    assert_eq!(
        tied(&[ROOT, ("a.rs", a), ("b.rs", "pub struct One; pub fn two() {}")]),
        ["a.rs:2 super::super::b::One b.rs", "a.rs:4 super::super::super::b::two b.rs"]
    );
}

#[test]
fn paths_in_macros_and_attributes_tie() {
    let a = "use crate::b;\n\
             fn f() {\n    \
             println!(\"{} {}\", crate::b::name(), value.crate_name);\n    \
             tell(|| vec![Some(b::Kind::One), 0..crate::b::LAST]);\n}\n\
             #[derive(Debug)]\nstruct S {\n    \
             #[serde(with = \"crate::b::micros\", default = \"crate::b::name\")]\n    \
             #[schemars(with = \"Option<crate::b::Kind>\", bound = b::Bound)]\n    \
             field: u8,\n}\n\
             macro_rules! made { () => { $crate::b::name() }; }";
    let b = "pub fn name() {} pub enum Kind { One } pub const LAST: u8 = 1; pub trait Bound {}\npub mod micros {}";
    assert_eq!(
        tied(&[ROOT, ("a.rs", a), ("b.rs", b)]),
        [
            "a.rs:3 crate::b::name b.rs",
            "a.rs:4 b::Kind::One b.rs",
            "a.rs:4 crate::b::LAST b.rs",
            "a.rs:8 crate::b::name b.rs",
            "a.rs:9 b::Bound b.rs",
            "a.rs:9 crate::b::Kind b.rs",
            "a.rs:12 crate::b::name b.rs"
        ]
    );
}

#[test]
fn an_impl_block_ties_to_its_type_and_its_functions_to_the_block() {
    let files = [
        ("lib.rs", "mod kind; mod part; mod user;"),
        ("kind.rs", "pub struct Kind;\nimpl Kind {\n    pub fn new() { Self::part(); self.part(); self.new(); }\n}"),
        ("part.rs", "use crate::kind::Kind;\nimpl Kind {\n    pub fn part(&self) { assert!(self.part()); }\n}"),
        ("user.rs", "fn f() { crate::kind::Kind::part(); }"),
    ];
    assert_eq!(
        tied(&files),
        [
            "kind.rs:3 Kind::part part.rs",
            "part.rs:1 crate::kind::Kind kind.rs",
            "user.rs:1 crate::kind::Kind::part kind.rs",
            "user.rs:1 crate::kind::Kind::part part.rs"
        ]
    );
}

#[test]
fn what_only_tests_have_is_left_out() {
    let a = "#[cfg(test)]\nmod tests;\n#[cfg(test)] use crate::b::One;\n#[cfg(all(unix, test))] mod more { use crate::b::Two; }\n\
             struct S { #[cfg(test)] field: crate::b::One }\nimpl S { #[cfg(test)] fn f() { crate::b::two() } }\n\
             fn f() { #[cfg(test)] crate::b::two(); #[cfg(test)] let x = crate::b::two(); match 1 { #[cfg(test)] 1 => crate::b::two(), _ => {} } }\n\
             #[cfg(not(test))] fn g() { crate::b::two() }\n#[cfg(any(test, unix))] fn h() { crate::b::two() }";
    assert_eq!(
        tied(&[ROOT, ("a.rs", a), ("b.rs", "pub struct One; pub fn two() {}")]),
        ["a.rs:8 crate::b::two b.rs", "a.rs:9 crate::b::two b.rs"]
    );
}

#[test]
fn a_program_names_its_library_and_other_crates_are_none_of_ours() {
    let files = [
        ("lib.rs", "pub mod cli; pub use cli::Cli;"),
        (
            "cli.rs",
            "use std::fmt;\npub use serde_json::Value;\npub struct Cli;\nfn f() -> fmt::Result { ::own::g(); serde::x() }",
        ),
        ("main.rs", "use own::Cli;\nuse own::cli::Value;\nfn main() { own::cli::Cli::new(); }"),
    ];
    assert_eq!(tied(&files), ["main.rs:1 own::Cli cli.rs", "main.rs:3 own::cli::Cli::new cli.rs"]);
}

#[test]
fn what_a_macro_makes_stands_where_it_is_called_and_what_nobody_makes_is_told() {
    let found =
        |b| ties(&tree::read("src", "own", &texts(&[ROOT, ("a.rs", "use crate::b::Id;"), ("b.rs", b)])).unwrap());
    let (made, lost) = found("ids! { Id }");
    assert_eq!((made.len(), lost.len()), (1, 0));
    let (made, lost) = found("struct Other;");
    assert_eq!((made.len(), lost), (0, vec!["src/a.rs:1: crate::b::Id".to_owned()]));
}

#[test]
fn what_cannot_be_read_is_told() {
    let wrong = |root| tree::read("src", "own", &texts(&[("lib.rs", root)])).err().unwrap();
    assert!(wrong("\nmod a fn").starts_with("src/lib.rs:2: "), "{}", wrong("\nmod a fn"));
    assert_eq!(wrong("mod a;"), "src/lib.rs: no file of `mod a;`");
}

/// One file uses another, by as many lines as asked.
fn uses(from: &str, to: &str, lines: usize) -> Vec<Tie> {
    (1..=lines).map(|line| Tie { from: from.into(), to: to.into(), line, path: format!("{to}::x") }).collect()
}

#[test]
fn a_circle_is_told_with_what_is_easiest_to_cut_first() {
    let all = [uses("a", "b", 2), uses("b", "c", 1), uses("c", "a", 1), uses("c", "d", 1), uses("e", "a", 1)].concat();
    let arrows = arrows(&all, |file| Some(file.to_owned()));
    let [circle] = &circles(&arrows)[..] else { panic!("one circle") };
    let wanted = "circle of 3: a, b, c\n  b -> c: 1\n    b:1 uses c::x (c)\n  c -> a: 1\n    c:1 uses a::x (a)\n  \
                  a -> b: 2\n    a:1 uses b::x (b)\n    a:2 uses b::x (b)";
    assert_eq!(told(&arrows, circle), wanted);
}

#[test]
fn an_arrow_that_may_close_a_circle_must_close_one() {
    let all = [uses("a", "b", 2), uses("b", "a", 1), uses("c", "a", 1)].concat();
    let all: Vec<&Tie> = all.iter().collect();
    let arrow = |from: &str, to: &str| vec![from.to_owned(), to.to_owned()];
    assert_eq!(file_circles(&all, &[]).len(), 1);
    assert_eq!(file_circles(&all, &[arrow("b", "a")]), Vec::<String>::new());
    let vain = ["c -> a closes no circle: take it out of the table"];
    assert_eq!(file_circles(&all, &[arrow("b", "a"), arrow("c", "a")]), vain);
}

#[test]
fn tables_are_found_by_their_heading() {
    let text = "## One\n\n| a | b |\n|---|---|\n| x | y |\n\n## Two: more\n\nwords\n\n| a | b |\n|---|---|\n| top | `main`, `cli/` |\n| low | `text` |\nwords\n| z | z |\n";
    let rows = table::rows(text, "Two: more");
    assert_eq!(rows, [["top", "`main`, `cli/`"], ["low", "`text`"]]);
    assert_eq!(table::names(&rows[0][1]), ["main", "cli"]);
    assert_eq!(table::rows(text, "Three"), Vec::<Vec<String>>::new());
}

#[test]
fn a_module_uses_its_own_layer_and_those_below() {
    let files = [
        ("lib.rs", "mod top; mod side; mod low; mod lost;"),
        ("top.rs", "use crate::{low::A, side::B};"),
        ("side.rs", "pub struct B;"),
        ("low.rs", "pub struct A;\nuse crate::side::B;"),
        ("lost.rs", ""),
    ];
    let code = Crate::read("src", "own", "Layers", &texts(&files)).unwrap();
    let table = |rows: &str| format!("# Layers\n\n| layer | modules |\n|---|---|\n{rows}");
    let wrong = table("| one | `top`, `side` |\n| two | `low/`, `gone`, `top` |\n");
    assert_eq!(
        code.layers(&wrong),
        [
            "Layers: `top` stands in two rows",
            "Layers: `lost` stands in no row",
            "Layers: there is no `gone`",
            "src/low.rs:2 uses crate::side::B (src/side.rs): low stands below side"
        ]
    );
    assert_eq!(code.layers(&table("| one | `top` |\n| two | `low`, `side`, `lost` |")), Vec::<String>::new());
}

#[test]
fn folders_have_no_circle_even_where_files_have_none() {
    let files = |used: &'static str| {
        [
            ("lib.rs", "mod run;"),
            ("run/mod.rs", "mod acts; mod steps; mod wait;"),
            ("run/acts/mod.rs", "pub mod a; pub mod b;"),
            ("run/acts/a.rs", "use crate::run::steps::c::C;"),
            ("run/acts/b.rs", "pub struct B;"),
            ("run/steps/mod.rs", "pub mod c; pub mod d;"),
            ("run/steps/c.rs", "pub struct C;"),
            ("run/steps/d.rs", used),
            ("run/wait.rs", "use super::acts::b::B;"),
        ]
    };
    let found = |used| {
        let code = Crate::read("src", "own", "Layers", &texts(&files(used))).unwrap();
        code.folder_circles().iter().map(|circle| circle.lines().next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("use crate::run::acts::b::B;"), ["circle of 2: run/acts, run/steps"]);
    assert_eq!(found("use super::c::C;"), Vec::<String>::new());
}

#[test]
fn a_long_file_needs_a_row_and_a_row_a_long_file() {
    let lengths = [("a.rs".to_owned(), 300), ("b.rs".to_owned(), 301), ("c.rs".to_owned(), 900)];
    let lengths = || lengths.iter().map(|(file, lines)| (file, lines));
    let row = |file: &str| vec![format!("`{file}`"), "a table".to_owned()];
    assert_eq!(
        long_files(lengths(), &[row("a.rs"), row("c.rs")]),
        ["b.rs has 301 lines: part it, or say why it is one file", "a.rs is not long: take it out of the table"]
    );
    assert_eq!(long_files(lengths(), &[row("b.rs"), row("c.rs")]), Vec::<String>::new());
}
