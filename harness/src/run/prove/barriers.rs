//! Barriers: how to know that everything caused before has arrived, so that "nothing" can be proven. The order of the
//! questions is [`barrier`]'s; here they are asked, over the network.
//!
//! [`barrier`]: super::barrier

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;

pub(crate) use super::barrier::Proof;
use super::barrier::{self, Next, Reply};
use crate::event::Failure;
use crate::history::Payload;
use crate::pattern::Pattern;
use crate::run::context::ask::get;
use crate::run::context::step_context::{CallSettings, MainMode, StepContext};
use crate::run::context::wait::{changed_before, from_now, server_died};
use crate::run::state::connection::{Connection, Sender, described};
use crate::run::state::inbox::Ping;
use crate::run::state::lock::lock;
use crate::run::state::mailbox::Mailbox;
use crate::run::state::markers::Marker;
use crate::run::state::participant::Participant;
use crate::scenario::model::{Barrier, StepKind};
use crate::wire::codec::Message;

/// One question of a barrier.
enum Question {
    /// A ping on this connection.
    Echo(Arc<Connection>),
    /// The marker of this participant, which the watcher must see.
    Marker(Arc<Participant>),
    /// As many answers on this connection as it has sent frames.
    Answers(Arc<Connection>),
    /// The server's position, which the watcher must reach.
    Position,
}

/// Runs the barrier on every other open socket that has sent since its last one, then on the watcher's own.
pub(crate) async fn barrier(context: &StepContext, watcher: &Arc<Connection>) -> Result<Proof, Box<Failure>> {
    let end = lock(&watcher.mailbox.inbox).end.clone();
    if let Some(end) = end {
        // What the server sent before a close frame has arrived with it; a lost connection may have lost more.
        return Ok(if end.code.is_some() { Proof::Proven } else { Proof::None });
    }
    if lock(&watcher.mailbox.inbox).stalled {
        return Ok(Proof::None);
    }
    let senders = senders(context, watcher);
    let echoes = |connections: Vec<Arc<Connection>>| connections.into_iter().map(Question::Echo).collect();
    let rounds: Vec<Vec<Question>> = match &context.actor()?.spec.protocol.barrier {
        None => Vec::new(),
        Some(Barrier::Echo { .. }) => vec![echoes(senders), echoes(vec![Arc::clone(watcher)])],
        Some(Barrier::Marker { .. }) => {
            markers(context, watcher, &senders).into_iter().map(|who| vec![Question::Marker(who)]).collect()
        }
        Some(Barrier::Get { answers: Some(_), .. }) => {
            let sent = senders.into_iter().chain([Arc::clone(watcher)]);
            sent.map(Question::Answers).chain([Question::Position]).map(|question| vec![question]).collect()
        }
        // The position counts what the server has taken; what is still on its way can't be awaited here.
        Some(Barrier::Get { answers: None, .. }) if senders.is_empty() && !unflushed(watcher) => {
            vec![vec![Question::Position]]
        }
        Some(Barrier::Get { answers: None, .. }) => Vec::new(),
    };
    run(context, watcher, rounds).await
}

/// The other open connections that have sent what no barrier has shown to be through, oldest first.
fn senders(context: &StepContext, watcher: &Connection) -> Vec<Arc<Connection>> {
    let all = context.world.cast.participants.values().flat_map(|participant| participant.current());
    // What a connection sent that is closed by now can't be flushed: a scenario awaits its effect itself.
    let mut senders: Vec<_> =
        all.filter(|connection| connection.id != watcher.id && unflushed(connection) && connection.is_open()).collect();
    senders.sort_by_key(|connection| connection.id);
    senders
}

/// Asks the questions of a barrier in its order.
async fn run(
    context: &StepContext,
    watcher: &Arc<Connection>,
    rounds: Vec<Vec<Question>>,
) -> Result<Proof, Box<Failure>> {
    let mut barrier = barrier::Barrier::new(rounds);
    loop {
        match barrier.next() {
            Next::Done(proof) => return Ok(proof),
            Next::Ask(round) => {
                let asked = round.iter().map(|question| ask(context, watcher, question));
                for reply in join_all(asked).await {
                    barrier.reply(reply?);
                }
            }
        }
    }
}

async fn ask(context: &StepContext, watcher: &Arc<Connection>, question: &Question) -> Result<Reply, Box<Failure>> {
    match question {
        Question::Echo(connection) => echo(context, connection).await,
        Question::Marker(participant) => marker(context, watcher, participant).await,
        Question::Answers(connection) => answers(context, connection).await,
        Question::Position => position(context, watcher).await,
    }
}

/// Runs the barrier on every open connection of everybody; where a protocol declares none, what has not arrived by now is
/// not waited for.
pub(crate) async fn settle(context: &StepContext) -> Result<(), Box<Failure>> {
    let everybody = || context.world.cast.participants.values();
    let open: Vec<_> = everybody().flat_map(|one| one.current()).filter(|one| one.is_open()).collect();
    if open.iter().all(|connection| connection.echo.is_some()) {
        // Twice on all at once: the first time passes what everybody sent, the second what that caused. A server that
        // hangs then costs one deadline and not one for each participant.
        for _ in 0..2 {
            for echoed in join_all(open.iter().map(|connection| echo(context, connection))).await {
                echoed?;
            }
        }
        return Ok(());
    }
    let mut broken = Ok(());
    for participant in everybody() {
        for connection in participant.current().into_iter().filter(|connection| connection.is_open()) {
            let there = context.acting(participant);
            // One that breaks doesn't keep the others from passing.
            broken = broken.and(barrier(&there, &connection).await.map(|_| ()));
        }
    }
    broken
}

/// One echo on one connection.
async fn echo(context: &StepContext, connection: &Arc<Connection>) -> Result<Reply, Box<Failure>> {
    let Some(echo) = &connection.echo else { return Ok(Reply::Unasked) };
    if lock(&connection.mailbox.inbox).stalled || !connection.is_open() {
        // Nobody reads the answer.
        return Ok(Reply::Unasked);
    }
    let (goal, sent) = {
        let inbox = lock(&connection.mailbox.inbox);
        let goal = inbox.passed + inbox.pings.iter().filter(|ping| **ping == Ping::Barrier).count() + 1;
        (goal, inbox.sent)
    };
    let (message, payload) = (Message::json(&echo.ping), Payload::json(echo.ping.clone()));
    if connection.send(context.place.number, message, payload, Sender::Barrier).is_err() {
        return Ok(Reply::Ended);
    }
    let passed = || lock(&connection.mailbox.inbox).passed >= goal;
    let reply = arrival(context, &connection.mailbox, "the answer to the barrier's ping", passed).await?;
    // Only now, and only what was sent before the ping: another barrier at the same time must not skip this socket.
    let mut inbox = lock(&connection.mailbox.inbox);
    inbox.flushed = inbox.flushed.max(sent);
    Ok(reply)
}

/// Whose markers the watcher must see: everybody's who has sent; where nobody has, that of one other participant with an
/// open connection.
fn markers(context: &StepContext, watcher: &Connection, senders: &[Arc<Connection>]) -> Vec<Arc<Participant>> {
    let participants = &context.world.cast.participants;
    // Only somebody on the watcher's stream can be seen there; what others sent can't be awaited from here.
    let together = |connection: &Connection| connection.streams == watcher.streams;
    let owner = |connection: &Connection| connection.mailbox.owner.clone();
    let mut who: Vec<String> = senders.iter().filter(|one| together(one)).map(|one| owner(one)).collect();
    if unflushed(watcher) {
        // Its own doings are behind its own marker, which comes back to it.
        who.push(owner(watcher));
    }
    who.dedup();
    if who.is_empty() {
        let other = participants.values().find(|other| {
            other.key() != watcher.mailbox.owner
                && marks(other)
                && other.current().iter().any(|connection| connection.is_open() && together(connection))
        });
        return other.into_iter().cloned().collect();
    }
    let who: Vec<_> = who.iter().filter_map(|key| participants.get(key).cloned()).collect();
    // Where one can't be awaited, the others' markers prove nothing.
    if who.iter().all(|participant| marks(participant)) { who } else { Vec::new() }
}

fn marks(participant: &Participant) -> bool {
    matches!(participant.spec.protocol.barrier, Some(Barrier::Marker { .. }))
}

/// Does the marker's action as a participant; the watcher must see it.
async fn marker(
    context: &StepContext,
    watcher: &Arc<Connection>,
    actor: &Arc<Participant>,
) -> Result<Reply, Box<Failure>> {
    let Some(Barrier::Marker { action, receive, hides }) = &actor.spec.protocol.barrier else {
        return Ok(Reply::Unasked);
    };
    let value = format!("marker-{}", context.world.random.uuid(context.spot()));
    let own =
        actor.current().into_iter().find(|connection| connection.is_open() && connection.streams == watcher.streams);
    let mut there = context.acting(actor);
    there.locals.insert("marker".to_owned(), Value::String(value.clone()));
    there.call = CallSettings {
        in_verb: true,
        via: own.as_ref().map(|connection| connection.mailbox.name.clone()),
        since: None,
        ..there.call
    };
    there.shared = true;
    there.main = MainMode::Own;
    there.go_beside();
    let receive = there.pattern(receive)?;
    let hides: Vec<Pattern> = there.patterns(hides)?;
    context.world.markers.add(Marker { value: value.clone(), receive, hides });
    let sent = own.as_ref().map_or(0, |connection| lock(&connection.mailbox.inbox).sent);
    if let StepKind::Act { action, .. } = &action.kind {
        let play = there.play_action;
        play(&mut there, action).await.map_err(|mut failures| failures.remove(0))?;
    }
    if let Some(own) = &own {
        // The marker itself needs no marker behind it.
        let mut inbox = lock(&own.mailbox.inbox);
        let marker = inbox.sent.saturating_sub(sent);
        inbox.sent -= marker;
    }
    let seen = || lock(&watcher.mailbox.inbox).markers.contains(&value);
    let reply = arrival(context, &watcher.mailbox, &format!("the marker of `{}`", actor.key()), seen).await?;
    if let Some(own) = &own {
        let mut inbox = lock(&own.mailbox.inbox);
        inbox.flushed = inbox.flushed.max(sent);
    }
    Ok(reply)
}

/// Waits for as many answers as a connection has sent frames.
async fn answers(context: &StepContext, sender: &Arc<Connection>) -> Result<Reply, Box<Failure>> {
    let Some(Barrier::Get { answers: Some(answers), .. }) = &context.actor()?.spec.protocol.barrier else {
        return Ok(Reply::Unasked);
    };
    let answers = context.pattern(answers)?;
    let sent = lock(&sender.mailbox.inbox).sent;
    let answered = || {
        let inbox = lock(&sender.mailbox.inbox);
        inbox.frames.iter().filter(|one| answers.matches(&one.value)).count() as u64 >= sent
    };
    let reply = arrival(context, &sender.mailbox, "an answer to everything that was sent", answered).await?;
    lock(&sender.mailbox.inbox).flushed = sent;
    Ok(reply)
}

/// Asks for the server's position and waits until the watcher's frames have reached it.
async fn position(context: &StepContext, watcher: &Arc<Connection>) -> Result<Reply, Box<Failure>> {
    let Some(Barrier::Get { get: path, offset, frame, passed, .. }) = &context.actor()?.spec.protocol.barrier else {
        return Ok(Reply::Unasked);
    };
    let path = context.text(path)?;
    let answer = get(context, &path, "barrier").await?;
    let Some(Value::Number(goal)) = offset.query(&answer.body).first().cloned() else {
        return Err(context.failure(format!(
            "the barrier's GET {path} gave no number at {offset}: {} {}",
            answer.status, answer.body
        )));
    };
    let goal = goal.as_f64().unwrap_or(0.0);
    let frames = context.pattern(frame)?;
    let arrived = || {
        lock(&watcher.mailbox.inbox).frames.iter().any(|one| {
            frames.matches(&one.value)
                && passed.query(&one.value).first().and_then(Value::as_f64).is_some_and(|place| place >= goal)
        })
    };
    if goal > 0.0 {
        return arrival(context, &watcher.mailbox, "the position that the server told", arrived).await;
    }
    Ok(Reply::Answered)
}

/// Waits for what a barrier asked for on a connection.
async fn arrival(
    context: &StepContext,
    mailbox: &Mailbox,
    what: &str,
    arrived: impl Fn() -> bool,
) -> Result<Reply, Box<Failure>> {
    let mut changes = mailbox.changes();
    let patience = context.world.settings.deadlines.of(None);
    let limit = from_now(patience);
    let mut waits = None;
    loop {
        if arrived() {
            return Ok(Reply::Answered);
        }
        if !mailbox.is_open() {
            return Ok(Reply::Ended);
        }
        waits.get_or_insert_with(|| context.world.progress.wait(Some(&mailbox.owner), what, context.place.own()));
        let more = tokio::select! {
            more = changed_before(&mut changes, limit) => more,
            death = context.world.target.server.death() => return Err(server_died(context, &death)),
        };
        if !more {
            let mut failure = context.failure(format!(
                "the barrier on connection {} of `{}` broke: {what} did not come within {patience:?}",
                mailbox.name, mailbox.owner
            ));
            let end = lock(&mailbox.inbox).end.clone();
            if let Some(end) = end {
                failure.details.push(format!("the connection is closed: {}", described(&end)));
            }
            failure.participant = Some(mailbox.owner.clone());
            failure.came = mailbox.came(0);
            return Err(failure);
        }
    }
}

/// Tries the barrier: runs it on every open connection, and then no delivery may come.
pub(crate) async fn audit(context: &StepContext, listen: Duration) -> Result<(), Box<Failure>> {
    settle(context).await?;
    let mut open = Vec::new();
    for participant in context.world.cast.participants.values() {
        for connection in participant.current().into_iter().filter(|connection| connection.is_open()) {
            let seen = lock(&connection.mailbox.inbox).frames.len();
            open.push((connection, seen));
        }
    }
    tokio::time::sleep(listen).await;
    let streams = &context.world.scenario.protocol.streams;
    for (connection, seen) in open {
        let inbox = lock(&connection.mailbox.inbox);
        let late = inbox
            .frames
            .iter()
            .skip(seen)
            .find(|frame| streams.is_empty() || streams.iter().any(|stream| stream.frame.matches(&frame.value)));
        if let Some(frame) = late {
            let mut failure = context.failure(format!(
                "the barrier doesn't hold: {} got a delivery behind it, without anybody having done anything: {}",
                connection.mailbox.owner, frame.value
            ));
            failure.participant = Some(connection.mailbox.owner.clone());
            return Err(failure);
        }
    }
    Ok(())
}

/// Where there is no barrier: listens for so long, and counts the outcome as unproven.
pub(crate) async fn listen(
    context: &StepContext,
    mailbox: &Mailbox,
    period: Option<Duration>,
    stop: impl Fn() -> bool,
) -> Result<(), Box<Failure>> {
    let Some(period) = period else {
        let mut failure = context.failure("nothing can be proven here: there is no barrier");
        failure.details.push(
            "declare a `barrier` in the protocol file, or give `for: 200ms` and have it reported as unproven"
                .to_owned(),
        );
        return Err(failure);
    };
    context.world.findings.unproven.fetch_add(1, Ordering::Relaxed);
    let _waits = context.waits(format!("nothing more to come, for {period:?}"));
    let mut changes = mailbox.changes();
    let limit = from_now(context.world.settings.deadlines.of(Some(period)));
    while !stop() && changed_before(&mut changes, limit).await {}
    Ok(())
}

/// Whether a connection has sent what no barrier has shown to be through.
fn unflushed(connection: &Connection) -> bool {
    let inbox = lock(&connection.mailbox.inbox);
    inbox.sent > inbox.flushed
}
