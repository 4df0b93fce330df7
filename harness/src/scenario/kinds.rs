//! The kinds of frames that a protocol file and a scenario speak of. There may be more: a server sends what it likes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::model::{Barrier, Protocol, Step};
use super::template::Template;
use super::visit::{self, StepPart};

impl Protocol {
    /// Where a frame names its kind, if that is a key of the frame itself.
    pub(crate) fn kind_key(&self) -> Option<String> {
        let Some(path) = &self.snapshot.kind else { return Some("type".to_owned()) };
        let written = path.to_string();
        let name = written
            .strip_prefix("$.")
            .map(str::to_owned)
            .or_else(|| Some(written.strip_prefix("$['")?.strip_suffix("']")?.to_owned()))?;
        name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-').then_some(name)
    }

    /// The kinds that it names anywhere: in patterns, and in what verbs send.
    pub fn kinds(&self) -> BTreeSet<String> {
        let mut kinds = BTreeSet::new();
        let Some(key) = self.kind_key() else { return kinds };
        for verb in self.verbs.values() {
            kinds.extend(kinds_of(&verb.steps, &key));
        }
        let mut add = |value: Option<Value>| kinds.extend(value.iter().flat_map(texts));
        for stream in &self.streams {
            add(stream.frame.source().get(&key).cloned());
            add(stream.acks.as_ref().and_then(|acks| acks.frame.source().get(&key).cloned()));
        }
        for pattern in &self.snapshot.ephemeral {
            add(pattern.source().get(&key).cloned());
        }
        for pieces in &self.snapshot.coalesce {
            add(pieces.frames.source().get(&key).cloned());
        }
        add(self.fails.as_ref().and_then(|fails| fails.literal_at(&key)));
        if let Some(Barrier::Echo { send, receive }) = &self.barrier {
            add(send.template().literal_at(&key));
            add(receive.literal_at(&key));
        }
        kinds
    }
}

/// The kinds that steps send or expect.
pub(crate) fn kinds_of(steps: &[Step], key: &str) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    visit::steps(steps, &mut |part| {
        if let StepPart::Template(template) = part {
            kinds.extend(kinds_in(template, key));
        }
    });
    kinds
}

fn kinds_in(template: &Template, key: &str) -> Vec<String> {
    template.literal_at(key).iter().flat_map(texts).collect()
}

/// A kind, or the kinds of a `$one_of`.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Object(map) => {
            map.get("$one_of").and_then(Value::as_array).into_iter().flatten().flat_map(texts).collect()
        }
        _ => Vec::new(),
    }
}
