//! Files by their extension.

use std::path::Path;

use serde_json::Value;

/// Parses a file's text as JSON or, by default, as TOML.
pub(crate) fn parse_by_extension(path: &Path, text: &str) -> Result<Value, String> {
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    if is_json {
        serde_json::from_str(text).map_err(|error| error.to_string())
    } else {
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
    }
}
