//! Barriers: how to know that everything caused before has arrived, so that "nothing" can be proven. The order of the
//! questions is [`barrier`]'s; here they are asked, over the network.
//!
//! [`barrier`]: super::barrier

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use tokio::time::Instant;

pub(crate) use super::barrier::Proof;
use super::barrier::{self, Next, Reply};
use crate::event::Failure;
use crate::history::Payload;
use crate::invariant::all_seen;
use crate::pattern::Pattern;
use crate::pattern::value::number_cmp;
use crate::run::context::ask::get;
use crate::run::context::outgoing::rendered;
use crate::run::context::step_context::{CallSettings, MainMode, StepContext};
use crate::run::context::wait::{changed_before, from_now, or_death, server_died};
use crate::run::state::connection::{Connection, Sender, described};
use crate::run::state::inbox::Inbox;
use crate::run::state::lock::lock;
use crate::run::state::mailbox::Mailbox;
use crate::run::state::markers::Marker;
use crate::run::state::participant::Participant;
use crate::scenario::model::{Action, Barrier, StepKind};
use crate::wire::codec::Message;

/// One question of a barrier.
enum Question {
    /// A ping on this connection.
    Echo(Arc<Connection>),
    /// The marker of a participant, which must be seen on a connection.
    Marker { by: Arc<Participant>, seen_on: Arc<Connection> },
    /// As many answers on this connection as it has sent frames.
    Answers(Arc<Connection>),
    /// The server's position, which the watcher must reach.
    Position,
}

/// Runs the barrier on every other open connection that has sent since its last one, then on the watcher's own.
pub(crate) async fn barrier(context: &StepContext, watcher: &Arc<Connection>) -> Result<Proof, Box<Failure>> {
    if let Some(proof) = ended_or_unread(watcher) {
        return Ok(proof);
    }
    let proof = match questions(context, watcher)? {
        Ok(rounds) => run(context, watcher, rounds).await?,
        Err(why) => Proof::Unproven(why),
    };
    Ok(match (proof, lost_sender(context)) {
        (Proof::Proven, Some(who)) => Proof::Unproven(format!(
            "{who}'s connection was lost behind frames of which no barrier has shown that they had arrived"
        )),
        (proof, _) => proof,
    })
}

/// Whose connection ended without a close frame before anything showed that everything it had sent was through: the
/// server may still read it. A barrier shows it, and for what the protocol's streams know by the sender's own ids an ack
/// or a delivery does.
fn lost_sender(context: &StepContext) -> Option<String> {
    let unflushed_and_lost = |connection: &Connection| {
        let inbox = lock(&connection.mailbox.inbox);
        let lost = inbox.end.as_ref().is_some_and(|end| end.code.is_none());
        (lost && inbox.sent > inbox.flushed).then_some(inbox.flushed)
    };
    let world = &context.world;
    world.cast.participants.values().find_map(|participant| {
        let lost: Vec<_> = {
            let connections = lock(&participant.connections);
            connections.iter().filter_map(|one| Some((Arc::clone(one), unflushed_and_lost(one)?))).collect()
        };
        lost.into_iter().find_map(|(connection, flushed)| {
            let history = world.recorder.history();
            let seen =
                all_seen(&history, &world.cast.members(), &world.scenario.protocol.streams, connection.id, flushed);
            (!seen).then(|| connection.mailbox.who())
        })
    })
}

/// What is known without a question: of a connection that has ended, or that nobody reads.
fn ended_or_unread(watcher: &Connection) -> Option<Proof> {
    let inbox = lock(&watcher.mailbox.inbox);
    let who = watcher.mailbox.who();
    match &inbox.end {
        // Nothing follows a close frame (RFC 6455, section 1.4). One that nobody expects fails the scenario at its end.
        Some(end) if end.code.is_some() => Some(Proof::Proven),
        Some(end) => Some(Proof::Unproven(format!("{who}'s connection has ended {}", described(end)))),
        None if inbox.stalled => Some(Proof::Unproven(format!("{who}'s connection isn't read"))),
        None => None,
    }
}

/// The rounds of a barrier, or why there is none.
fn questions(
    context: &StepContext,
    watcher: &Arc<Connection>,
) -> Result<Result<Vec<Vec<Question>>, String>, Box<Failure>> {
    let senders = senders(context, watcher);
    let echoes = |connections: Vec<Arc<Connection>>| connections.into_iter().map(Question::Echo).collect();
    let protocol = &context.actor()?.spec.protocol;
    Ok(match &protocol.barrier {
        None => Err(format!("the protocol `{}` declares no barrier", protocol.name)),
        Some(Barrier::Echo { .. }) => Ok(vec![echoes(senders), echoes(vec![Arc::clone(watcher)])]),
        Some(Barrier::Marker { .. }) => markers(context, watcher, &senders),
        Some(Barrier::Get { answers: Some(_), .. }) => {
            let sent = senders.into_iter().chain([Arc::clone(watcher)]);
            Ok(sent.map(Question::Answers).chain([Question::Position]).map(|question| vec![question]).collect())
        }
        Some(Barrier::Get { answers: None, .. }) => {
            match senders.iter().chain([watcher]).find(|connection| unflushed(connection)) {
                None => Ok(vec![vec![Question::Position]]),
                Some(sender) => Err(format!(
                    "{} has sent, and the barrier `get` of `{}` has no `answers` that would tell that it has arrived",
                    sender.mailbox.who(),
                    protocol.name
                )),
            }
        }
    })
}

/// The other open connections that have sent what no barrier has shown to be through, oldest first.
fn senders(context: &StepContext, watcher: &Connection) -> Vec<Arc<Connection>> {
    let all = context.world.cast.participants.values().flat_map(|participant| participant.current());
    // A server that has answered a close frame has read what came before it; what is lost is told apart.
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
    let mut broken = None;
    loop {
        match barrier.next() {
            Next::Done(proof) => return Ok(proof),
            Next::Broken => return Err(broken.unwrap_or_else(|| context.failure("the barrier broke"))),
            Next::Ask(round) => {
                let asked = round.iter().map(|question| ask(context, watcher, question));
                for reply in join_all(asked).await {
                    barrier.reply(reply.unwrap_or_else(|failure| {
                        broken = broken.take().or(Some(failure));
                        Reply::Broken
                    }));
                }
            }
        }
    }
}

/// Asks one question; an error is an answer that is none.
async fn ask(context: &StepContext, watcher: &Arc<Connection>, question: &Question) -> Result<Reply, Box<Failure>> {
    match question {
        Question::Echo(connection) => echo(context, connection).await,
        Question::Marker { by, seen_on } => marker(context, seen_on, by).await,
        Question::Answers(connection) => answers(context, connection).await,
        Question::Position => position(context, watcher).await,
    }
}

/// Runs the barrier on every open connection of everybody. What can't be proven there is not waited for; a barrier that
/// breaks is told.
pub(crate) async fn settle(context: &StepContext) -> Result<(), Box<Failure>> {
    let everybody = || context.world.cast.participants.values();
    let open: Vec<_> = everybody().flat_map(|one| one.current()).filter(|one| one.is_open()).collect();
    if everybody().all(|one| matches!(one.spec.protocol.barrier, Some(Barrier::Echo { .. }))) {
        // Twice on all at once: the first time passes what everybody sent, the second what that caused. A server that
        // hangs then costs one deadline and not one for each participant.
        for _ in 0..2 {
            for echoed in join_all(open.iter().map(|connection| echo(context, connection))).await {
                echoed?;
            }
        }
        return Ok(());
    }
    for participant in everybody() {
        for connection in participant.current().into_iter().filter(|connection| connection.is_open()) {
            barrier(&context.acting(participant), &connection).await?;
        }
    }
    Ok(())
}

/// One echo on one connection.
async fn echo(context: &StepContext, connection: &Arc<Connection>) -> Result<Reply, Box<Failure>> {
    let mailbox = &connection.mailbox;
    let Some(owner) = context.world.cast.participants.get(&mailbox.owner) else {
        return Ok(Reply::Unasked(format!("`{}` is no participant", mailbox.owner)));
    };
    let protocol = &owner.spec.protocol;
    let Some(Barrier::Echo { send, receive }) = &protocol.barrier else {
        let why =
            format!("{} has sent, and the protocol `{}` declares no barrier `echo`", mailbox.who(), protocol.name);
        return Ok(Reply::Unasked(why));
    };
    match ended_or_unread(connection) {
        Some(Proof::Proven) => return Ok(Reply::Answered),
        Some(Proof::Unproven(why)) => return Ok(Reply::Unasked(why)),
        None => {}
    }
    let mut there = context.acting(owner);
    let marker = format!("marker-{}", context.world.random.uuid(there.spot()));
    there.locals.insert("marker".to_owned(), Value::String(marker));
    let (message, payload) = rendered(&there, send)?;
    let pong = Arc::new(there.pattern(receive)?);
    // Answers that are told apart by nothing come in the order of the pings, and of those on their way some may have been
    // lost: then as many answers as there are pings before this one, and one more, show that this one has arrived.
    let by_order = !receive.mentions("marker");
    let (sent, lost, goal) = {
        let inbox = lock(&mailbox.inbox);
        (inbox.sent, if by_order { inbox.doubtful_pings() } else { 0 }, inbox.pongs + inbox.pings.len() as u64 + 1)
    };
    let mut asked = vec![
        ping(connection, context, &message, &payload, &pong)
            .map_err(|why| broken(context, mailbox, "the barrier's ping", &why))?,
    ];
    let limit = from_now(context.world.settings.deadlines.of(None));
    loop {
        let seen = lock(&mailbox.inbox).pongs;
        let through = |inbox: &Inbox| inbox.passed.contains(&asked[0]) || (by_order && inbox.pongs >= goal);
        arrival(context, mailbox, "the answer to the barrier's ping", limit, || {
            let inbox = lock(&mailbox.inbox);
            through(&inbox) || inbox.pongs > seen
        })
        .await?;
        if through(&lock(&mailbox.inbox)) {
            break;
        }
        if asked.len() <= lost {
            asked.extend(ping(connection, context, &message, &payload, &pong).ok());
        }
    }
    // Only now, and only what was sent before the ping: another barrier at the same time must not skip this connection.
    let mut inbox = lock(&mailbox.inbox);
    inbox.flushed = inbox.flushed.max(sent);
    inbox.abandoned.extend(asked);
    Ok(Reply::Answered)
}

/// Sends a ping of a barrier; gives its number.
fn ping(
    connection: &Connection,
    context: &StepContext,
    message: &Message,
    payload: &Payload,
    pong: &Arc<Pattern>,
) -> Result<u64, String> {
    let number = {
        let mut inbox = lock(&connection.mailbox.inbox);
        inbox.barriers += 1;
        inbox.barriers
    };
    let sender = Sender::Barrier(number, Arc::clone(pong));
    connection.send(context.place.number, message.clone(), payload.clone(), sender).map(|_| number)
}

/// Whose markers must be seen, and where; or why nobody can do one.
///
/// Everybody who has sent does one, which the watcher must see. What the watcher itself has sent is behind its own
/// marker; a server that hands things to the others only never shows it that, so it is seen by somebody else, whose
/// marker the watcher must see then.
fn markers(
    context: &StepContext,
    watcher: &Arc<Connection>,
    senders: &[Arc<Connection>],
) -> Result<Vec<Vec<Question>>, String> {
    let participants = &context.world.cast.participants;
    let owner = &watcher.mailbox.owner;
    // Only somebody on the watcher's stream can be seen there; what others sent can't be awaited from here.
    let together = |connection: &Connection| connection.streams == watcher.streams;
    let (mut rounds, mut done) = (Vec::new(), BTreeSet::new());
    for sender in senders.iter().filter(|sender| together(sender) && sender.mailbox.owner != *owner) {
        let Some(by) = participants.get(&sender.mailbox.owner) else { continue };
        if !marks(by) {
            let protocol = &by.spec.protocol.name;
            return Err(format!("`{}` has sent, and the protocol `{protocol}` declares no barrier `marker`", by.key()));
        }
        let question = || Question::Marker { by: Arc::clone(by), seen_on: Arc::clone(watcher) };
        if done.insert(by.key().to_owned()) {
            rounds.push(vec![question()]);
        }
    }
    let own_sent =
        unflushed(watcher) || senders.iter().any(|sender| sender.mailbox.owner == *owner && together(sender));
    if !rounds.is_empty() && !own_sent {
        return Ok(rounds);
    }
    let me = participants.get(owner).filter(|me| marks(me));
    let connected = |other: &&Arc<Participant>| {
        let current = other.current();
        other.key() != owner && marks(other) && current.iter().any(|one| one.is_open() && together(one))
    };
    let partner = participants.values().find(connected);
    if !own_sent {
        // Nobody has sent: anybody's marker comes behind what the server did by itself.
        let unconnected =
            || participants.values().find(|other| other.key() != owner && marks(other) && needs_none(other));
        let by = partner.or_else(unconnected).or(me);
        let by = by.ok_or_else(|| {
            format!(
                "nobody can do the marker for {}: no other participant is connected who has one",
                watcher.mailbox.who()
            )
        })?;
        return Ok(vec![vec![Question::Marker { by: Arc::clone(by), seen_on: Arc::clone(watcher) }]]);
    }
    let me = me.ok_or_else(|| format!("`{owner}` has sent and declares no barrier `marker`"))?;
    let seen = |by: &Arc<Participant>, on: &Arc<Connection>| {
        vec![Question::Marker { by: Arc::clone(by), seen_on: Arc::clone(on) }]
    };
    let other = partner.and_then(|other| {
        let there = other.current().into_iter().find(|one| one.is_open() && together(one))?;
        Some((other, there))
    });
    match other {
        Some((other, there)) if !context.world.markers.come_back() && ended_or_unread(&there).is_none() => {
            rounds.push(seen(me, &there));
            rounds.push(seen(other, watcher));
        }
        _ => rounds.push(seen(me, watcher)),
    }
    Ok(rounds)
}

fn marks(participant: &Participant) -> bool {
    matches!(participant.spec.protocol.barrier, Some(Barrier::Marker { .. }))
}

/// Whether a participant's marker needs no connection.
fn needs_none(participant: &Participant) -> bool {
    match &participant.spec.protocol.barrier {
        Some(Barrier::Marker { action, .. }) => {
            matches!(&action.kind, StepKind::Act { action, .. } if matches!(**action, Action::Http(_)))
        }
        _ => false,
    }
}

/// Does the marker's action as a participant; it must be seen on a connection.
async fn marker(
    context: &StepContext,
    seen_on: &Arc<Connection>,
    actor: &Arc<Participant>,
) -> Result<Reply, Box<Failure>> {
    let Some(Barrier::Marker { action, receive, hides }) = &actor.spec.protocol.barrier else {
        return Ok(Reply::Unasked(format!("`{}` declares no barrier `marker`", actor.key())));
    };
    let value = format!("marker-{}", context.world.random.uuid(context.spot()));
    let own =
        actor.current().into_iter().find(|connection| connection.is_open() && connection.streams == seen_on.streams);
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
    let sample = there.render(receive)?;
    let receive = there.pattern(receive)?;
    let hides: Vec<Pattern> = there.patterns(hides)?;
    if hides.iter().any(|hidden| hidden.matches(&sample)) {
        return Err(context.wrong(format!(
            "`hides` of the marker of `{}` fits the marker itself, which would then be hidden: let it fit only what else \
             the action causes",
            actor.key()
        )));
    }
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
    let seen = || lock(&seen_on.mailbox.inbox).markers.contains(&value);
    let limit = from_now(context.world.settings.deadlines.of(None));
    arrival(context, &seen_on.mailbox, &format!("the marker of `{}`", actor.key()), limit, seen).await?;
    if let Some(own) = &own {
        let mut inbox = lock(&own.mailbox.inbox);
        inbox.flushed = inbox.flushed.max(sent);
        // What comes behind another's marker shows whether the server hands its own to a participant too.
        if inbox.markers.contains(&value) {
            context.world.markers.came_back();
        }
    }
    Ok(Reply::Answered)
}

/// Waits for as many answers as a connection has sent frames.
async fn answers(context: &StepContext, sender: &Arc<Connection>) -> Result<Reply, Box<Failure>> {
    let Some(Barrier::Get { answers: Some(answers), .. }) = &context.actor()?.spec.protocol.barrier else {
        return Ok(Reply::Unasked("the barrier `get` has no `answers`".to_owned()));
    };
    let answers = context.pattern(answers)?;
    let sent = lock(&sender.mailbox.inbox).sent;
    let answered = || lock(&sender.mailbox.inbox).count_answers(&answers) >= sent;
    let limit = from_now(context.world.settings.deadlines.of(None));
    arrival(context, &sender.mailbox, "an answer to everything that was sent", limit, answered).await?;
    lock(&sender.mailbox.inbox).flushed = sent;
    Ok(Reply::Answered)
}

/// Asks for the server's position and waits until the watcher's frames have reached it.
async fn position(context: &StepContext, watcher: &Arc<Connection>) -> Result<Reply, Box<Failure>> {
    let Some(Barrier::Get { get: path, offset, frame, passed, .. }) = &context.actor()?.spec.protocol.barrier else {
        return Ok(Reply::Unasked("there is no barrier `get`".to_owned()));
    };
    let path = context.text(path)?;
    let answer = get(context, &path, "barrier").await?;
    let goal = match offset.query(&answer.body).first() {
        Some(goal @ (Value::Number(_) | Value::String(_))) if (200..300).contains(&answer.status) => goal.clone(),
        _ => {
            return Err(context.failure(format!(
                "the barrier broke: GET {path} gave no position at {offset}, which is a number or a text: {} {}",
                answer.status, answer.body
            )));
        }
    };
    let nothing_yet = goal.as_f64().is_some_and(|goal| goal <= 0.0) || goal.as_str().is_some_and(str::is_empty);
    if nothing_yet {
        return Ok(Reply::Answered);
    }
    let frames = context.pattern(frame)?;
    let looked_at = AtomicUsize::new(0);
    let arrived = || {
        let inbox = lock(&watcher.mailbox.inbox);
        let from = looked_at.swap(inbox.frames.len(), Ordering::Relaxed);
        inbox.frames[from..].iter().any(|one| {
            frames.matches(&one.value) && passed.query(&one.value).first().is_some_and(|place| reaches(place, &goal))
        })
    };
    let limit = from_now(context.world.settings.deadlines.of(None));
    arrival(context, &watcher.mailbox, &format!("the position {goal} that the server told"), limit, arrived).await?;
    Ok(Reply::Answered)
}

/// Whether a place in the order is at a goal or behind it: numbers compare exactly, texts as texts.
fn reaches(place: &Value, goal: &Value) -> bool {
    match (place, goal) {
        (Value::Number(place), Value::Number(goal)) => number_cmp(place, goal).is_ge(),
        (Value::String(place), Value::String(goal)) => place >= goal,
        _ => false,
    }
}

/// Waits for what a barrier asked for on a connection. An end, a death or a time-out is no answer.
async fn arrival(
    context: &StepContext,
    mailbox: &Mailbox,
    what: &str,
    limit: Instant,
    arrived: impl Fn() -> bool,
) -> Result<(), Box<Failure>> {
    let mut changes = mailbox.changes();
    let patience = context.world.settings.deadlines.of(None);
    let mut waits = None;
    loop {
        if arrived() {
            return Ok(());
        }
        let end = lock(&mailbox.inbox).end.clone();
        if let Some(end) = end {
            let why = format!("its connection was closed {}", described(&end));
            let failure = broken(context, mailbox, what, &why);
            return Err(if end.code.is_none() { or_death(context, failure).await } else { failure });
        }
        waits.get_or_insert_with(|| context.world.progress.wait(Some(&mailbox.owner), what, context.place.own()));
        let more = tokio::select! {
            more = changed_before(&mut changes, limit) => more,
            death = context.world.target.server.death() => return Err(server_died(context, &death)),
        };
        if !more {
            return Err(broken(context, mailbox, what, &format!("it did not come within {patience:?}")));
        }
    }
}

/// A barrier that was asked and not answered as declared.
fn broken(context: &StepContext, mailbox: &Mailbox, what: &str, why: &str) -> Box<Failure> {
    let (name, owner) = (&mailbox.name, &mailbox.owner);
    let mut failure = context.failure(format!("the barrier on connection {name} of `{owner}` broke: {what}: {why}"));
    failure.participant = Some(owner.clone());
    failure.came = mailbox.came(0);
    failure
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

/// Whether a connection has sent what no barrier has shown to be through.
fn unflushed(connection: &Connection) -> bool {
    let inbox = lock(&connection.mailbox.inbox);
    inbox.sent > inbox.flushed
}
