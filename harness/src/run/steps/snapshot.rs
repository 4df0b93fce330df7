//! Taking a snapshot: what every participant is told and has got, when everything has arrived.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::event::Failure;
use crate::lock::lock;
use crate::run::acts::checks::must;
use crate::run::acts::request::outgoing;
use crate::run::context::ask::ask;
use crate::run::context::step_context::StepContext;
use crate::run::prove::barriers::{AskedBy, settle};
use crate::run::state::participant::Participant;
use crate::run::state::world::TakenSnapshot;
use crate::scenario::model::Http;
use crate::snapshot::{Material, StateAnswer, normalise};

/// What of the participants a snapshot shows.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    /// Kinds whose order was raced.
    pub(crate) unordered: &'a [String],
    /// Who is shown; everybody where it is empty.
    pub(crate) of: &'a [String],
    /// Streams, kinds of frames and states that are left out.
    pub(crate) without: &'a [String],
}

/// Takes a snapshot, after every open socket has passed its barrier.
pub(crate) async fn take(context: &StepContext, name: String, view: View<'_>) -> Result<(), Box<Failure>> {
    settle(context, AskedBy::Step).await?;
    let world = &context.world;
    let mut state = Vec::new();
    let shown: Vec<Arc<Participant>> = if view.of.is_empty() {
        world.cast.actors("all")
    } else {
        let mut shown = Vec::new();
        for name in view.of {
            match &world.cast.actors(name)[..] {
                [] => return Err(context.nobody_is(name)),
                actors => shown.extend_from_slice(actors),
            }
        }
        shown
    };
    let keys: Vec<String> = shown.iter().map(|participant| participant.key().to_owned()).collect();
    for participant in &shown {
        let mut there = context.acting(participant);
        for (name, http) in participant.spec.protocol.state.iter().filter(|(name, _)| !view.without.contains(name)) {
            let answer = ask_state(&mut there, http).await?;
            state.push(StateAnswer { participant: participant.key().to_owned(), name: name.clone(), answer });
        }
    }
    let (roles, raced_from, unnamed) = {
        let roles = lock(&world.cast.roles);
        (roles.named.clone(), roles.began.unwrap_or(0), roles.unnamed.clone())
    };
    let members = world.cast.members();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    let captures = lock(&world.captures).clone();
    // Held while the text is made: a record of many large frames is not copied.
    let record = world.recorder.history();
    let protocol = &world.scenario.protocol;
    let normalised = normalise(&Material {
        history: &record,
        members: &members,
        roles: &roles,
        raced_from,
        began: now - world.recorder.at().as_secs_f64(),
        now,
        captures: &captures,
        run: &world.run,
        state: &state,
        streams: &protocol.streams,
        rules: &world.scenario.snapshot,
        unordered_kinds: view.unordered,
        without: view.without,
        shown: &keys,
    });
    drop(record);
    let repeated = lock(&world.findings.snapshots).iter().any(|taken| taken.name == name);
    if repeated {
        return Err(
            context.wrong(format!("a snapshot named `{name}` was taken already: names stand once in a scenario"))
        );
    }
    let text = match &world.secrets {
        Some(secrets) => secrets.mask(&normalised.text).into_owned(),
        None => normalised.text,
    };
    lock(&world.findings.snapshots).push(TakenSnapshot {
        name,
        text,
        place: context.place.trail.first().cloned(),
        idle_redactions: normalised.unmatched_redactions,
        raced: unnamed,
    });
    Ok(())
}

/// What a participant is told: the body of a good answer, else the status with it.
async fn ask_state(context: &mut StepContext, http: &Http) -> Result<Value, Box<Failure>> {
    let answer = ask(context, &outgoing(context, http, Some("state"))?, context.patience(http.within), None).await?;
    must(context, &answer, &http.checks, false)?;
    if (200..300).contains(&answer.status) {
        return Ok(answer.body);
    }
    Ok(json!({ "status": answer.status, "answer": answer.body }))
}
