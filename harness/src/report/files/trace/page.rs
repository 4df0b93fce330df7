//! The file: styles, data and scripts in one, which loads nothing else.

use std::io;

use super::data::TraceData;
use crate::report::files::template::{fill, inert_json};

const TEMPLATE: &str = include_str!("../../../../assets/trace/viewer.html");
const STYLE: &str = include_str!("../../../../assets/trace/viewer.css");
/// The scripts in order: each uses declarations of the ones before.
const SCRIPTS: &[&str] = &[
    include_str!("../../../../assets/trace/model.js"),
    include_str!("../../../../assets/trace/labels.js"),
    include_str!("../../../../assets/trace/rows.js"),
    include_str!("../../../../assets/trace/diagram.js"),
    include_str!("../../../../assets/trace/source.js"),
    include_str!("../../../../assets/trace/panel.js"),
    include_str!("../../../../assets/trace/failures.js"),
    include_str!("../../../../assets/trace/compared.js"),
    include_str!("../../../../assets/trace/grips.js"),
    include_str!("../../../../assets/trace/viewer.js"),
];

/// The page of a trace.
///
/// # Errors
/// Where the data can't be written as JSON, which it always can.
pub(super) fn trace_page(data: &TraceData<'_>) -> io::Result<String> {
    let json = inert_json(&serde_json::to_string(data)?);
    let title = escape(&format!("{} {}", data.mark(), data.label));
    let parts = fill(
        TEMPLATE,
        vec![
            ("{title}", vec![title.as_bytes()]),
            ("{style}", vec![STYLE.as_bytes()]),
            ("{data}", vec![json.as_bytes()]),
            ("{script}", SCRIPTS.iter().map(|script| script.as_bytes()).collect()),
        ],
    );
    String::from_utf8(parts.concat()).map_err(io::Error::other)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
