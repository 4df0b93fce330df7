//! `schema`.

use std::path::Path;

use super::output::{complain, print};
use crate::cli::SchemaArgs;
use crate::exit::Exit;
use crate::scenario::error::Severity;
use crate::scenario::load::Library;

pub(crate) fn schema(args: &SchemaArgs) -> Exit {
    if args.events {
        return print_json(&crate::event::schema::schema());
    }
    let mut library = Library::new(Path::new("."), Path::new("."));
    let protocols: Vec<_> = args.with.iter().filter_map(|file| library.protocol_file(file)).collect();
    let mut broken = false;
    for finding in library.findings().iter().filter(|finding| finding.severity == Severity::Error) {
        broken = true;
        complain(&format!("{finding}\n"));
    }
    if broken || protocols.len() < args.with.len() {
        return Exit::Invalid;
    }
    print_json(&crate::schema::schema_with(&protocols))
}

fn print_json(schema: &serde_json::Value) -> Exit {
    let text = serde_json::to_string_pretty(schema).unwrap_or_default();
    print(&format!("{text}\n"))
}
