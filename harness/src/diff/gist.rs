//! What a thing of a timeline is, in a line.

use serde_json::Value;

use super::timeline::Channel;
use crate::text::{KINDS, gist, shorten};

/// Characters that are shown of a thing.
const LONG: usize = 200;

/// A node's value in a line.
pub(super) fn gist_in(channel: &Channel, named: &Value) -> String {
    let text = |name: &str| named.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let body = named.get("body").filter(|body| !body.is_null()).map(|body| format!(" {}", gist(body)));
    let body = body.unwrap_or_default();
    let line = match channel {
        Channel::Asks(_) => format!("{} {}{body}", text("method"), text("path")),
        Channel::Answers(_) => format!("{}{body}", named["status"]),
        Channel::Opens(_) => format!("{} {} {}", text("open"), text("path"), named["status"]),
        Channel::In(..) if named.get("closed").is_some() && named.get("code").is_some() => {
            let code = named["code"].as_u64().map_or_else(|| "no close frame".to_owned(), |code| code.to_string());
            format!("closed {}: {code} {}", text("closed"), text("reason")).trim_end().to_owned()
        }
        _ => gist(named),
    };
    shorten(&line, LONG)
}

/// Takes from two values what is the same in both, but for what says which kind of thing it is.
pub(super) fn part(one: &mut Value, other: &mut Value, top: bool) {
    const HEADS: [&str; 6] = ["status", "method", "path", "open", "closed", "code"];
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            for key in one.keys().cloned().collect::<Vec<_>>() {
                let head = KINDS.contains(&key.as_str()) || (top && HEADS.contains(&key.as_str()));
                match (one.get_mut(&key), other.get_mut(&key)) {
                    (Some(left), Some(right)) if left == right && !head => {
                        one.remove(&key);
                        other.remove(&key);
                    }
                    (Some(left), Some(right)) => part(left, right, false),
                    _ => {}
                }
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let pairs = one.drain(..).zip(other.drain(..)).filter(|(left, right)| left != right);
            let (mut lefts, mut rights) = (Vec::new(), Vec::new());
            for (mut left, mut right) in pairs {
                part(&mut left, &mut right, false);
                lefts.push(left);
                rights.push(right);
            }
            (*one, *other) = (lefts, rights);
        }
        _ => {}
    }
}
