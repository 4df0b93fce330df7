//! Stubs: their declarations, and what they do.

use indexmap::IndexMap;

use super::context::Lower;
use super::fields::{self, Fields};
use super::patterns;
use crate::scenario::error::Findings;
use crate::scenario::model::{Action, ParticipantSpec};
use crate::scenario::node::{Kind, Node};
use crate::scenario::stub::{
    Chunk, EventChunk, FRAMINGS, Framing, ReplyBody, StandingAnswer, Stub, StubAction, StubReply, Stubs, is_status,
};
use crate::scenario::template::Template;
use crate::scenario::words::{self, Doer, Word, WordPlace};

/// `stubs` of a scenario file.
pub(super) fn stubs(
    node: &Node,
    participants: &IndexMap<String, ParticipantSpec>,
    groups: &IndexMap<String, Vec<String>>,
    findings: &mut Findings,
) -> Stubs {
    let mut stubs = Stubs::new();
    let Some(list) = Fields::of(node, "stubs", findings) else { return stubs };
    for (key, node) in list.rest() {
        if !fields::name(&key.text, key.at, "a stub", findings) {
            continue;
        }
        if participants.contains_key(&key.text) || groups.contains_key(&key.text) {
            findings.error(key.at, format!("`{}` is a participant already", key.text));
            continue;
        }
        let empty = Node { at: node.at, kind: Kind::Map(Vec::new()) };
        let node = if node.kind == Kind::Null { &empty } else { node };
        let Some(mut inner) = Fields::of(node, "a stub", findings) else {
            // Its steps are no further mistakes.
            stubs.insert(key.text.clone(), Stub { at: key.at, listening: true, answers: Vec::new() });
            continue;
        };
        let listening = inner.take("listening").and_then(|node| fields::boolean(node, "listening", findings));
        let answers = match inner.take("answers") {
            None => Vec::new(),
            Some(Node { kind: Kind::List(items), .. }) => {
                items.iter().filter_map(|item| standing(item, findings)).collect()
            }
            Some(node) => {
                findings.error(node.at, format!("`answers` must be a list, not {}", node.describe()));
                Vec::new()
            }
        };
        inner.finish("key of a stub", &fields::names_of(WordPlace::Inside("stub")), findings);
        stubs.insert(key.text.clone(), Stub { at: key.at, listening: listening.unwrap_or(true), answers });
    }
    stubs
}

fn standing(node: &Node, findings: &mut Findings) -> Option<StandingAnswer> {
    let mut inner = Fields::of(node, "an answer", findings)?;
    let to = inner.need("to", "an answer", findings);
    let reply_node = inner.need("reply", "an answer", findings);
    inner.finish("key of an answer", &["to", "reply"], findings);
    let to = patterns::pattern(to?, findings);
    let reply_node = reply_node?;
    let reply = reply(reply_node, findings)?;
    if matches!(reply.body, Some(ReplyBody::Stream(_))) {
        let help = "nobody would send its chunks: give the whole answer as `text`, or let a step reply";
        findings.error_help(reply_node.at, "an answer without a step can't be a stream", help);
        return None;
    }
    Some(StandingAnswer { to, reply })
}

/// Reads one kind of an answer's body.
type ReadBody = fn(&Node, &mut Findings) -> Option<ReplyBody>;

/// An answer: a status alone, or a map.
fn reply(node: &Node, findings: &mut Findings) -> Option<StubReply> {
    let status_of = |node: &Node, findings: &mut Findings| {
        let status = Template::lower(node, findings);
        if let Some(literal) = status.as_literal().filter(|status| !is_status(status)) {
            let help = "an answer's status is a number from 200 to 599";
            findings.error_help(node.at, format!("{literal} is no status of an answer"), help);
        }
        status
    };
    if !matches!(node.kind, Kind::Map(_) | Kind::Broken) {
        return Some(StubReply { status: Some(status_of(node, findings)), ..StubReply::default() });
    }
    let mut inner = Fields::of(node, "`reply`", findings)?;
    let status = inner.take("status").map(|node| status_of(node, findings));
    let headers = inner.take("headers").map(|node| fields::headers(node, findings)).unwrap_or_default();
    let mut bodies = Vec::new();
    let kinds: [(&str, ReadBody); 3] = [
        ("json", |node, findings| Some(ReplyBody::Json(Template::lower(node, findings)))),
        ("text", |node, findings| fields::text(node, "text", findings).map(ReplyBody::Text)),
        ("stream", |node, findings| framing(node, findings).map(ReplyBody::Stream)),
    ];
    for (name, read) in kinds {
        let Some(node) = inner.take(name) else { continue };
        bodies.push((node.at, read(node, findings)?));
    }
    if let [_, (at, _), ..] = bodies[..] {
        findings.error(at, "an answer has one body: `json`, `text` or `stream`");
    }
    inner.finish("key of `reply`", &fields::names_of(WordPlace::Inside("reply")), findings);
    Some(StubReply { status, headers, body: bodies.into_iter().next().map(|(_, body)| body) })
}

fn framing(node: &Node, findings: &mut Findings) -> Option<Framing> {
    let written = fields::string(node, "stream", findings)?;
    let found = FRAMINGS.iter().find(|(name, _)| *name == written);
    if found.is_none() {
        findings.unknown(node.at, "kind of stream", &written, FRAMINGS.iter().map(|(name, _)| *name));
    }
    found.map(|(_, framing)| *framing)
}

impl Lower<'_> {
    /// Whether an actor may do what a word says; told where it may not.
    pub(super) fn may(&mut self, word: &Word, actor: &str, node: &Node, at: crate::source::Position) -> bool {
        let is_stub = self.vocabulary.stubs.contains(actor);
        let beside = |name: &str| {
            let entries = node.as_map().unwrap_or_default();
            entries.iter().find(|(key, _)| key.text == name).map(|(key, _)| key.at)
        };
        match word.doer {
            Doer::Participant if is_stub => {
                let can = words::words_of(WordPlace::Action).filter(|word| word.doer != Doer::Participant);
                let can: Vec<String> = can.map(|word| format!("`{}`", word.name)).collect();
                let help = format!("a stub does {}", can.join(", "));
                self.findings.error_help(at, format!("`{actor}` is a stub: it can't `{}`", word.name), help);
                return false;
            }
            Doer::Stub if !is_stub => {
                let message = format!("`{}` is what stubs do, and `{actor}` is none", word.name);
                let help = match self.vocabulary.stubs.first() {
                    None => "declare one at the top of the file: `stubs: { llm: {} }`".to_owned(),
                    Some(stub) if word.schema == words::NOTHING => format!("write `- {stub}: {}`", word.name),
                    Some(stub) => format!("write `- {stub}: {{ {}: … }}`", word.name),
                };
                self.findings.error_help(at, message, help);
                return false;
            }
            _ => {}
        }
        if is_stub && let Some((name, at)) = ["via", "since"].iter().find_map(|name| Some((name, beside(name)?))) {
            let help = "its inbox holds the requests of all connections, in the order of arrival";
            self.findings.error_help(at, format!("`{name}` means nothing at a stub"), help);
            return false;
        }
        if !is_stub
            && word.name == "closed"
            && let Some(at) = beside("to")
        {
            let help = "a participant has connections: `via` says which";
            self.findings.error_help(at, "`to` says which of a stub's requests is meant", help);
            return false;
        }
        true
    }

    /// An action that only stubs have, or that is another one for them.
    pub(super) fn stub(
        &mut self,
        word: &Word,
        value: &Node,
        within: Option<std::time::Duration>,
        rest: &mut Fields<'_>,
    ) -> Option<Action> {
        let to = if word.beside.contains(&"to") { rest.take("to") } else { None };
        let to = to.map(|node| patterns::pattern(node, self.findings));
        let action = match word.name {
            "reply" => StubAction::Reply(reply(value, self.findings)?),
            "chunk" => StubAction::Chunk(Chunk::Data(Template::lower(value, self.findings))),
            "chunk_text" => StubAction::Chunk(Chunk::Text(fields::text(value, "chunk_text", self.findings)?)),
            "chunk_event" => StubAction::Chunk(Chunk::Event(Box::new(self.event(value)?))),
            "finish" => StubAction::Finish,
            "hang_up" => StubAction::HangUp,
            "closed" => StubAction::Closed { pattern: patterns::pattern(value, self.findings), within },
            "stop_listening" => StubAction::Listening(false),
            "resume_listening" => StubAction::Listening(true),
            _ => {
                self.findings.unread(value.at, word.name);
                return None;
            }
        };
        Some(Action::Stub { action, to })
    }

    fn event(&mut self, node: &Node) -> Option<EventChunk> {
        let mut inner = Fields::of(node, "`chunk_event`", self.findings)?;
        let mut line = |name: &str| {
            let node = inner.take(name)?;
            fields::text(node, name, self.findings)
        };
        let (event, id, retry) = (line("event"), line("id"), line("retry"));
        let data = inner.need("data", "an event", self.findings);
        inner.finish("field of an event", &fields::names_of(WordPlace::Inside("event")), self.findings);
        Some(EventChunk { event, id, retry, data: Template::lower(data?, self.findings) })
    }
}
