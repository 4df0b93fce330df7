//! The forms in which a secret may stand in a text.

use std::collections::BTreeSet;

use serde_json::Value;

/// Shorter values stand in too many innocent texts, and would be guessed from what is left.
pub(super) const SHORTEST: usize = 6;

/// A value as it stands in texts: itself, in JSON (once and twice), in Rust's debug form, in URLs, in base64 at every
/// offset, in hexadecimal digits.
pub(super) fn forms_of(value: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([value.to_owned()]);
    let json = |text: &str| {
        let quoted = Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let once = json(value);
    forms.insert(json(&once));
    forms.insert(once);
    let debug = format!("{value:?}");
    forms.insert(debug[1..debug.len() - 1].to_owned());
    for lower in [false, true] {
        for plus in [false, true] {
            for spared in ["-_.~", "-_.*", "-_.~!*'()", "-_.~!$&'()*+,;=:@/"] {
                forms.insert(percent(value, spared, lower, plus));
            }
        }
    }
    for alphabet in [STANDARD, URL_SAFE] {
        for offset in 0..3 {
            forms.extend(base64(value.as_bytes(), offset, alphabet).filter(|form| form.len() >= SHORTEST));
        }
    }
    let hex = |upper: bool| -> String {
        value.bytes().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }).collect()
    };
    forms.insert(hex(false));
    forms.insert(hex(true));
    forms
}

fn percent(value: &str, spared: &str, lower: bool, plus: bool) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        match byte {
            b' ' if plus => text.push('+'),
            byte if byte.is_ascii_alphanumeric() || spared.as_bytes().contains(&byte) => text.push(char::from(byte)),
            byte if lower => text.push_str(&format!("%{byte:02x}")),
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The digits of base64 that depend on these bytes alone, where so many others stand before them: so it is found inside
/// a longer text, as in `Basic dXNlcjpwYXNz`.
fn base64(bytes: &[u8], offset: usize, alphabet: &[u8; 64]) -> Option<String> {
    let bit = |place: usize| (bytes[place / 8] >> (7 - place % 8)) & 1;
    let first = (6 - (offset * 8) % 6) % 6;
    let digits: String = (first..)
        .step_by(6)
        .take_while(|start| start + 6 <= bytes.len() * 8)
        .map(|start| char::from(alphabet[(start..start + 6).fold(0, |sum, place| sum << 1 | usize::from(bit(place)))]))
        .collect();
    (!digits.is_empty()).then_some(digits)
}
