//! The language reference, docs/language.md: a tour written by hand, and all words from the tables that the parsers read.

use std::fmt::Write as _;

use serde_json::Value;

use crate::pattern;
use crate::scenario::stream::Invariant;
use crate::scenario::template::functions::{Callable, FUNCTIONS};
use crate::scenario::words::{BESIDE_VERB, Doer, NESTED_MAPS, Word, WordPlace, words_of};

const TOUR: &str = include_str!("reference/tour.md");
/// What a server must have declared that hands what anybody says to everybody who is connected; a test plays it.
const INVARIANTS: &str = include_str!("reference/invariants.md");

/// The whole page, in Markdown.
pub fn language() -> String {
    let mut page = String::from(TOUR);
    page.push_str("## Scenario files\n\nThe keys at the top of a scenario file. Those in bold are needed.\n\n");
    table(&mut page, WordPlace::File);
    inner(&mut page, &["wishes", "stub", "answer", "quarantine", "redaction"]);
    section(&mut page, "Participants", "The keys of one participant in `participants`; `{}` is enough.");
    table(&mut page, WordPlace::Participant);

    page.push_str("\n## Steps\n\n");
    page.push_str(
        "A step is a map with one actor and what it does, or with one control and what stands beside it. After a step \
         that fails the others are left out, except for `always`.\n",
    );
    section(&mut page, "Controls", "");
    table(&mut page, WordPlace::Control);
    section(&mut page, "Beside a control", "");
    table(&mut page, WordPlace::ControlModifier);
    inner(&mut page, &["race"]);
    section(&mut page, "An outcome of a race", "");
    table(&mut page, WordPlace::Outcome);
    inner(&mut page, &["snapshot", "log"]);

    page.push_str(
        "\n## Actions\n\nWhat a participant or a stub does, with the words that may stand beside it in the same map.\n",
    );
    for (title, names) in [
        ("Requests", &["get", "post", "put", "patch", "delete"][..]),
        (
            "Connections",
            &[
                "connect",
                "send",
                "send_text",
                "send_binary",
                "close",
                "drop",
                "closed",
                "stop_reading",
                "resume_reading",
            ],
        ),
        (
            "Expectations",
            &[
                "receive",
                "receive_next",
                "receive_in_order",
                "receive_all",
                "collect",
                "receive_nothing",
                "received",
                "mark",
            ],
        ),
    ] {
        section(&mut page, title, "");
        actions(&mut page, names);
    }
    section(
        &mut page,
        "Stubs",
        "What a stub does, besides `receive`, `receive_next`, `receive_in_order`, `receive_all`, `receive_nothing`, `received` and `closed`. A request is `{number, method, path, query, headers, json or text}`; header names are in lower case, and a parameter that is repeated is a list.",
    );
    let of_stubs: Vec<&str> =
        words_of(WordPlace::Action).filter(|word| word.doer == Doer::Stub).map(|word| word.name).collect();
    actions(&mut page, &of_stubs);
    section(
        &mut page,
        "Verbs",
        &format!(
            "`VERB: VALUE` calls a verb of the actor's protocol; a verb that needs nothing is a bare word. Beside it may stand {}.",
            code_list(BESIDE_VERB)
        ),
    );
    section(&mut page, "Beside an action", "");
    table(&mut page, WordPlace::Modifier);
    inner(&mut page, &["close", "refusal", "reply", "event"]);

    page.push_str("\n## Protocol files\n\nThe keys at the top of a protocol file.\n\n");
    table(&mut page, WordPlace::Protocol);
    inner(&mut page, &["identity", "echo", "marker", "position", "pieces"]);
    section(&mut page, "Invariants", "");
    page.push_str(
        "| Name | What must hold | What it needs of a stream beside `frame`, `id` and `order` |\n|---|---|---|\n",
    );
    for (invariant, name, doc) in Invariant::ALL {
        let _ = writeln!(page, "| `{name}` | {} | {} |", cell(doc), cell(invariant.needs()));
    }
    page.push_str(INVARIANTS);
    section(&mut page, "A verb", "");
    table(&mut page, WordPlace::Verb);
    section(&mut page, "A stream", "All paths are JSONPaths (RFC 9535) over a frame, unless they say otherwise.");
    table(&mut page, WordPlace::Stream);
    inner(&mut page, &["acks", "sending", "refusals", "membership", "member", "readback"]);

    values(&mut page);
    matchers(&mut page);
    page
}

fn section(page: &mut String, title: &str, text: &str) {
    let _ = write!(page, "\n### {title}\n\n");
    if !text.is_empty() {
        let _ = write!(page, "{text}\n\n");
    }
}

/// The words of a place.
fn table(page: &mut String, place: WordPlace) {
    rows(page, words_of(place));
}

fn rows<'w>(page: &mut String, words: impl Iterator<Item = &'w Word>) {
    page.push_str("| Word | Its value | What it means | Example |\n|---|---|---|---|\n");
    for word in words {
        let name = if word.required { format!("**`{}`**", word.name) } else { format!("`{}`", word.name) };
        let _ = writeln!(
            page,
            "| {name} | {} | {} | {} |",
            shape(&serde_json::from_str(word.schema).unwrap_or_default()),
            cell(word.doc),
            example(&format!("{}: {}", word.name, word.example)),
        );
    }
}

fn actions(page: &mut String, names: &[&str]) {
    page.push_str("| Word | Its value | What it does | Beside it | Example |\n|---|---|---|---|---|\n");
    for word in names.iter().filter_map(|name| crate::scenario::words::word_of(WordPlace::Action, name)) {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} |",
            word.name,
            shape(&serde_json::from_str(word.schema).unwrap_or_default()),
            cell(word.doc),
            code_list(word.beside),
            example(&format!("{}: {}", word.name, word.example)),
        );
    }
}

/// Smaller maps, each with its words.
fn inner(page: &mut String, names: &[&str]) {
    for map in NESTED_MAPS.iter().filter(|map| names.contains(&map.name)) {
        let mut title = map.at.replace('`', "");
        if let Some(first) = title.get(..1) {
            title.replace_range(..1, &first.to_uppercase());
        }
        let open = if map.open { "Other keys are values of the participant too: `me.KEY`." } else { "" };
        section(page, &title, open);
        table(page, WordPlace::Inside(map.name));
    }
}

fn values(page: &mut String) {
    page.push_str(
        "\n## Values\n\nAn expression stands in `{{ … }}` within any text, or bare in `check`. It sees what was \
         captured, the participants (`ann.id`, `ann.key`, `ann.name`, `ann.token`, and what their verbs gave), \
         `participants[KEY]`, `me` in a verb, `run` (digits that are this run's alone), `index` in a loop, `env.NAME`, \
         and the columns of the row. Arithmetic, comparison, `and`, `or`, `not`, `in`, `~` (joins texts) and `x if y else z` \
         are Jinja's. A name that is not set is an error.\n",
    );
    for (kind, title, text) in [
        (Callable::Function, "Functions", ""),
        (Callable::Filter, "Filters", "A filter follows `|`."),
        (Callable::Test, "Tests", "A test follows `is` or `is not`."),
    ] {
        section(page, title, text);
        page.push_str("| Name | What it gives | Example | Gives |\n|---|---|---|---|\n");
        for word in FUNCTIONS.iter().filter(|word| word.kind == kind) {
            let gives = if word.gives.is_empty() { String::new() } else { example(word.gives) };
            let _ = writeln!(page, "| `{}` | {} | {} | {gives} |", word.name, cell(word.doc), example(word.example));
        }
    }
}

fn matchers(page: &mut String) {
    page.push_str(
        "\n## Patterns\n\n- A map matches a map that has these keys with matching values; it may have more.\n\
         - A list matches a list of the same length, element by element.\n\
         - Anything else matches what is equal: `1` and `1.0` are; `null` is not the same as a missing key.\n\
         - A key that begins with `$` is a matcher; several in one map must all hold. A literal key that begins with `$` \
         has one more in front.\n",
    );
    section(page, "Matchers", "");
    page.push_str("| Matcher | What matches | Example | It accepts | It refuses |\n|---|---|---|---|---|\n");
    for word in pattern::words() {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} |",
            word.name,
            cell(word.doc),
            example(word.example),
            example(word.accepts),
            example(word.refuses)
        );
    }
}

/// A schema in a word or two.
fn shape(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return match reference.rsplit('/').next().unwrap_or_default() {
            "pattern" => "a pattern".to_owned(),
            "action" => "an action".to_owned(),
            _ => "a map".to_owned(),
        };
    }
    if let Some(options) = schema["oneOf"].as_array() {
        let mut shapes: Vec<String> = options.iter().map(shape).collect();
        shapes.dedup();
        return shapes.join(" or ");
    }
    if let Some(values) = schema["enum"].as_array() {
        return values
            .iter()
            .filter_map(Value::as_str)
            .map(|value| format!("`{value}`"))
            .collect::<Vec<_>>()
            .join(", ");
    }
    let named = |kind: &str| match kind {
        "string" if schema["pattern"].as_str().is_some_and(|pattern| pattern.contains("ms|s")) => "a length of time",
        "string" if schema["pattern"].as_str() == Some(r"^\$") => "a JSONPath",
        "string" => "text",
        "boolean" => "`true` or `false`",
        "integer" | "number" => "a number",
        "array" => match schema["items"]["$ref"].as_str() {
            Some("#/$defs/step") => "steps",
            Some("#/$defs/pattern") => "patterns",
            _ => "a list",
        },
        "object" => "a map",
        _ => "nothing",
    };
    match &schema["type"] {
        Value::String(kind) => named(kind).to_owned(),
        Value::Array(kinds) => {
            let mut shapes: Vec<&str> = kinds.iter().filter_map(Value::as_str).map(named).collect();
            if shapes.contains(&"a length of time") {
                shapes = vec!["a length of time"];
            }
            shapes.join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn example(text: &str) -> String {
    format!("`{}`", cell(text))
}

fn code_list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
