//! Markers: actions of participants that others must see.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;
use tokio::time::Instant;

use super::arrival::{arrival, ended_or_unread, unflushed};
use super::barrier::{AskedBy, Reply};
use crate::event::Failure;
use crate::lock::lock;
use crate::pattern::Pattern;
use crate::run::context::step_context::{CallSettings, MainMode, StepContext};
use crate::run::context::wait::from_now;
use crate::run::state::connection::Connection;
use crate::run::state::markers::Marker;
use crate::run::state::participant::Participant;
use crate::run::state::world::World;
use crate::scenario::model::{Action, Barrier, StepKind};

/// How long somebody who is alone waits for its own marker at a scenario's end. Whether the server hands it back is not
/// known there: this is no deadline that the server misses, but how long the runner looks for a proof.
const ALONE_AT_THE_END: Duration = Duration::from_secs(1);

/// The marker of a participant, which must be seen on one of some connections.
pub(super) struct MarkerQuestion {
    pub(super) by: Arc<Participant>,
    /// The connection over which it goes, where it isn't a request: what was sent there before is through with it.
    over: Option<Arc<Connection>>,
    pub(super) seen_on: Vec<Arc<Connection>>,
    /// Whether nobody but its own participant could see it, of whom nothing says that the server hands it to them.
    alone: bool,
}

/// Whose markers must be seen, and where; or why nobody can do one.
///
/// There is one over every connection that has sent, which the watcher must see. A server that hands things to the others
/// only never shows a participant its own marker, so that one may be seen by anybody, and somebody else's must then be
/// seen by the watcher.
pub(super) fn markers(
    world: &World,
    watcher: &Arc<Connection>,
    senders: &[Arc<Connection>],
) -> Result<Vec<MarkerQuestion>, String> {
    let participants = &world.cast.participants;
    let owner = &watcher.mailbox.owner;
    // Only somebody on the watcher's stream can be seen there; what others sent can't be awaited from here.
    let together = |connection: &Connection| connection.streams == watcher.streams;
    let watched = unflushed(watcher).then_some(watcher);
    let senders: Vec<_> = senders.iter().filter(|sender| together(sender)).chain(watched).collect();
    for sender in &senders {
        let Some(by) = participants.get(&sender.mailbox.owner) else { continue };
        let (who, protocol) = (sender.mailbox.who(), &by.spec.protocol.name);
        if !marks(by) {
            return Err(format!("{who} has sent, and the protocol `{protocol}` declares no barrier `marker`"));
        }
        if needs_none(by) {
            return Err(format!(
                "{who} has sent over its connection, and the marker of `{protocol}` is a request, which may overtake that"
            ));
        }
    }
    // Those who can do a marker beside the watcher, other participants first.
    let mut beside: Vec<_> = participants
        .values()
        .filter(|other| marks(other))
        .flat_map(|other| other.current().into_iter().map(move |one| (other, one)))
        .filter(|(_, one)| one.id != watcher.id && one.is_open() && together(one))
        .collect();
    beside.sort_by_key(|(other, _)| other.key() == owner);
    let question = |by: &Arc<Participant>, over: Option<&Arc<Connection>>, seen_on: Vec<Arc<Connection>>| {
        let over = over.filter(|_| !needs_none(by)).map(Arc::clone);
        let own = over.as_ref().is_some_and(|over| seen_on.iter().all(|one| one.mailbox.owner == over.mailbox.owner));
        MarkerQuestion { by: Arc::clone(by), over, seen_on, alone: own && !world.markers.come_back() }
    };
    let on_watcher = || vec![Arc::clone(watcher)];
    let mut questions = Vec::new();
    let (own, others): (Vec<_>, Vec<_>) = senders.into_iter().partition(|sender| sender.mailbox.owner == *owner);
    if let Some(me) = participants.get(owner) {
        let come_back = world.markers.come_back();
        let readers = beside.iter().map(|(_, one)| one).filter(|one| !come_back && ended_or_unread(one).is_none());
        let anywhere: Vec<_> = readers.map(Arc::clone).collect();
        for sender in &own {
            let seen_on = on_watcher().into_iter().chain(anywhere.iter().map(Arc::clone)).collect();
            questions.push(question(me, Some(sender), seen_on));
        }
        if !own.is_empty()
            && !anywhere.is_empty()
            && others.is_empty()
            && let Some((partner, over)) = beside.first()
        {
            questions.push(question(partner, Some(over), on_watcher()));
        }
    }
    for sender in others {
        if let Some(by) = participants.get(&sender.mailbox.owner) {
            questions.push(question(by, Some(sender), on_watcher()));
        }
    }
    if questions.is_empty() {
        // Nobody has sent: anybody's marker comes behind what the server did by itself.
        let unconnected =
            || participants.values().find(|other| other.key() != owner && marks(other) && needs_none(other));
        let alone = || participants.get(owner).filter(|me| marks(me)).map(|me| (me, Some(watcher)));
        let partner = beside.first().map(|(other, over)| (*other, Some(over)));
        let by = partner.or_else(|| unconnected().map(|other| (other, None))).or_else(alone);
        let (by, over) = by.ok_or_else(|| {
            format!(
                "nobody can do the marker for {}: no other participant is connected who has one",
                watcher.mailbox.who()
            )
        })?;
        questions.push(question(by, over, on_watcher()));
    }
    Ok(questions)
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

/// Does the marker's action as a participant; it must be seen on one of the connections.
///
/// Where nobody else can see it, nobody knows whether it comes at all: at the end no step has asked, and the wait is short.
pub(super) async fn marker(
    context: &StepContext,
    asked: &MarkerQuestion,
    asked_by: AskedBy,
) -> Result<Reply, Box<Failure>> {
    let MarkerQuestion { by: actor, over, seen_on, alone } = asked;
    let Some(Barrier::Marker { action, receive, hides }) = &actor.spec.protocol.barrier else {
        return Ok(Reply::Unasked(format!("`{}` declares no barrier `marker`", actor.key())));
    };
    let nobody_else = || {
        Reply::Unasked(format!(
            "the marker of `{}` did not come back to it, and nobody else is there who could see it",
            actor.key()
        ))
    };
    if *alone && context.world.markers.stay_away() {
        return Ok(nobody_else());
    }
    let value = format!("marker-{}", context.world.random.uuid(context.spot()));
    let mut there = context.acting(actor);
    there.locals.insert("marker".to_owned(), Value::String(value.clone()));
    there.call = CallSettings {
        in_verb: true,
        via: over.as_ref().map(|connection| connection.mailbox.name.clone()),
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
    let sent = over.as_ref().map_or(0, |connection| lock(&connection.mailbox.inbox).sent);
    if let StepKind::Act { action, .. } = &action.kind {
        let play = there.play_action;
        play(&mut there, action).await.map_err(|mut failures| failures.remove(0))?;
    }
    if let Some(over) = over {
        // The marker itself needs no marker behind it.
        let mut inbox = lock(&over.mailbox.inbox);
        let marker = inbox.sent.saturating_sub(sent);
        inbox.sent -= marker;
    }
    let deadlines = &context.world.settings.deadlines;
    let patience = match deadlines.of(None) {
        deadline if *alone && asked_by == AskedBy::End => deadline.min(deadlines.of(Some(ALONE_AT_THE_END))),
        deadline => deadline,
    };
    if let Err(failure) = seen_anywhere(context, actor, &value, seen_on, from_now(patience)).await {
        // What a server hands to the others alone comes to nobody who is alone, and breaks nothing.
        if *alone && seen_on.iter().all(|one| one.is_open()) && context.world.target.server.died().is_none() {
            context.world.markers.stayed_away();
            return Ok(nobody_else());
        }
        return Err(failure);
    }
    if let Some(over) = over {
        let mut inbox = lock(&over.mailbox.inbox);
        inbox.flushed = inbox.flushed.max(sent);
        // What comes behind another's marker shows whether the server hands its own to a participant too.
        if inbox.markers.contains(&value) {
            context.world.markers.came_back();
        }
    }
    Ok(Reply::Answered)
}

/// Waits until a marker is seen on one of the connections. Where it is on none, the first of them is told.
async fn seen_anywhere(
    context: &StepContext,
    actor: &Participant,
    value: &str,
    seen_on: &[Arc<Connection>],
    limit: Instant,
) -> Result<(), Box<Failure>> {
    let what = format!("the marker of `{}`", actor.key());
    let mut waiting: FuturesUnordered<_> = seen_on
        .iter()
        .map(|connection| {
            let seen = move || lock(&connection.mailbox.inbox).markers.contains(value);
            arrival(context, &connection.mailbox, &what, limit, seen)
        })
        .collect();
    let mut failure: Option<Box<Failure>> = None;
    while let Some(seen) = waiting.next().await {
        match seen {
            Ok(()) => return Ok(()),
            Err(unseen) => failure = failure.or(Some(unseen)),
        }
    }
    let mut failure = failure.unwrap_or_else(|| context.failure(format!("{what}: nobody could see it")));
    if seen_on.len() > 1 {
        let others: Vec<String> = seen_on.iter().map(|connection| connection.mailbox.who()).collect();
        failure.details.push(format!("it came to none of {}", others.join(", ")));
    }
    Err(failure)
}
