//! Streams.

use std::collections::BTreeSet;

use crate::scenario::error::Findings;
use crate::scenario::lower::fields::{self, Fields};
use crate::scenario::lower::patterns;
use crate::scenario::model::{Barrier, Protocol};
use crate::scenario::node::{Kind, Node};
use crate::scenario::stream::{Acks, Invariant, MemberRule, Membership, Readback, Refusals, Send, Stream};
use crate::scenario::template::{BUILT_IN, Template};
use crate::scenario::words::WordPlace;
use crate::text::nearest_word;

/// Warns of invariants that no declared stream gives anything to judge by: they are unknown whatever happens.
pub(super) fn judgeable(protocol: &Protocol, node: &Node, findings: &mut Findings) {
    let streams = &protocol.streams;
    let sent = streams.iter().any(|stream| stream.acks.is_some() || !stream.sends.is_empty());
    for invariant in &protocol.invariants {
        let missing = match invariant {
            _ if streams.is_empty() => "the protocol declares no stream",
            Invariant::ReachesAll | Invariant::AckedNotLost if !sent => "no stream declares `acks` or `sends`",
            Invariant::ReachesAll | Invariant::MembersOnly if streams.iter().all(|one| one.membership.is_none()) => {
                "no stream declares `membership`"
            }
            Invariant::AckedNotLost if streams.iter().all(|one| one.readback.is_none()) => {
                "no stream declares `readback`"
            }
            Invariant::ReachesAll if !matches!(protocol.barrier, Some(Barrier::Echo { .. })) => {
                "the protocol has no `echo` barrier, whose answer must come behind everything"
            }
            _ => continue,
        };
        let message = format!("`{}` never judges anything: {missing}", invariant.name());
        findings.warning(node.at, message, "declare it, or take the invariant away".to_owned());
    }
}

pub(super) fn invariants(node: &Node, findings: &mut Findings) -> Vec<Invariant> {
    let items = node.as_list().unwrap_or_default();
    if node.as_list().is_none() && !node.is_broken() {
        findings.error(node.at, "`invariants` must be a list of names");
    }
    items
        .iter()
        .filter_map(|item| {
            let name = fields::string(item, "an invariant", findings)?;
            let found = Invariant::ALL.iter().find(|(_, known, _)| *known == name).map(|(which, ..)| *which);
            if found.is_none() {
                findings.unknown(item.at, "invariant", &name, Invariant::ALL.iter().map(|(_, name, _)| *name));
            }
            found
        })
        .collect()
}

pub(super) fn stream(name: &str, node: &Node, settable: &BTreeSet<String>, findings: &mut Findings) -> Option<Stream> {
    let mut inner = Fields::of(node, "a stream", findings)?;
    let frame = inner.need("frame", "a stream", findings).and_then(|node| patterns::fixed_pattern(node, findings));
    let path = |key: &str, inner: &mut Fields<'_>, findings: &mut Findings| {
        inner.take(key).and_then(|node| fields::json_path(node, key, findings))
    };
    let need = |key: &str, inner: &mut Fields<'_>, what: &str, findings: &mut Findings| {
        inner.need(key, what, findings).and_then(|node| fields::json_path(node, key, findings))
    };
    let stream = path("stream", &mut inner, findings);
    let single = stream.is_none() && node.get("stream").is_none();
    let id = need("id", &mut inner, "a stream", findings);
    let order = need("order", &mut inner, "a stream", findings);
    let connection = path("connection", &mut inner, findings);
    let client_id = path("client_id", &mut inner, findings);
    let resume = inner.take("resume").and_then(|node| fields::string(node, "resume", findings));
    let acks = inner.take("acks").and_then(|node| {
        let mut inner = Fields::of(node, "acks", findings)?;
        let frame = inner.need("frame", "acks", findings).and_then(|node| patterns::fixed_pattern(node, findings));
        let id = need("id", &mut inner, "acks", findings);
        let order = need("order", &mut inner, "acks", findings);
        let stream = path("stream", &mut inner, findings);
        let client_id = path("client_id", &mut inner, findings);
        let repeated = inner.take("repeated").and_then(|node| patterns::fixed_pattern(node, findings));
        let delivers = inner.take("delivers").and_then(|node| fields::boolean(node, "delivers", findings));
        inner.finish(
            "key of `acks`",
            &["frame", "id", "order", "stream", "client_id", "repeated", "delivers"],
            findings,
        );
        Some(Acks {
            frame: frame?,
            id: id?,
            order: order?,
            stream,
            client_id,
            repeated,
            delivers: delivers.unwrap_or(true),
        })
    });
    let mut sends = Vec::new();
    let list = inner.take("sends");
    if let Some(node) = list
        && node.as_list().is_none()
    {
        findings.error(node.at, format!("`sends` must be a list, not {}", node.describe()));
    }
    for item in list.and_then(Node::as_list).unwrap_or_default() {
        let Some(mut inner) = Fields::of(item, "sends", findings) else { continue };
        if inner.rest().iter().any(|(key, _)| key.text == "request") {
            let request =
                inner.need("request", "sends", findings).and_then(|node| patterns::fixed_pattern(node, findings));
            let stream = if single {
                path("stream", &mut inner, findings)
            } else {
                need("stream", &mut inner, "a request that sends", findings)
            };
            let id = need("id", &mut inner, "a request that sends", findings);
            let order = need("order", &mut inner, "a request that sends", findings);
            if let (Some(request), Some(id), Some(order)) = (request, id, order) {
                sends.push(Send::Request { request, stream, id, order });
            }
        } else {
            let frame = inner.need("frame", "sends", findings).and_then(|node| patterns::fixed_pattern(node, findings));
            let client_id = need("client_id", &mut inner, "a frame that sends", findings);
            let refused = inner.take("refused").and_then(|node| refusals(node, findings));
            if let (Some(frame), Some(client_id)) = (frame, client_id) {
                sends.push(Send::Frame { frame, client_id, refused });
            }
        }
        inner.finish(
            "key of `sends`",
            &["frame", "client_id", "refused", "request", "stream", "id", "order"],
            findings,
        );
    }
    let membership = inner.take("membership").and_then(|node| {
        let mut inner = Fields::of(node, "membership", findings)?;
        let join = inner.take("join").map(|node| member_rules(node, single, findings)).unwrap_or_default();
        let leave = inner.take("leave").map(|node| member_rules(node, single, findings)).unwrap_or_default();
        let connected = inner.take("connected").and_then(|node| fields::boolean(node, "connected", findings));
        inner.finish("key of `membership`", &["join", "leave", "connected"], findings);
        Some(Membership { join, leave, connected: connected.unwrap_or_default() })
    });
    let readback = inner.take("readback").and_then(|node| {
        let mut inner = Fields::of(node, "readback", findings)?;
        let get = inner.need("get", "readback", findings).and_then(|node| readback_path(node, settable, findings));
        let items = need("items", &mut inner, "readback", findings);
        let id = need("id", &mut inner, "readback", findings);
        let order = need("order", &mut inner, "readback", findings);
        let more = path("more", &mut inner, findings);
        inner.finish("key of `readback`", &["get", "items", "id", "order", "more"], findings);
        Some(Readback { get: get?, items: items?, id: id?, order: order?, more })
    });
    inner.finish("key of a stream", &fields::names_of(WordPlace::Stream), findings);
    Some(Stream {
        name: name.to_owned(),
        frame: frame?,
        stream,
        connection,
        id: id?,
        order: order?,
        client_id,
        resume,
        acks,
        sends,
        membership,
        readback,
    })
}

/// What refuses a frame that sends.
fn refusals(node: &Node, findings: &mut Findings) -> Option<Refusals> {
    let mut inner = Fields::of(node, "refused", findings)?;
    let frame = inner.need("frame", "refused", findings).and_then(|node| patterns::fixed_pattern(node, findings));
    let client_id =
        inner.need("client_id", "refused", findings).and_then(|node| fields::json_path(node, "client_id", findings));
    inner.finish("key of `refused`", &["frame", "client_id"], findings);
    Some(Refusals { frame: frame?, client_id: client_id? })
}

/// The path of a readback: it sees `stream` and `after`, and what a scenario has captured.
fn readback_path(node: &Node, settable: &BTreeSet<String>, findings: &mut Findings) -> Option<String> {
    const SEEN: [&str; 5] = ["stream", "after", "me", "run", "participants"];
    let path = fields::string(node, "get", findings)?;
    let mut unknown = Vec::new();
    Template::lower(node, findings).visit(&mut |expr| {
        let firsts = expr.names.iter().filter_map(|name| name.split('.').next());
        unknown.extend(
            firsts
                .filter(|first| !SEEN.contains(first) && !BUILT_IN.contains(first) && !settable.contains(*first))
                .map(str::to_owned),
        );
    });
    for name in unknown {
        let help = nearest_word(&name, SEEN).map_or_else(
            || "a readback sees `stream` and `after`, the last order that was read".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        findings.error_help(node.at, format!("there is no `{name}` in a readback"), help);
    }
    Some(path)
}

fn member_rules(node: &Node, single: bool, findings: &mut Findings) -> Vec<MemberRule> {
    let items: Vec<&Node> = match &node.kind {
        Kind::List(items) => items.iter().collect(),
        _ => vec![node],
    };
    items
        .into_iter()
        .filter_map(|item| {
            let mut inner = Fields::of(item, "a rule of membership", findings)?;
            let request = inner
                .need("request", "a rule of membership", findings)
                .and_then(|node| patterns::fixed_pattern(node, findings));
            let stream =
                if single { inner.take("stream") } else { inner.need("stream", "a rule of membership", findings) };
            let stream = stream.and_then(|node| fields::json_path(node, "stream", findings));
            let member = inner.take("member").and_then(|node| fields::json_path(node, "member", findings));
            inner.finish("key of a rule of membership", &["request", "stream", "member"], findings);
            Some(MemberRule { request: request?, stream, member })
        })
        .collect()
}
