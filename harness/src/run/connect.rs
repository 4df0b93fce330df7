//! The beginning and the end of a participant's connections.

use std::sync::Arc;

use serde_json::{Value, json};

use super::expect::came;
use super::here::{Here, MainMode};
use super::http::{query_of, target};
use super::socket::{Connection, Echo, Handshake, Opened, Rules, changed_before, describe, from_now, handshake, shake};
use super::wire::{Broken, Latch};
use super::world::{Participant, lock};
use crate::event::{EventKind, Failure, FailureKind, Nearest};
use crate::history::EntryKind;
use crate::pattern::{Difference, Pattern, describe as describe_pattern};
use crate::scenario::model::{Barrier, Connect};
use crate::scenario::template::as_text;

impl Here {
    pub(super) async fn connect(&mut self, connect: &Connect, is_main: bool) -> Result<(), Box<Failure>> {
        let me = Arc::clone(self.actor()?);
        let mode = if is_main { self.main.clone() } else { MainMode::Own };
        let query = connect.query.as_ref().map(|query| self.render(query)).transpose()?;
        let url = self.url(&self.text(&connect.path)?, query.as_ref())?;
        let name = match &connect.name {
            Some(name) => self.text(name)?,
            None => self.via.clone().unwrap_or_else(|| "main".to_owned()),
        };
        if me.current().iter().any(|connection| connection.name == name && connection.is_open()) {
            return Err(self.wrong(format!(
                "`{}` still has a connection `{name}` open: close it first, or name another with `as`",
                me.key()
            )));
        }
        let Some(_opening) = me.open_as(&name) else {
            return Err(self.wrong(format!(
                "two steps open a connection `{name}` of `{}` at once: name one of them with `as`",
                me.key()
            )));
        };
        let headers = self
            .headers(&connect.headers, &url)?
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let mut subprotocols = Vec::new();
        for template in &connect.subprotocols {
            match self.render(template)? {
                Value::Array(items) => subprotocols.extend(items.iter().map(as_text)),
                one => subprotocols.push(as_text(&one)),
            }
        }
        let asked = Handshake { url: url.clone(), headers, subprotocols, receive_buffer: connect.receive_buffer };
        let limit = self.world.deadlines.of(connect.within.or(self.within));
        let racer = match &mode {
            MainMode::Observed(racer) | MainMode::Released(racer) => Some(racer),
            _ => None,
        };
        let path = target(&url);
        let waits = self.waits(format!("an answer to the handshake of {path}"));
        let missed = || format!("GET {path}: no answer to the handshake within {limit:?}");
        let broken = |broken: Broken| {
            let mut failure = self.failure(format!("GET {path}: {}", broken.why));
            if broken.ours || (broken.unreached && self.world.server.is_remote()) {
                failure.kind = FailureKind::Environment;
            }
            failure
        };
        let opened = match racer {
            None => self.patiently(limit, handshake(&asked), missed).await?,
            Some(racer) => {
                let shaking = self.patiently(limit, shake(&asked, true), missed).await?.map_err(broken)?;
                let release = self.waits("the release of the race");
                racer.released(Some(&shaking.asked.latch)).await;
                drop(release);
                self.patiently(limit, shaking.opened(), missed).await?
            }
        };
        let opened = opened.map_err(broken)?;
        drop(waits);
        let status = match &opened {
            Opened::Stream(_, _, answer) | Opened::Refused(answer) => answer.status,
        };
        let tell = |id: Option<crate::history::ConnectionId>, name: String| {
            self.world.tell(|| EventKind::Opened {
                participant: me.key().to_owned(),
                connection: name,
                id: id.map(|id| id.0),
                step: self.step,
                path,
                status,
            });
        };
        let refused = match &mode {
            MainMode::Refused(checks) => Some(Arc::clone(checks)),
            _ => connect.refused.clone().map(Arc::new),
        };
        match opened {
            Opened::Stream(stream, latch, answer) => {
                if let Some(refused) = refused {
                    tell(None, name);
                    let wanted = refused.status.as_ref().map(|status| self.pattern(status)).transpose()?;
                    let wanted = wanted.map(|pattern| describe_pattern(&pattern)).unwrap_or_default();
                    return Err(
                        self.failure(format!("{} was accepted (101), expected a refusal with {wanted}", answer.what))
                    );
                }
                let id = self.opened(&me, name.clone(), &url, (*stream, latch))?;
                tell(Some(id), name);
                if let MainMode::Observed(racer) = mode {
                    *lock(&racer.answer) = Some(answer.clone());
                }
                if let Some(expect) = &connect.expect_headers {
                    let checks =
                        crate::scenario::model::Checks { expect_headers: Some(expect.clone()), ..Default::default() };
                    self.must(&answer, &checks, false)?;
                }
                Ok(())
            }
            Opened::Refused(answer) => {
                tell(None, name);
                if let MainMode::Observed(racer) = mode {
                    *lock(&racer.answer) = Some(answer);
                    return Ok(());
                }
                match refused {
                    Some(checks) => self.must(&answer, &checks, false),
                    None => {
                        let mut failure = self.failure(format!("{} was refused: {}", answer.what, answer.status));
                        failure.details.push(format!("answer: {} {}", answer.status, answer.body));
                        Err(failure)
                    }
                }
            }
        }
    }

    pub(super) fn opened(
        &self,
        me: &Participant,
        name: String,
        url: &reqwest::Url,
        stream: (tokio_tungstenite::WebSocketStream<hyper_util::rt::TokioIo<hyper::upgrade::Upgraded>>, Arc<Latch>),
    ) -> Result<crate::history::ConnectionId, Box<Failure>> {
        let fails = me.spec.protocol.fails.as_ref().map(|fails| self.pattern(fails)).transpose()?;
        let echo = match &me.spec.protocol.barrier {
            Some(Barrier::Echo { send, receive }) => {
                let ping = self.render(send)?;
                Some(Echo { pings: Pattern::compile(&ping).ok(), pongs: self.pattern(receive)?, ping })
            }
            _ => None,
        };
        let streams = me
            .spec
            .protocol
            .streams
            .iter()
            .map(|stream| super::stream_of(stream, url.path(), &query_of(url)))
            .collect();
        // The opening stands in the record before the first frame.
        let opened = EntryKind::Opened {
            connection: crate::history::ConnectionId(self.world.connections.load(std::sync::atomic::Ordering::Relaxed)),
            name: name.clone(),
            path: url.path().to_owned(),
            query: query_of(url),
        };
        self.world.note(me.key(), Some(self.step), opened);
        Ok(Connection::start(&self.world, me, name, stream, Rules { fails, echo, streams }).id)
    }

    pub(super) async fn end_of(&self, connection: &Connection, limit: std::time::Duration) -> bool {
        let mut changes = connection.changed.subscribe();
        let limit = from_now(limit);
        while connection.is_open() {
            if !changed_before(&mut changes, limit).await {
                return !connection.is_open();
            }
        }
        true
    }

    /// Waits for the end of a connection so long, and then a moment more, to say whether it came late or never.
    pub(super) async fn ends_within(
        &self,
        connection: &Connection,
        limit: std::time::Duration,
        missed: impl FnOnce() -> String,
    ) -> Result<(), Box<Failure>> {
        let _waits = self.waits(format!("the end of connection {}", connection.name));
        // Longer than anybody listens: what it says then is not asked for.
        let long = limit + self.world.deadlines.late() + std::time::Duration::from_secs(1);
        let Err(mut failure) = self.patiently(limit, self.end_of(connection, long), missed).await else {
            return Ok(());
        };
        failure.came = came(connection, 0);
        Err(failure)
    }

    pub(super) async fn closed(
        &self,
        connection: &Arc<Connection>,
        pattern: &Pattern,
        within: Option<std::time::Duration>,
    ) -> Result<(), Box<Failure>> {
        let limit = self.world.deadlines.of(within.or(self.within));
        let missed = || {
            let (who, name) = (&connection.participant, &connection.name);
            format!("the server didn't close {who}'s connection {name} within {limit:?}")
        };
        self.ends_within(connection, limit, missed).await.map_err(|mut failure| {
            failure.expected = Some(format!("a close that matches {}", describe_pattern(pattern)));
            failure
        })?;
        let end = lock(&connection.inbox).end.clone();
        let Some(end) = end else { return Ok(()) };
        let value = json!({ "code": end.code, "reason": end.reason });
        let found = pattern.differences(&value);
        if found.is_empty() {
            return Ok(());
        }
        let mut failure = self.failure(format!(
            "{}'s connection {} was closed {}: {}",
            connection.participant,
            connection.name,
            describe(&end),
            found[0]
        ));
        failure.nearest = Some(Nearest {
            what: "the close".to_owned(),
            entry: None,
            whole: None,
            differences: found.iter().map(Difference::to_string).collect(),
        });
        failure.came = came(connection, 0);
        Err(failure)
    }
}
