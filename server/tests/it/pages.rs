//! The page about operating the server names every key as the program has it.

use std::path::Path;

use roundtable_server::Config;
use serde_json::Value;

const BEGIN: &str = "<!-- keys -->\n";
const END: &str = "<!-- end of keys -->";

/// The rows of the table, from the configuration's own documentation and defaults.
fn table() -> String {
    let defaults = serde_json::to_value(Config::default()).unwrap();
    let mut table = "| key | default | |\n|---|---|---|\n".to_owned();
    for (key, says) in Config::KEYS {
        let default = match &defaults[key] {
            Value::Null => "none".to_owned(),
            Value::String(text) => format!("`{text}`"),
            value => value.to_string(),
        };
        table.push_str(&format!("| `{key}` | {default} | {} |\n", says.trim()));
    }
    let keys = Config::KEYS.len();
    assert_eq!(keys, defaults.as_object().unwrap().len(), "each field of the configuration has a row");
    table
}

#[test]
fn every_key_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/server.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (rows, behind) = rest.split_once(END).unwrap();
    let table = table();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{behind}")).unwrap();
    } else {
        assert_eq!(rows, table, "docs/server.md is old: UPDATE_DOCS=1 cargo test -p roundtable-server pages");
    }
}
