//! Barriers: how to know that everything caused before has arrived, so that "nothing" can be proven.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use serde_json_path::JsonPath;
use tokio_tungstenite::tungstenite::Message;

use super::expect::came;
use super::here::{Here, MainMode};
use super::inbox::Ping;
use super::socket::{Connection, Echo, changed_before, describe, from_now};
use super::world::{Marker, lock};
use crate::event::Failure;
use crate::history::Payload;
use crate::pattern::Pattern;
use crate::scenario::model::{Barrier, StepKind};
use crate::scenario::template::Template;

/// What a barrier gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Everything caused before has arrived.
    Proven,
    /// There is no barrier here.
    None,
}

impl Here {
    /// Runs the barrier on every other open socket that has sent since its last one, then on the watcher's own.
    pub(crate) async fn barrier(&self, watcher: &Arc<Connection>) -> Result<Proof, Box<Failure>> {
        let mut senders = Vec::new();
        for participant in self.world.participants.values() {
            for connection in participant.current() {
                let pending = unflushed(&connection);
                // What a connection sent that is closed by now can't be flushed: a scenario awaits its effect itself.
                if connection.id != watcher.id && pending && connection.is_open() {
                    senders.push(connection);
                }
            }
        }
        senders.sort_by_key(|connection| connection.id);
        let end = lock(&watcher.inbox).end.clone();
        if let Some(end) = end {
            // What the server sent before a close frame has arrived with it; a lost connection may have lost more.
            return Ok(if end.code.is_some() { Proof::Proven } else { Proof::None });
        }
        if lock(&watcher.inbox).stalled {
            return Ok(Proof::None);
        }
        match &self.actor()?.spec.protocol.barrier {
            None => Ok(Proof::None),
            Some(Barrier::Echo { .. }) => {
                let mut proof = Proof::Proven;
                let flushes = senders.iter().map(|sender| self.echo(sender));
                for flushed in futures_util::future::join_all(flushes).await {
                    if flushed? == Proof::None {
                        proof = Proof::None;
                    }
                }
                Ok(if self.echo(watcher).await? == Proof::None { Proof::None } else { proof })
            }
            Some(Barrier::Marker { .. }) => self.markers(watcher, &senders).await,
            Some(Barrier::Get { get, offset, frame, passed, answers }) => {
                // The position counts what the server has taken: what is still on its way is awaited by its answers.
                let Some(answers) = answers else {
                    return if senders.is_empty() && !unflushed(watcher) {
                        self.position(watcher, get, offset, frame, passed).await
                    } else {
                        Ok(Proof::None)
                    };
                };
                let answers = self.pattern(answers)?;
                for sender in senders.iter().chain([watcher]) {
                    let sent = lock(&sender.inbox).sent;
                    let answered = |connection: &Connection| {
                        let inbox = lock(&connection.inbox);
                        inbox.frames.iter().filter(|one| answers.matches(&one.value)).count() as u64 >= sent
                    };
                    self.await_barrier(sender, "an answer to everything that was sent", answered).await?;
                    lock(&sender.inbox).flushed = sent;
                }
                self.position(watcher, get, offset, frame, passed).await
            }
        }
    }

    /// Asks for the server's position and waits until the watcher's frames have reached it.
    async fn position(
        &self,
        watcher: &Arc<Connection>,
        get: &Template,
        offset: &JsonPath,
        frame: &Template,
        passed: &JsonPath,
    ) -> Result<Proof, Box<Failure>> {
        let path = self.text(get)?;
        let answer = self.get(&path, "barrier").await?;
        let Some(Value::Number(goal)) = offset.query(&answer.body).first().cloned() else {
            return Err(self.failure(format!(
                "the barrier's GET {path} gave no number at {offset}: {} {}",
                answer.status, answer.body
            )));
        };
        let goal = goal.as_f64().unwrap_or(0.0);
        let frames = self.pattern(frame)?;
        let arrived = |connection: &Connection| {
            lock(&connection.inbox).frames.iter().any(|one| {
                frames.matches(&one.value)
                    && passed.query(&one.value).first().and_then(Value::as_f64).is_some_and(|place| place >= goal)
            })
        };
        if goal > 0.0 {
            self.await_barrier(watcher, "the position that the server told", arrived).await?;
        }
        Ok(Proof::Proven)
    }

    /// One echo on one connection.
    pub(crate) async fn echo(&self, connection: &Arc<Connection>) -> Result<Proof, Box<Failure>> {
        let Some(Echo { ping, .. }) = &connection.echo else { return Ok(Proof::None) };
        if lock(&connection.inbox).stalled || !connection.is_open() {
            // Nobody reads the answer.
            return Ok(Proof::None);
        }
        let (goal, sent) = {
            let inbox = lock(&connection.inbox);
            let goal = inbox.passed + inbox.pings.iter().filter(|ping| **ping == Ping::Barrier).count() + 1;
            (goal, inbox.sent)
        };
        let message = Message::text(ping.to_string());
        if connection.send(&self.world, self.step, message, Payload::json(ping.clone()), Some(Ping::Barrier)).is_err() {
            return Ok(Proof::Proven);
        }
        self.await_barrier(connection, "the answer to the barrier's ping", |connection| {
            lock(&connection.inbox).passed >= goal
        })
        .await?;
        // Only now, and only what was sent before the ping: another barrier at the same time must not skip this socket.
        let mut inbox = lock(&connection.inbox);
        inbox.flushed = inbox.flushed.max(sent);
        Ok(Proof::Proven)
    }

    /// Each participant who has sent does the marker's action behind it, and the watcher must see each marker; where
    /// nobody has sent, one other participant with an open connection does it.
    async fn markers(&self, watcher: &Arc<Connection>, senders: &[Arc<Connection>]) -> Result<Proof, Box<Failure>> {
        // Only somebody on the watcher's stream can be seen there; what others sent can't be awaited from here.
        let together = |connection: &Connection| connection.streams == watcher.streams;
        let mut who: Vec<String> =
            senders.iter().filter(|sender| together(sender)).map(|sender| sender.participant.clone()).collect();
        if unflushed(watcher) {
            // Its own doings are behind its own marker, which comes back to it.
            who.push(watcher.participant.clone());
        }
        who.dedup();
        if who.is_empty() {
            let other = self.world.participants.values().find(|other| {
                other.key() != watcher.participant
                    && matches!(other.spec.protocol.barrier, Some(Barrier::Marker { .. }))
                    && other.current().iter().any(|connection| connection.is_open() && together(connection))
            });
            who.extend(other.map(|other| other.key().to_owned()));
        }
        if who.is_empty() {
            return Ok(Proof::None);
        }
        for key in who {
            if self.marker(watcher, &key).await? == Proof::None {
                return Ok(Proof::None);
            }
        }
        Ok(Proof::Proven)
    }

    async fn marker(&self, watcher: &Arc<Connection>, actor: &str) -> Result<Proof, Box<Failure>> {
        let Some(actor) = self.world.participants.get(actor) else { return Ok(Proof::None) };
        let Some(Barrier::Marker { action, receive, hides }) = &actor.spec.protocol.barrier else {
            return Ok(Proof::None);
        };
        let value = format!("marker-{}", self.world.chance.uuid(self.spot()));
        let mut there = self.clone();
        there.locals.insert("marker".to_owned(), Value::String(value.clone()));
        there.me = Some(Arc::clone(actor));
        let own = actor
            .current()
            .into_iter()
            .find(|connection| connection.is_open() && connection.streams == watcher.streams);
        there.via = own.as_ref().map(|connection| connection.name.clone());
        (there.since, there.in_verb, there.shared, there.aside) = (None, true, true, true);
        there.main = MainMode::Own;
        let receive = there.pattern(receive)?;
        let hides: Vec<Pattern> = there.patterns(hides)?;
        lock(&self.world.markers).push(Marker { value: value.clone(), receive, hides });
        let sent = own.as_ref().map_or(0, |connection| lock(&connection.inbox).sent);
        if let StepKind::Act { action, .. } = &action.kind {
            there.act(action, false).await.map_err(|mut failures| failures.remove(0))?;
        }
        if let Some(own) = &own {
            // The marker itself needs no marker behind it.
            let mut inbox = lock(&own.inbox);
            let marker = inbox.sent.saturating_sub(sent);
            inbox.sent -= marker;
        }
        self.await_barrier(watcher, &format!("the marker of `{}`", actor.key()), |connection| {
            lock(&connection.inbox).markers.contains(&value)
        })
        .await?;
        if let Some(own) = &own {
            let mut inbox = lock(&own.inbox);
            inbox.flushed = inbox.flushed.max(sent);
        }
        Ok(Proof::Proven)
    }

    async fn await_barrier(
        &self,
        connection: &Arc<Connection>,
        what: &str,
        arrived: impl Fn(&Connection) -> bool,
    ) -> Result<(), Box<Failure>> {
        let mut changes = connection.changed.subscribe();
        let patience = self.world.deadlines.of(None);
        let limit = from_now(patience);
        let mut waits = None;
        loop {
            if arrived(connection) || !connection.is_open() {
                return Ok(());
            }
            waits
                .get_or_insert_with(|| self.world.progress.wait(Some(&connection.participant), what, self.own_place()));
            let death = self.world.server.death();
            let more = tokio::select! {
                more = changed_before(&mut changes, limit) => more,
                death = death => return Err(self.server_died(&death)),
            };
            if !more {
                let mut failure = self.failure(format!(
                    "the barrier on connection {} of `{}` broke: {what} did not come within {patience:?}",
                    connection.name, connection.participant
                ));
                let end = lock(&connection.inbox).end.clone();
                if let Some(end) = end {
                    failure.details.push(format!("the connection is closed: {}", describe(&end)));
                }
                failure.participant = Some(connection.participant.clone());
                failure.came = came(connection, 0);
                return Err(failure);
            }
        }
    }

    /// Tries the barrier: runs it on every open connection, and then no delivery may come.
    pub(crate) async fn audit(&self, listen: Duration) -> Result<(), Box<Failure>> {
        self.settle().await?;
        let mut open = Vec::new();
        for participant in self.world.participants.values() {
            for connection in participant.current().into_iter().filter(|connection| connection.is_open()) {
                let seen = lock(&connection.inbox).frames.len();
                open.push((connection, seen));
            }
        }
        tokio::time::sleep(listen).await;
        let streams = &self.world.scenario.protocol.streams;
        for (connection, seen) in open {
            let inbox = lock(&connection.inbox);
            let late =
                inbox.frames.iter().skip(seen).find(|frame| {
                    streams.is_empty() || streams.iter().any(|stream| stream.frame.matches(&frame.value))
                });
            if let Some(frame) = late {
                let mut failure = self.failure(format!(
                    "the barrier doesn't hold: {} got a delivery behind it, without anybody having done anything: {}",
                    connection.participant, frame.value
                ));
                failure.participant = Some(connection.participant.clone());
                return Err(failure);
            }
        }
        Ok(())
    }

    /// Where there is no barrier: listens for so long, and counts the outcome as unproven.
    pub(crate) async fn listen(
        &self,
        connection: &Arc<Connection>,
        listen: Option<Duration>,
        stop: impl Fn(&Connection) -> bool,
    ) -> Result<(), Box<Failure>> {
        let Some(listen) = listen else {
            let mut failure = self.failure("nothing can be proven here: there is no barrier");
            failure.details.push(
                "declare a `barrier` in the protocol file, or give `for: 200ms` and have it reported as unproven"
                    .to_owned(),
            );
            return Err(failure);
        };
        self.world.unproven.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let _waits = self.waits(format!("nothing more to come, for {listen:?}"));
        let mut changes = connection.changed.subscribe();
        let limit = from_now(self.world.deadlines.of(Some(listen)));
        while !stop(connection) && changed_before(&mut changes, limit).await {}
        Ok(())
    }
}

/// Whether a connection has sent what no barrier has shown to be through.
fn unflushed(connection: &Connection) -> bool {
    let inbox = lock(&connection.inbox);
    inbox.sent > inbox.flushed
}
