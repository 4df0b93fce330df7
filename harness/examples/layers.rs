//! What the order of the architecture says of the sources, without a test run.
//!
//! ```sh
//! cargo run -p roundtable --example layers                                       # everything that breaks a rule
//! cargo run -p roundtable --example layers -- harness/src/run harness/src/report # what the first uses of the second
//! ```

use std::path::Path;
use std::process::ExitCode;

use layers::rules::Code;

#[path = "../tests/it/layers/mod.rs"]
mod layers;

fn main() -> ExitCode {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let code = match Code::read(&top, &top.join("ARCHITECTURE.md")) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => everything(&code),
        [from, to] => {
            for tie in code.ties().filter(|tie| is_in(&tie.from, from) && is_in(&tie.to, to)) {
                println!("{tie}");
            }
        }
        _ => {
            eprintln!("usage: layers [FROM TO], each a file or a folder such as harness/src/run");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn everything(code: &Code) {
    for (rule, found) in [
        ("paths that lead nowhere", code.lost()),
        ("layers", code.layers()),
        ("circles between folders", code.folder_circles()),
        ("circles between files", code.file_circles()),
        ("long files without a reason", code.long_files()),
    ] {
        println!("{rule}: {}\n{}\n", found.len(), found.join("\n"));
    }
}

/// Whether a file is the one that is meant, or stands in the folder; `harness/src/select` means `select.rs` too.
fn is_in(file: &str, part: &str) -> bool {
    let rest = file.strip_prefix(part.trim_end_matches(".rs").trim_end_matches('/'));
    rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}
