//! The file: styles, data and scripts in one, which loads nothing else.

use std::io;

use super::data::Data;

const TEMPLATE: &str = include_str!("viewer.html");
const STYLE: &str = include_str!("viewer.css");
/// One script behind another: each sees what those before it declare.
const SCRIPTS: &[&str] = &[
    include_str!("model.js"),
    include_str!("labels.js"),
    include_str!("rows.js"),
    include_str!("diagram.js"),
    include_str!("source.js"),
    include_str!("panel.js"),
    include_str!("failures.js"),
    include_str!("viewer.js"),
];

/// The page of a trace.
///
/// # Errors
/// Where the data can't be written as JSON, which it always can.
pub(super) fn page(data: &Data<'_>) -> io::Result<String> {
    let json = inert(&serde_json::to_string(data)?);
    let scripts = SCRIPTS.concat();
    let title = escape(&format!("{} {}", data.mark(), data.label));
    let mut page = String::with_capacity(TEMPLATE.len() + STYLE.len() + scripts.len() + json.len());
    let mut rest = TEMPLATE;
    // The parts are put in from the first to the last, so that nothing in a part is taken for a place.
    for (place, part) in
        [("{title}", title.as_str()), ("{style}", STYLE), ("{data}", json.as_str()), ("{script}", scripts.as_str())]
    {
        let (before, after) = rest.split_once(place).unwrap_or((rest, ""));
        page.push_str(before);
        page.push_str(part);
        rest = after;
    }
    page.push_str(rest);
    Ok(page)
}

/// JSON that no HTML parser sees a tag or comment in.
fn inert(json: &str) -> String {
    json.replace('<', "\\u003c")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
