//! Participants and groups.

use std::sync::Arc;

use indexmap::IndexMap;

use super::context::{Signature, Vocabulary};
use super::fields::{self, Fields};
use crate::scenario::error::Findings;
use crate::scenario::model::{ParticipantSpec, Protocol};
use crate::scenario::node::{Key, Kind, Node};
use crate::scenario::words::WordPlace;

/// One entry of `participants`: a participant, or a group of them.
pub(super) fn participant(
    key: &Key,
    node: &Node,
    load: &mut dyn FnMut(&Node, &mut Findings) -> Option<Arc<Protocol>>,
    main: Option<&Arc<Protocol>>,
    participants: &mut IndexMap<String, ParticipantSpec>,
    groups: &mut IndexMap<String, Vec<String>>,
    findings: &mut Findings,
) {
    if !fields::name(&key.text, key.at, "a participant", findings) {
        return;
    }
    let empty = Node { at: node.at, kind: Kind::Map(Vec::new()) };
    let node = if node.kind == Kind::Null { &empty } else { node };
    let Some(mut inner) = Fields::of(node, "a participant", findings) else { return };
    let name = inner.take("name").and_then(|node| fields::string(node, "name", findings));
    let count =
        inner.take("count").and_then(|node| fields::count(node, "count", findings).map(|count| (count, node.at)));
    let own = match inner.take("use") {
        Some(node) => load(node, findings),
        None => main.cloned(),
    };
    let identity = inner.take("identity");
    for (key, _) in identity.and_then(Node::as_map).unwrap_or_default() {
        if matches!(key.text.as_str(), "key" | "run") {
            findings.error(key.at, format!("`{}` is given by the runner", key.text));
        }
    }
    let identity = identity.map(|node| fields::templates(node, "identity", findings)).unwrap_or_default();
    let headers = inner.take("headers").map(|node| fields::headers(node, findings)).unwrap_or_default();
    inner.finish("key of a participant", &fields::names_of(WordPlace::Participant), findings);
    let Some(protocol) = own else { return };
    let keys: Vec<String> = match count {
        None => vec![key.text.clone()],
        Some((count, at)) if count == 0 || count > 1000 => {
            findings.error(at, "a group has 1 to 1000 members");
            return;
        }
        Some((count, _)) => (1..=count).map(|number| format!("{}_{number}", key.text)).collect(),
    };
    for (place, member) in keys.iter().enumerate() {
        if participants.contains_key(member) {
            findings.error(key.at, format!("the participant `{member}` is declared twice"));
        }
        let name =
            name.as_ref().map(|name| if count.is_some() { format!("{name} {}", place + 1) } else { name.clone() });
        let spec = ParticipantSpec {
            key: member.clone(),
            at: key.at,
            name,
            protocol: Arc::clone(&protocol),
            identity: identity.clone(),
            headers: headers.clone(),
        };
        participants.insert(member.clone(), spec);
    }
    if count.is_some() {
        groups.insert(key.text.clone(), keys);
    }
}

/// Which table of verbs a protocol has: its file's, since two files may have one name.
fn table(protocol: &Protocol) -> String {
    protocol.source.path.display().to_string()
}

/// The actors of a scenario and their verbs, without its stubs.
pub(super) fn vocabulary(
    participants: &IndexMap<String, ParticipantSpec>,
    groups: &IndexMap<String, Vec<String>>,
) -> Vocabulary {
    let mut vocabulary = Vocabulary::default();
    for spec in participants.values() {
        vocabulary.actors.insert(spec.key.clone(), table(&spec.protocol));
        vocabulary.verbs.entry(table(&spec.protocol)).or_insert_with(|| {
            spec.protocol.verbs.iter().map(|(name, verb)| (name.clone(), Signature::of(verb))).collect()
        });
    }
    for (group, members) in groups {
        if let Some(spec) = members.first().and_then(|member| participants.get(member)) {
            vocabulary.actors.insert(group.clone(), table(&spec.protocol));
        }
    }
    if let Some(spec) = participants.values().next() {
        vocabulary.actors.insert("all".to_owned(), table(&spec.protocol));
    }
    vocabulary
}
