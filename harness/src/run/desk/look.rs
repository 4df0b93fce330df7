//! What the desk shows of a scenario that is stopped.

use std::fmt::Write as _;

use crate::history::{ConnectionId, EntryKind};
use crate::lock::lock;
use crate::run::context::ask::{TRACEPARENT, address, headers};
use crate::run::context::people::people;
use crate::run::context::step_context::StepContext;
use crate::run::state::cast::Cast;
use crate::run::state::connection::{Connection, described};
use crate::run::state::recorder::Recorder;
use crate::run::state::world::World;
use crate::scenario::error::Findings;
use crate::scenario::template::Expr;
use crate::source::Source;
use crate::text::paint::{Paint, Style};
use crate::text::{counted, gist, millis, shorten};
use crate::wire::url::{join, path_and_query};

/// Untaken frames that an overview shows of a connection.
const SHOWN: usize = 4;

/// Everybody's connections with the frames that no step has taken.
pub(super) fn inboxes(cast: &Cast, paint: Paint) -> String {
    let mut text = String::new();
    let width = cast.participants.keys().map(|key| key.chars().count()).max().unwrap_or_default();
    for (lane, participant) in cast.everybody().enumerate() {
        let mailboxes = participant.mailboxes();
        let name = paint.text(Style::Lane(lane), &format!("{:<width$}", participant.key()));
        if mailboxes.is_empty() {
            let _ = writeln!(text, "  {name}  {}", paint.text(Style::Dim, "not connected"));
        }
        for mailbox in mailboxes {
            let inbox = lock(&mailbox.inbox);
            let untaken: Vec<_> = inbox.frames.iter().enumerate().filter(|(_, one)| one.taken_by.is_none()).collect();
            let state =
                inbox.end.as_ref().map_or_else(|| "open".to_owned(), |end| format!("closed {}", described(end)));
            let frames = counted(inbox.frames.len(), "frame", "frames");
            let _ = writeln!(text, "  {name}  {} {state}, {frames}, {} untaken", mailbox.name, untaken.len());
            for (place, frame) in untaken.iter().rev().take(SHOWN).rev() {
                let _ = writeln!(text, "  {:width$}    #{:<3} {}", "", place + 1, shorten(&gist(&frame.value), 140));
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
pub(super) fn inspect(world: &World, who: &str) -> String {
    let stub = world.cast.stubs.get(who).map(|stub| &stub.actor);
    let Some(participant) = world.cast.participants.get(who).or(stub) else { return nobody(&world.cast, who) };
    let mut text = String::new();
    for (name, value) in lock(&participant.vars).iter() {
        let _ = writeln!(text, "  {name} = {value}");
    }
    let connections = lock(&participant.connections);
    let opened = connections.iter().map(|one| (&one.mailbox, path_of(&world.recorder, one.id)));
    for (mailbox, path) in participant.requests.iter().map(|requests| (requests, String::new())).chain(opened) {
        let inbox = lock(&mailbox.inbox);
        let state = inbox.end.as_ref().map_or_else(|| "open".to_owned(), |end| format!("closed {}", described(end)));
        let _ = writeln!(text, "  {} {path} {state}", mailbox.name);
        for (place, frame) in inbox.frames.iter().enumerate() {
            let taken = frame.taken_by.map(|line| format!("  (taken by line {line})")).unwrap_or_default();
            let _ = writeln!(text, "    #{:<3} {:>10}  {}{taken}", place + 1, millis(frame.at), frame.value);
        }
    }
    drop(connections);
    text.truncate(text.trim_end().len());
    text
}

/// The value of an expression, with or without its braces.
pub(super) fn evaluated(context: &StepContext, source: &str) -> String {
    let source = source.trim();
    let source = source.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or(source);
    let mut findings = Findings::new(Source::new("", ""));
    match Expr::lower(source, Default::default(), &mut findings) {
        Some(expr) => match expr.eval(context) {
            Ok(value) => serde_json::to_string_pretty(&value).unwrap_or_default(),
            Err(error) => error.message,
        },
        None => findings.list.first().map(|finding| finding.message.clone()).unwrap_or_default(),
    }
}

/// The server's address, who takes part, and lines that go on from a shell.
pub(super) fn addresses(context: &StepContext) -> String {
    let mut text = format!("server {}\n", context.world.target.server.url());
    for person in people(context) {
        let token = if person.token.is_empty() { String::new() } else { format!("  token {}", person.token) };
        let _ = writeln!(text, "  {}  id {}{token}", person.key, person.id);
        if let Some(paste) = person.paste {
            let _ = writeln!(text, "    {paste}");
        }
        let Some(participant) = context.world.cast.participants.get(&person.key) else { continue };
        for connection in participant.current().iter().filter(|connection| connection.is_open()) {
            if let Some(line) = websocat(&context.acting(participant), connection) {
                let _ = writeln!(text, "    {line}");
            }
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn websocat(context: &StepContext, connection: &Connection) -> Option<String> {
    let url = address(context, &path_of(&context.world.recorder, connection.id), None).ok()?;
    let headers: Vec<String> = headers(context, &[], &url)
        .ok()?
        .iter()
        .filter(|(name, _)| *name != TRACEPARENT)
        .map(|(name, value)| format!("-H '{name}: {}' ", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let url = url.as_str().replacen("http", "ws", 1);
    Some(format!("websocat {}'{url}'  # {}", headers.concat(), connection.mailbox.name))
}

/// Path and query of the request that opened a connection.
fn path_of(recorder: &Recorder, id: ConnectionId) -> String {
    let record = recorder.history();
    let opened = record.entries.iter().find_map(|entry| match &entry.what {
        EntryKind::Opened { connection, path, query, .. } if *connection == id => Some((path.clone(), query.clone())),
        _ => None,
    });
    let (path, query) = opened.unwrap_or_default();
    let pairs: Vec<(String, String)> = query.into_iter().collect();
    join("http://server", &path, &pairs)
        .map_or(path, |url| if pairs.is_empty() { url.path().to_owned() } else { path_and_query(&url) })
}

pub(super) fn nobody(cast: &Cast, who: &str) -> String {
    let keys: Vec<&str> = cast.participants.keys().map(String::as_str).collect();
    format!("no participant is called `{who}`; there are {}", keys.join(", "))
}
