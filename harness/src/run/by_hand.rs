//! What the desk shows of a scenario that is stopped, and what is done there by hand.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use super::desk::split;
use super::here::Here;
use super::lock;
use super::socket::{Connection, describe};
use super::world::Participant;
use crate::history::{ConnectionId, EntryKind, Payload};
use crate::scenario::error::Findings;
use crate::scenario::node::{Kind, Node};
use crate::scenario::template::{Expr, Template};
use crate::source::Source;
use crate::text::paint::{Paint, Style};
use crate::text::{counted, gist, millis, shorten};

/// Untaken frames that an overview shows of a connection.
const SHOWN: usize = 4;

impl Here {
    /// Everybody's connections with the frames that no step has taken.
    pub(super) fn inboxes(&self, paint: Paint) -> String {
        let mut text = String::new();
        let width = self.world.participants.keys().map(|key| key.chars().count()).max().unwrap_or_default();
        let stubs = self.world.stubs.values().map(|stub| &stub.actor);
        for (lane, participant) in self.world.participants.values().chain(stubs).enumerate() {
            let connections = participant.current();
            let name = paint.text(Style::Lane(lane), &format!("{:<width$}", participant.key()));
            if connections.is_empty() {
                let _ = writeln!(text, "  {name}  {}", paint.text(Style::Dim, "not connected"));
            }
            for connection in connections {
                let inbox = lock(&connection.inbox);
                let untaken: Vec<_> =
                    inbox.frames.iter().enumerate().filter(|(_, one)| one.taken_by.is_none()).collect();
                let state =
                    inbox.end.as_ref().map_or_else(|| "open".to_owned(), |end| format!("closed {}", describe(end)));
                let frames = counted(inbox.frames.len(), "frame", "frames");
                let _ = writeln!(text, "  {name}  {} {state}, {frames}, {} untaken", connection.name, untaken.len());
                for (place, frame) in untaken.iter().rev().take(SHOWN).rev() {
                    let _ =
                        writeln!(text, "  {:width$}    #{:<3} {}", "", place + 1, shorten(&gist(&frame.value), 140));
                }
                if untaken.len() > SHOWN {
                    let more = format!("{} earlier ones: i {}", untaken.len() - SHOWN, participant.key());
                    let _ = writeln!(text, "  {:width$}    {}", "", paint.text(Style::Dim, &more));
                }
            }
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// Everything of one participant.
    pub(super) fn inspect(&self, who: &str) -> String {
        let stub = self.world.stubs.get(who).map(|stub| &stub.actor);
        let Some(participant) = self.world.participants.get(who).or(stub) else { return self.nobody(who) };
        let mut text = String::new();
        for (name, value) in lock(&participant.vars).iter() {
            let _ = writeln!(text, "  {name} = {value}");
        }
        for connection in lock(&participant.connections).iter() {
            let inbox = lock(&connection.inbox);
            let state = inbox.end.as_ref().map_or_else(|| "open".to_owned(), |end| format!("closed {}", describe(end)));
            let _ = writeln!(text, "  {} {} {state}", connection.name, self.target_of(connection.id));
            for (place, frame) in inbox.frames.iter().enumerate() {
                let taken = frame.taken_by.map(|line| format!("  (taken by line {line})")).unwrap_or_default();
                let _ = writeln!(text, "    #{:<3} {:>10}  {}{taken}", place + 1, millis(frame.at), frame.value);
            }
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// The value of an expression, with or without its braces.
    pub(super) fn evaluated(&self, source: &str) -> String {
        let source = source.trim();
        let source = source.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or(source);
        let mut findings = Findings::new(Source::new("", ""));
        match Expr::lower(source, Default::default(), &mut findings) {
            Some(expr) => match expr.eval(self) {
                Ok(value) => serde_json::to_string_pretty(&value).unwrap_or_default(),
                Err(error) => error.message,
            },
            None => findings.list.first().map(|finding| finding.message.clone()).unwrap_or_default(),
        }
    }

    /// The server's address, who takes part, and lines that go on from a shell.
    pub(super) fn addresses(&self) -> String {
        let mut text = format!("server {}\n", self.world.server.url());
        for person in super::people(self) {
            let token = if person.token.is_empty() { String::new() } else { format!("  token {}", person.token) };
            let _ = writeln!(text, "  {}  id {}{token}", person.key, person.id);
            if let Some(paste) = person.paste {
                let _ = writeln!(text, "    {paste}");
            }
            let Some(participant) = self.world.participants.get(&person.key) else { continue };
            for connection in participant.current().iter().filter(|connection| connection.is_open()) {
                if let Some(line) = self.as_participant(participant).websocat(connection) {
                    let _ = writeln!(text, "    {line}");
                }
            }
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn websocat(&self, connection: &Connection) -> Option<String> {
        let url = self.url(&self.target_of(connection.id), None).ok()?;
        let headers: Vec<String> = self
            .headers(&[], &url)
            .ok()?
            .iter()
            .filter(|(name, _)| *name != super::http::TRACEPARENT)
            .map(|(name, value)| format!("-H '{name}: {}' ", String::from_utf8_lossy(value.as_bytes())))
            .collect();
        let url = url.as_str().replacen("http", "ws", 1);
        Some(format!("websocat {}'{url}'  # {}", headers.concat(), connection.name))
    }

    /// Path and query of the request that opened a connection.
    fn target_of(&self, id: ConnectionId) -> String {
        let record = lock(&self.world.record);
        let opened = record.entries.iter().find_map(|entry| match &entry.what {
            EntryKind::Opened { connection, path, query, .. } if *connection == id => {
                Some((path.clone(), query.clone()))
            }
            _ => None,
        });
        let (path, query) = opened.unwrap_or_default();
        match reqwest::Url::parse(&format!("http://server{path}")) {
            Ok(mut url) if !query.is_empty() => {
                url.query_pairs_mut().extend_pairs(&query);
                super::http::target(&url)
            }
            _ => path,
        }
    }

    /// `WHO FRAME`: JSON, or text as it is; templates in it are filled.
    pub(super) async fn send_by_hand(&self, rest: &str) -> String {
        let (who, frame) = split(rest);
        let (who, name) = who.split_once('/').map_or((who, None), |(who, name)| (who, Some(name)));
        let Some(participant) = self.world.participants.get(who) else { return self.nobody(who) };
        if frame.is_empty() {
            return "send WHO FRAME: the frame is missing".to_owned();
        }
        let mut there = self.as_participant(participant);
        there.via = name.map(str::to_owned);
        let text = match there.filled_text(frame) {
            Ok(text) => text,
            Err(why) => return why,
        };
        let connection = match there.connection(None) {
            Ok(connection) => connection,
            Err(failure) => return failure.headline,
        };
        let (world, payload) = (&self.world, Payload::from_text(&text));
        match connection.send(world, self.step, Message::text(text), payload, None) {
            Ok(written) => {
                let _ = written.await;
                "sent".to_owned()
            }
            Err(why) => why,
        }
    }

    /// `WHO PATH [BODY]`: a request with the participant's headers.
    pub(super) async fn ask_by_hand(&self, method: &str, rest: &str) -> String {
        let (who, rest) = split(rest);
        let Some(participant) = self.world.participants.get(who) else { return self.nobody(who) };
        let there = self.as_participant(participant);
        // Filled first: templates may hold blanks.
        let filled = match there.filled_text(rest) {
            Ok(filled) => filled,
            Err(why) => return why,
        };
        let (path, body) = split(&filled);
        if !path.starts_with('/') {
            return format!("{method} WHO PATH: the path begins with `/`");
        }
        match there.by_hand(method, path, (!body.is_empty()).then(|| body.to_owned())).await {
            Ok(answer) => {
                let body = match &answer.body {
                    Value::String(text) => text.clone(),
                    value => serde_json::to_string_pretty(value).unwrap_or_default(),
                };
                format!("{}\n{body}", answer.status)
            }
            Err(failure) => failure.headline,
        }
    }

    fn filled_text(&self, text: &str) -> Result<String, String> {
        let mut findings = Findings::new(Source::new("", ""));
        let node = Node { at: Default::default(), kind: Kind::String(text.to_owned()) };
        let template = Template::lower(&node, &mut findings);
        if let Some(finding) = findings.list.first() {
            return Err(finding.message.clone());
        }
        template.render_text(self).map_err(|error| error.message)
    }

    fn as_participant(&self, participant: &Arc<Participant>) -> Self {
        let mut there = self.clone();
        there.me = Some(Arc::clone(participant));
        there
    }

    fn nobody(&self, who: &str) -> String {
        let keys: Vec<&str> = self.world.participants.keys().map(String::as_str).collect();
        format!("nobody is `{who}`; there are {}", keys.join(", "))
    }
}
