//! Protocol files: everything that is special to a server.

use std::sync::Arc;

use indexmap::IndexMap;

use super::fields::{self, Fields};
use super::{Lower, Signature, World};
use crate::scenario::error::Findings;
use crate::scenario::model::{Action, Barrier, Http, Protocol, Step, StepKind, Verb};
use crate::scenario::node::{Kind, Node};
use crate::scenario::stream::{
    Acks, Coalesce, IdKind, Invariant, MemberRule, Membership, Readback, Redaction, Send, SnapshotRules, Stream,
};
use crate::scenario::template::Template;
use crate::scenario::words::{self, Place};

/// Lowers a protocol file.
pub(crate) fn protocol(root: &Node, findings: &mut Findings) -> Option<Protocol> {
    let mut fields = Fields::of(root, "a protocol file", findings)?;
    let source = Arc::clone(findings.source());
    let name = fields
        .need("protocol", "a protocol file", findings)
        .and_then(|node| fields::string(node, "protocol", findings));
    let server = fields.take("server").and_then(|node| fields::string(node, "server", findings));

    let verb_nodes = fields.take("verbs").and_then(|node| Fields::of(node, "verbs", findings));
    let mut verb_fields: Vec<(&str, &Node)> = Vec::new();
    let mut signatures = IndexMap::new();
    for (key, node) in verb_nodes.iter().flat_map(super::fields::Fields::rest) {
        if words::word_of(Place::Action, &key.text).is_some() || fields::name(&key.text, key.at, "a verb", findings) {
            if words::word_of(Place::Action, &key.text).is_some() {
                findings.error(key.at, format!("`{}` can't name a verb: it is a built-in action", key.text));
                continue;
            }
            signatures.insert(key.text.clone(), signature(node, findings));
            verb_fields.push((&key.text, node));
        }
    }
    let protocol_name = name.clone().unwrap_or_default();
    let world = World {
        actors: IndexMap::from([("me".to_owned(), protocol_name.clone())]),
        verbs: IndexMap::from([(protocol_name, signatures.clone())]),
    };
    let mut lower = Lower { findings, world, in_verb: true };

    let mut verbs = IndexMap::new();
    for (name, node) in verb_fields {
        if let Some(verb) = lower.verb(name, node, &signatures[name]) {
            verbs.insert(name.to_owned(), Arc::new(verb));
        }
    }
    lower.refuse_cycles(&verbs, root);
    lower.in_verb = false;

    let (identity, login) = fields.take("identity").map(|node| lower.identity(node)).unwrap_or_default();
    let barrier = fields.take("barrier").and_then(|node| lower.barrier(node));
    let state = fields.take("state").map(|node| lower.state(node)).unwrap_or_default();
    let findings = lower.findings;
    let headers = fields.take("headers").map(|node| fields::headers(node, findings)).unwrap_or_default();
    let fails = fields.take("fails").map(|node| fields::pattern(node, findings));
    let mut streams = Vec::new();
    if let Some(inner) = fields.take("streams").and_then(|node| Fields::of(node, "streams", findings)) {
        for (key, node) in inner.rest() {
            streams.extend(stream(&key.text, node, findings));
        }
    }
    let invariants = fields.take("invariants").map(|node| invariants(node, findings)).unwrap_or_default();
    let snapshot = snapshot_rules(&mut fields, findings);
    fields.finish("key of a protocol file", &fields::names_of(Place::Protocol), findings);
    Some(Protocol {
        source,
        name: name?,
        server,
        identity,
        login,
        headers,
        barrier,
        fails,
        verbs,
        streams,
        invariants,
        state,
        snapshot,
    })
}

/// What a verb takes, read before any steps are, so that verbs may call each other.
fn signature(node: &Node, findings: &mut Findings) -> Signature {
    let Some(takes) = node.get("takes") else { return Signature::default() };
    match &takes.kind {
        Kind::String(one) => {
            fields::name(one, takes.at, "a parameter", findings);
            Signature { params: IndexMap::from([(one.clone(), false)]), positional: true }
        }
        Kind::List(items) => {
            let params = items
                .iter()
                .filter_map(|item| {
                    let name = fields::string(item, "a parameter", findings)?;
                    fields::name(&name, item.at, "a parameter", findings).then_some((name, false))
                })
                .collect();
            Signature { params, positional: false }
        }
        Kind::Map(entries) => {
            let mut params = IndexMap::new();
            for (key, _) in entries {
                if fields::name(&key.text, key.at, "a parameter", findings) {
                    params.insert(key.text.clone(), true);
                }
            }
            Signature { params, positional: false }
        }
        _ => {
            if !takes.is_broken() {
                findings.error_help(
                    takes.at,
                    "`takes` must be a name, a list of names, or a map with defaults",
                    "write for example `takes: text`",
                );
            }
            Signature::default()
        }
    }
}

impl Lower<'_> {
    fn verb(&mut self, name: &str, node: &Node, signature: &Signature) -> Option<Verb> {
        let mut inner = Fields::of(node, "a verb", self.findings)?;
        let takes = inner.take("takes");
        let defaults = takes.and_then(Node::as_map);
        let params = signature
            .params
            .keys()
            .map(|param| {
                let default = defaults.and_then(|map| map.iter().find(|(key, _)| key.text == *param));
                (param.clone(), default.map(|(_, node)| Template::lower(node, self.findings)))
            })
            .collect();
        let gives = inner.take("gives").map(|node| fields::strings(node, "gives", self.findings)).unwrap_or_default();
        let doc = inner.take("doc").and_then(|node| fields::string(node, "doc", self.findings));
        let list = inner.need("steps", "a verb", self.findings);
        inner.finish("key of a verb", &fields::names_of(Place::Verb), self.findings);
        let list = list?;
        let before = self.findings.list.len();
        let steps = self.steps(list, "steps");
        let mut marked = Vec::new();
        for (place, item) in list.as_list().unwrap_or_default().iter().enumerate() {
            let Some(at) = self.says_main(item) else { continue };
            if !matches!(steps.get(place).map(|step| &step.kind), Some(StepKind::Act { action, .. }) if is_request(action))
            {
                self.findings.error(at, "`main` stands at a request, a connect, or the call of a verb");
            }
            marked.push(place);
        }
        if marked.len() > 1 {
            self.findings.error(list.at, format!("`{name}` has more than one main step"));
        }
        let requests: Vec<usize> = steps
            .iter()
            .enumerate()
            .filter(|(_, step)| matches!(&step.kind, StepKind::Act { action, .. } if is_request(action)))
            .map(|(place, _)| place)
            .collect();
        let main = if self.findings.list.len() > before {
            None
        } else {
            marked.first().copied().or(if requests.len() == 1 { Some(requests[0]) } else { None })
        };
        Some(Verb { name: name.to_owned(), doc, params, positional: signature.positional, gives, steps, main })
    }

    /// A verb that calls itself, directly or by others, would never end.
    fn refuse_cycles(&mut self, verbs: &IndexMap<String, Arc<Verb>>, root: &Node) {
        fn calls(steps: &[Step], found: &mut Vec<String>) {
            for step in steps {
                match &step.kind {
                    StepKind::Act { action, .. } => {
                        if let Action::Call(call) = action.as_ref() {
                            found.push(call.verb.clone());
                        }
                    }
                    StepKind::Parallel(branches) => branches.iter().for_each(|branch| calls(branch, found)),
                    StepKind::Repeat { steps, .. } | StepKind::ForEach { steps, .. } => calls(steps, found),
                    _ => {}
                }
            }
        }
        for name in verbs.keys() {
            let mut reached = Vec::new();
            calls(&verbs[name].steps, &mut reached);
            let mut place = 0;
            while place < reached.len() {
                if let Some(verb) = verbs.get(&reached[place]) {
                    let mut further = Vec::new();
                    calls(&verb.steps, &mut further);
                    further.retain(|next| !reached.contains(next));
                    reached.extend(further);
                }
                place += 1;
            }
            if reached.contains(name) {
                let at = root
                    .get("verbs")
                    .and_then(Node::as_map)
                    .and_then(|map| map.iter().find(|(key, _)| key.text == *name))
                    .map_or(root.at, |(key, _)| key.at);
                self.findings.error(at, format!("`{name}` calls itself"));
            }
        }
    }

    fn identity(&mut self, node: &Node) -> (IndexMap<String, Template>, Vec<Step>) {
        let Some(mut inner) = Fields::of(node, "identity", self.findings) else { return Default::default() };
        let login = inner.take("steps").map(|node| self.steps(node, "steps")).unwrap_or_default();
        let mut identity = IndexMap::new();
        for (key, value) in inner.rest() {
            if matches!(key.text.as_str(), "key" | "run" | "steps") {
                self.findings.error(key.at, format!("`{}` is given by the runner", key.text));
            }
            identity.insert(key.text.clone(), Template::lower(value, self.findings));
        }
        (identity, login)
    }

    fn barrier(&mut self, node: &Node) -> Option<Barrier> {
        let [(kind, value)] = node.as_map().unwrap_or_default() else {
            if !node.is_broken() {
                self.findings.error_help(
                    node.at,
                    "a barrier is one of `echo`, `marker` and `get`",
                    "write for example `barrier: { echo: { send: { type: ping }, receive: { type: pong } } }`",
                );
            }
            return None;
        };
        let what = format!("the barrier `{}`", kind.text);
        let mut inner = Fields::of(value, &what, self.findings)?;
        let (barrier, known): (Option<Barrier>, &[&str]) = match kind.text.as_str() {
            "echo" => {
                let send = inner.need("send", &what, self.findings).map(|node| Template::lower(node, self.findings));
                let receive =
                    inner.need("receive", &what, self.findings).map(|node| fields::pattern(node, self.findings));
                (send.zip(receive).map(|(send, receive)| Barrier::Echo { send, receive }), &["send", "receive"])
            }
            "marker" => {
                let action = inner.need("do", &what, self.findings).and_then(|node| {
                    let action = Arc::new(self.action(node, "me")?);
                    let kind = StepKind::Act { actor: "me".to_owned(), action };
                    Some(Box::new(Step { source: Arc::clone(self.findings.source()), at: node.at, kind }))
                });
                let receive =
                    inner.need("receive", &what, self.findings).map(|node| fields::pattern(node, self.findings));
                let hides =
                    inner.take("hides").map(|node| fields::patterns(node, "hides", self.findings)).unwrap_or_default();
                (
                    action.zip(receive).map(|(action, receive)| Barrier::Marker { action, receive, hides }),
                    &["do", "receive", "hides"],
                )
            }
            "get" => {
                let get =
                    inner.need("get", &what, self.findings).and_then(|node| fields::text(node, "get", self.findings));
                let offset = inner
                    .need("offset", &what, self.findings)
                    .and_then(|node| fields::json_path(node, "offset", self.findings));
                let frame = inner.need("frame", &what, self.findings).map(|node| fields::pattern(node, self.findings));
                let passed = inner
                    .need("passed", &what, self.findings)
                    .and_then(|node| fields::json_path(node, "passed", self.findings));
                let answers = inner.take("answers").map(|node| fields::pattern(node, self.findings));
                let all = get.zip(offset).zip(frame.zip(passed));
                (
                    all.map(|((get, offset), (frame, passed))| Barrier::Get { get, offset, frame, passed, answers }),
                    &["get", "offset", "frame", "passed", "answers"],
                )
            }
            other => {
                self.findings.unknown(kind.at, "barrier", other, ["echo", "marker", "get"]);
                return None;
            }
        };
        inner.finish("key of a barrier", known, self.findings);
        barrier
    }

    fn state(&mut self, node: &Node) -> Vec<(String, Http)> {
        let Some(inner) = Fields::of(node, "state", self.findings) else { return Vec::new() };
        let mut list = Vec::new();
        for (key, value) in inner.rest() {
            match self.action(value, "me") {
                Some(Action::Http(http)) if http.method == "GET" => {
                    let checks = &http.checks;
                    let more = checks.status.is_some() || checks.expect.is_some() || !checks.capture.is_empty();
                    if more || http.eventually.is_some() {
                        self.findings.error_help(
                            value.at,
                            "a state is only shown",
                            "leave `status`, `expect`, `capture` and `eventually` to steps",
                        );
                    }
                    list.push((key.text.clone(), http));
                }
                Some(_) => self.findings.error_help(value.at, "a state is asked by a GET", "write `{ get: /path }`"),
                None => {}
            }
        }
        list
    }
}

fn is_request(action: &Action) -> bool {
    matches!(action, Action::Http(_) | Action::Connect(_) | Action::Call(_))
}

fn invariants(node: &Node, findings: &mut Findings) -> Vec<Invariant> {
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

fn stream(name: &str, node: &Node, findings: &mut Findings) -> Option<Stream> {
    let mut inner = Fields::of(node, "a stream", findings)?;
    let frame = inner.need("frame", "a stream", findings).and_then(|node| fields::fixed_pattern(node, findings));
    let path = |key: &str, inner: &mut Fields<'_>, findings: &mut Findings| {
        inner.take(key).and_then(|node| fields::json_path(node, key, findings))
    };
    let need = |key: &str, inner: &mut Fields<'_>, what: &str, findings: &mut Findings| {
        inner.need(key, what, findings).and_then(|node| fields::json_path(node, key, findings))
    };
    let stream = need("stream", &mut inner, "a stream", findings);
    let id = need("id", &mut inner, "a stream", findings);
    let order = need("order", &mut inner, "a stream", findings);
    let connection = path("connection", &mut inner, findings);
    let client_id = path("client_id", &mut inner, findings);
    let resume = inner.take("resume").and_then(|node| fields::string(node, "resume", findings));
    let acks = inner.take("acks").and_then(|node| {
        let mut inner = Fields::of(node, "acks", findings)?;
        let frame = inner.need("frame", "acks", findings).and_then(|node| fields::fixed_pattern(node, findings));
        let id = need("id", &mut inner, "acks", findings);
        let order = need("order", &mut inner, "acks", findings);
        let stream = path("stream", &mut inner, findings);
        let client_id = path("client_id", &mut inner, findings);
        let repeated = inner.take("repeated").and_then(|node| fields::fixed_pattern(node, findings));
        inner.finish("key of `acks`", &["frame", "id", "order", "stream", "client_id", "repeated"], findings);
        Some(Acks { frame: frame?, id: id?, order: order?, stream, client_id, repeated })
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
                inner.need("request", "sends", findings).and_then(|node| fields::fixed_pattern(node, findings));
            let stream = need("stream", &mut inner, "a request that sends", findings);
            let id = need("id", &mut inner, "a request that sends", findings);
            let order = need("order", &mut inner, "a request that sends", findings);
            if let (Some(request), Some(stream), Some(id), Some(order)) = (request, stream, id, order) {
                sends.push(Send::Request { request, stream, id, order });
            }
        } else {
            let frame = inner.need("frame", "sends", findings).and_then(|node| fields::fixed_pattern(node, findings));
            let client_id = need("client_id", &mut inner, "a frame that sends", findings);
            if let (Some(frame), Some(client_id)) = (frame, client_id) {
                sends.push(Send::Frame { frame, client_id });
            }
        }
        inner.finish("key of `sends`", &["frame", "client_id", "request", "stream", "id", "order"], findings);
    }
    let membership = inner.take("membership").and_then(|node| {
        let mut inner = Fields::of(node, "membership", findings)?;
        let join = inner.take("join").map(|node| member_rules(node, findings)).unwrap_or_default();
        let leave = inner.take("leave").map(|node| member_rules(node, findings)).unwrap_or_default();
        inner.finish("key of `membership`", &["join", "leave"], findings);
        Some(Membership { join, leave })
    });
    let readback = inner.take("readback").and_then(|node| {
        let mut inner = Fields::of(node, "readback", findings)?;
        let get = inner.need("get", "readback", findings).and_then(|node| fields::string(node, "get", findings));
        let items = need("items", &mut inner, "readback", findings);
        let id = need("id", &mut inner, "readback", findings);
        let order = need("order", &mut inner, "readback", findings);
        let more = path("more", &mut inner, findings);
        inner.finish("key of `readback`", &["get", "items", "id", "order", "more"], findings);
        Some(Readback { get: get?, items: items?, id: id?, order: order?, more })
    });
    inner.finish("key of a stream", &fields::names_of(Place::Stream), findings);
    Some(Stream {
        name: name.to_owned(),
        frame: frame?,
        stream: stream?,
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

fn member_rules(node: &Node, findings: &mut Findings) -> Vec<MemberRule> {
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
                .and_then(|node| fields::fixed_pattern(node, findings));
            let stream = inner
                .need("stream", "a rule of membership", findings)
                .and_then(|node| fields::json_path(node, "stream", findings));
            let member = inner.take("member").and_then(|node| fields::json_path(node, "member", findings));
            inner.finish("key of a rule of membership", &["request", "stream", "member"], findings);
            Some(MemberRule { request: request?, stream: stream?, member })
        })
        .collect()
}

fn snapshot_rules(fields: &mut Fields<'_>, findings: &mut Findings) -> SnapshotRules {
    let mut rules = SnapshotRules::default();
    if let Some(inner) = fields.take("ids").and_then(|node| Fields::of(node, "ids", findings)) {
        for (key, node) in inner.rest() {
            let Some(written) = fields::string(node, "an id's regular expression", findings) else { continue };
            match regex::Regex::new(&written) {
                Ok(regex) => rules.ids.push(IdKind { name: key.text.clone(), regex }),
                Err(error) => {
                    // The lines before the last only draw the place within the expression.
                    let error = error.to_string();
                    let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
                    findings.error(node.at, format!("`{written}` is not a regular expression: {why}"));
                }
            }
        }
    }
    if let Some(node) = fields.take("kind") {
        rules.kind = fields::json_path(node, "kind", findings);
    }
    let list = |node: &Node, what: &str, findings: &mut Findings| -> Vec<Node> {
        node.as_list().map_or_else(
            || {
                if !node.is_broken() {
                    findings.error(node.at, format!("`{what}` must be a list"));
                }
                Vec::new()
            },
            <[Node]>::to_vec,
        )
    };
    for node in fields.take("ephemeral").map(|node| list(node, "ephemeral", findings)).unwrap_or_default() {
        rules.ephemeral.extend(fields::fixed_pattern(&node, findings));
    }
    for node in fields.take("coalesce").map(|node| list(node, "coalesce", findings)).unwrap_or_default() {
        let Some(mut inner) = Fields::of(&node, "coalesce", findings) else { continue };
        let frames = inner.need("frames", "coalesce", findings).and_then(|node| fields::fixed_pattern(node, findings));
        let by = inner.need("by", "coalesce", findings).and_then(|node| fields::json_path(node, "by", findings));
        let join = inner.need("join", "coalesce", findings).and_then(|node| fields::json_path(node, "join", findings));
        inner.finish("key of `coalesce`", &["frames", "by", "join"], findings);
        if let (Some(frames), Some(by), Some(join)) = (frames, by, join) {
            rules.coalesce.push(Coalesce { frames, by, join });
        }
    }
    for node in fields.take("redact").map(|node| list(node, "redact", findings)).unwrap_or_default() {
        let Some(mut inner) = Fields::of(&node, "redact", findings) else { continue };
        let path = inner.need("path", "redact", findings);
        let with = inner.need("with", "redact", findings).and_then(|node| fields::string(node, "with", findings));
        inner.finish("key of `redact`", &["path", "with"], findings);
        let source = path.and_then(|node| fields::string(node, "path", findings));
        let path = path.and_then(|node| fields::json_path(node, "path", findings));
        if let (Some(path), Some(with), Some(source)) = (path, with, source) {
            rules.redact.push(Redaction { path, with, source });
        }
    }
    for node in fields.take("unordered").map(|node| list(node, "unordered", findings)).unwrap_or_default() {
        rules.unordered.extend(fields::json_path(&node, "unordered", findings));
    }
    rules
}
