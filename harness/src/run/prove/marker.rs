//! Markers: actions of participants that others must see.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::arrival::{arrival, ended_or_unread, unflushed};
use super::barrier::Reply;
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

/// The marker of a participant, which must be seen on a connection.
pub(super) struct MarkerQuestion {
    pub(super) by: Arc<Participant>,
    pub(super) seen_on: Arc<Connection>,
}

/// Whose markers must be seen, and where; or why nobody can do one.
///
/// Everybody who has sent does one, which the watcher must see. What the watcher itself has sent is behind its own
/// marker; a server that hands things to the others only never shows it that, so it is seen by somebody else, whose
/// marker the watcher must see then.
pub(super) fn markers(
    world: &World,
    watcher: &Arc<Connection>,
    senders: &[Arc<Connection>],
) -> Result<Vec<MarkerQuestion>, String> {
    let participants = &world.cast.participants;
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
        let question = || MarkerQuestion { by: Arc::clone(by), seen_on: Arc::clone(watcher) };
        if done.insert(by.key().to_owned()) {
            rounds.push(question());
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
        return Ok(vec![MarkerQuestion { by: Arc::clone(by), seen_on: Arc::clone(watcher) }]);
    }
    let me = me.ok_or_else(|| format!("`{owner}` has sent and declares no barrier `marker`"))?;
    let seen =
        |by: &Arc<Participant>, on: &Arc<Connection>| MarkerQuestion { by: Arc::clone(by), seen_on: Arc::clone(on) };
    let other = partner.and_then(|other| {
        let there = other.current().into_iter().find(|one| one.is_open() && together(one))?;
        Some((other, there))
    });
    match other {
        Some((other, there)) if !world.markers.come_back() && ended_or_unread(&there).is_none() => {
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
pub(super) async fn marker(
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
