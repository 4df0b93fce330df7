//! Barriers: how to know that everything caused before has arrived, so that "nothing" can be proven. The order of the
//! questions is [`barrier`]'s; here they are asked, over the network.
//!
//! [`barrier`]: super::barrier

use std::sync::Arc;

use futures_util::future::join_all;

use super::arrival::{ended_or_unread, unflushed};
pub(crate) use super::barrier::{AskedBy, Proof};
use super::barrier::{BarrierRounds, Next, Reply};
use super::echo::echo;
use super::marker::{MarkerQuestion, marker, markers};
use super::position::{answers, position};
use crate::event::Failure;
use crate::invariant::all_seen;
use crate::lock::lock;
use crate::plan::BarrierAudit;
use crate::run::context::step_context::StepContext;
use crate::run::state::cast::Cast;
use crate::run::state::connection::Connection;
use crate::run::state::mailbox::Mailbox;
use crate::run::state::world::World;
use crate::scenario::model::Barrier;

/// One question of a barrier.
enum Question {
    /// A ping on this connection.
    Echo(Arc<Connection>),
    /// A participant's marker.
    Marker(MarkerQuestion),
    /// As many answers on this connection as it has sent frames.
    Answers(Arc<Connection>),
    /// The server's position, which the watcher must reach.
    Position,
}

/// Runs the barrier on every other open connection that has sent since its last one, then on the watcher's own.
pub(crate) async fn barrier(context: &StepContext, watcher: &Arc<Connection>) -> Result<Proof, Box<Failure>> {
    barrier_for(context, watcher, AskedBy::Step).await
}

async fn barrier_for(
    context: &StepContext,
    watcher: &Arc<Connection>,
    asked_by: AskedBy,
) -> Result<Proof, Box<Failure>> {
    if let Some(proof) = ended_or_unread(watcher) {
        return Ok(proof);
    }
    let proof = match questions(context, watcher)? {
        Ok(rounds) => run(context, watcher, rounds, asked_by).await?,
        Err(why) => Proof::Unproven(why),
    };
    Ok(match (proof, lost_sender(&context.world)) {
        (Proof::Proven, Some(who)) => Proof::Unproven(format!(
            "{who}'s connection was lost behind frames of which no barrier has shown that they had arrived"
        )),
        (proof, _) => proof,
    })
}

/// Whose connection ended without a close frame before anything showed that everything it had sent was through: the
/// server may still read it. A barrier shows it, and for what the protocol's streams know by the sender's own ids an ack
/// or a delivery does.
fn lost_sender(world: &World) -> Option<String> {
    let unflushed_and_lost = |connection: &Connection| {
        let inbox = lock(&connection.mailbox.inbox);
        let lost = inbox.end.as_ref().is_some_and(|end| end.code.is_none());
        (lost && inbox.sent > inbox.flushed).then_some(inbox.flushed)
    };
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

/// The rounds of a barrier, or why it proves nothing.
fn questions(
    context: &StepContext,
    watcher: &Arc<Connection>,
) -> Result<Result<Vec<Vec<Question>>, String>, Box<Failure>> {
    let senders = senders(&context.world.cast, watcher);
    let echoes = |connections: Vec<Arc<Connection>>| connections.into_iter().map(Question::Echo).collect();
    let protocol = &context.actor()?.spec.protocol;
    Ok(match &protocol.barrier {
        None => Err(format!("the protocol `{}` declares no barrier", protocol.name)),
        Some(Barrier::Echo { .. }) => Ok(vec![echoes(senders), echoes(vec![Arc::clone(watcher)])]),
        Some(Barrier::Marker { .. }) => markers(&context.world, watcher, &senders)
            .map(|all| all.into_iter().map(|one| vec![Question::Marker(one)]).collect()),
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
fn senders(cast: &Cast, watcher: &Connection) -> Vec<Arc<Connection>> {
    let all = cast.participants.values().flat_map(|participant| participant.current());
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
    asked_by: AskedBy,
) -> Result<Proof, Box<Failure>> {
    let mut barrier = BarrierRounds::new(rounds);
    let mut broken = None;
    loop {
        match barrier.next() {
            Next::Done(proof) => return Ok(proof),
            Next::Broken => return Err(broken.unwrap_or_else(|| context.failure("the barrier broke"))),
            Next::Ask(round) => {
                let asked = round.iter().map(|question| ask(context, watcher, question, asked_by));
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

/// Asks one question; an error breaks the barrier.
async fn ask(
    context: &StepContext,
    watcher: &Arc<Connection>,
    question: &Question,
    asked_by: AskedBy,
) -> Result<Reply, Box<Failure>> {
    match question {
        Question::Echo(connection) => echo(context, connection).await,
        Question::Marker(asked) => marker(context, asked, asked_by).await,
        Question::Answers(connection) => answers(context, connection).await,
        Question::Position => position(context, watcher).await,
    }
}

/// Tells what stays unproven: where, of whom, and why.
pub(super) fn tell_unproven(context: &StepContext, mailbox: &Mailbox, asked_by: AskedBy, why: &str) {
    let place = match asked_by {
        AskedBy::Step => context.place.trail.first().map(|place| format!("line {}: ", place.at.line)),
        AskedBy::End => Some("at the end: ".to_owned()),
    };
    lock(&context.world.findings.unproven).push(format!("{}{}: {why}", place.unwrap_or_default(), mailbox.who()));
}

/// A connection on which the barrier was run, and what it gave.
pub(crate) type Settled = (Arc<Connection>, Proof);

/// Runs the barrier on every open connection of everybody. What can't be proven there is not waited for; a barrier that
/// breaks is told.
pub(crate) async fn settle(context: &StepContext, asked_by: AskedBy) -> Result<Vec<Settled>, Box<Failure>> {
    let everybody = || context.world.cast.participants.values();
    let open = || {
        everybody()
            .flat_map(|one| one.current().into_iter().filter(|it| it.is_open()).map(move |it| (Arc::clone(one), it)))
    };
    let mut settled = Vec::new();
    if everybody().all(|one| matches!(one.spec.protocol.barrier, Some(Barrier::Echo { .. }))) {
        // Twice on all at once: the first time passes what everybody sent, the second what that caused. A server that
        // hangs then costs one deadline and not one for each participant.
        let open: Vec<Arc<Connection>> = open().map(|(_, connection)| connection).collect();
        for _ in 0..2 {
            settled.clear();
            let echoed = join_all(open.iter().map(|connection| echo(context, connection))).await;
            for (connection, reply) in open.iter().zip(echoed) {
                let proof = match reply? {
                    Reply::Unasked(why) => Proof::Unproven(why),
                    Reply::Answered => Proof::Proven,
                    Reply::Broken => return Err(context.failure("the barrier broke")),
                };
                settled.push((Arc::clone(connection), proof));
            }
        }
        return Ok(settled);
    }
    let markers = &context.world.markers;
    for (participant, connection) in open() {
        let waited_before = markers.stay_away();
        let proof = barrier_for(&context.acting(&participant), &connection, asked_by).await?;
        if let Proof::Unproven(why) = &proof
            && !waited_before
            && markers.stay_away()
        {
            tell_unproven(context, &connection.mailbox, asked_by, why);
        }
        settled.push((connection, proof));
    }
    Ok(settled)
}

/// Tries the barrier: runs it on every open connection, and then no delivery may come.
pub(crate) async fn audit(context: &StepContext, asked: &BarrierAudit) -> Result<(), Box<Failure>> {
    let mut open = Vec::new();
    for (connection, proof) in settle(context, AskedBy::Step).await? {
        if let Some(owner) = context.world.cast.participants.get(&connection.mailbox.owner)
            && let Some(barrier) = &owner.spec.protocol.barrier
        {
            let unproven = match proof {
                Proof::Proven => None,
                Proof::Unproven(why) => Some(why),
            };
            asked.count(&owner.spec.protocol.name, barrier.kind(), unproven);
        }
        let seen = lock(&connection.mailbox.inbox).frames.len();
        open.push((connection, seen));
    }
    tokio::time::sleep(asked.listen).await;
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

#[cfg(test)]
mod tests;
