//! Races: everybody in a group does one thing at one release instant.

use std::sync::Arc;
use std::time::Duration;

use crate::event::{EventKind, Failure, Nearest, Raced, RacerStart};
use crate::lock::lock;
use crate::run::acts::checks::differences;
use crate::run::context::captures::capture;
use crate::run::context::step_context::{MainMode, StepContext, StepResult};
use crate::run::prove::barriers::{AskedBy, settle};
use crate::run::state::answer::Answer;
use crate::run::state::participant::Participant;
use crate::run::state::release::{Racer, Release};
use crate::scenario::model::{Action, Race, StepKind};
use crate::scenario::visit::{self, StepPart};

/// A racer before it has done anything.
pub(super) struct Starting {
    pub(super) context: StepContext,
    racer: Arc<Racer>,
}

/// A racer that has done what it was to do.
pub(super) struct FinishedRacer {
    context: StepContext,
    played: StepResult,
    /// What the race's outcomes are compared with.
    answer: Option<Answer>,
}

impl Starting {
    /// Waits for the release where the action can't wait for it itself, behind everything that can be done before it.
    pub(super) async fn wait_where_nothing_is_held_back(&self, action: &Action) {
        if !self.context.me.as_ref().is_some_and(|who| holds_back(action, who)) {
            let _waits = self.context.waits("the release of the race");
            self.racer.released(None).await;
        }
    }

    /// Reports the racer's result: no other racer waits for it any more.
    pub(super) fn finish(self, played: StepResult) -> FinishedRacer {
        self.racer.give_up();
        let answer = lock(&self.racer.answer).take();
        FinishedRacer { context: self.context, played, answer }
    }
}

impl FinishedRacer {
    fn key(&self) -> &str {
        self.context.me.as_ref().map_or("", |me| me.key())
    }
}

/// Brings everybody to the line.
pub(super) async fn prepare(context: &StepContext, race: &Race) -> Result<Vec<Starting>, Box<Failure>> {
    before_roles(context, race).await?;
    let racers = context.world.cast.actors(&race.of);
    if racers.is_empty() {
        return Err(context.nobody_is(&race.of));
    }
    let release = Release::new(order(context, &racers), tell_release(context));
    let starting = racers.iter().map(|who| {
        let racer = Racer::new(&release, who.key());
        let mut there = context.acting(who);
        there.shared = true;
        there.go_beside();
        there.main = if race.outcomes.is_empty() {
            MainMode::Released(Arc::clone(&racer))
        } else {
            MainMode::Observed(Arc::clone(&racer))
        };
        Starting { context: there, racer }
    });
    Ok(starting.collect())
}

/// The racers in the order that is drawn for them, each with how much later than the first it is released.
fn order(context: &StepContext, racers: &[Arc<Participant>]) -> Vec<(String, Duration)> {
    let (random, spot) = (&context.world.random, context.spot());
    let mut order: Vec<String> = racers.iter().map(|who| who.key().to_owned()).collect();
    random.shuffle(spot, &mut order);
    let most = u64::try_from(context.world.settings.randomness.jitter.as_micros()).unwrap_or(u64::MAX);
    let offset = || if most == 0 { 0 } else { random.draw(spot) % most };
    order.into_iter().map(|key| (key, Duration::from_micros(offset()))).collect()
}

/// Records and reports who was released when.
fn tell_release(context: &StepContext) -> Box<dyn Fn(Vec<RacerStart>, Duration) + Send + Sync> {
    let (world, step) = (Arc::clone(&context.world), context.place.number);
    let place = context.place.trail.first().cloned();
    Box::new(move |order, spread| {
        let jitter = world.settings.randomness.jitter;
        world.recorder.tell(|| EventKind::Released { step, order: order.clone(), spread, jitter });
        lock(&world.findings.races).push(Raced { place: place.clone(), order, spread });
    })
}

/// With outcomes, each answer must fit one of them, and each outcome must have come as often as the file says.
pub(super) fn judge(context: &StepContext, race: &Race, mut finished: Vec<FinishedRacer>) -> StepResult {
    let single_failure = |failure: Box<Failure>| vec![*failure];
    let order: Vec<&str> = context.world.cast.participants.keys().map(String::as_str).collect();
    finished.sort_by_key(|one| order.iter().position(|key| one.key() == *key));
    let mut failures: Vec<Failure> = Vec::new();
    let mut counts = vec![Vec::new(); race.outcomes.len()];
    for FinishedRacer { context: mut there, played, answer } in finished {
        if let Err(mut list) = played {
            failures.append(&mut list);
            continue;
        }
        let Some(answer) = answer else {
            if !race.outcomes.is_empty() {
                failures.push(*there.wrong("there is no answer that could be compared with the outcomes"));
            }
            continue;
        };
        let mut near: Option<Vec<String>> = None;
        let mut fitting = None;
        for (place, outcome) in race.outcomes.iter().enumerate() {
            let lines = differences(&there, &answer, &outcome.checks, false).map_err(single_failure)?;
            if lines.is_empty() {
                fitting = Some(place);
                break;
            }
            if near.as_ref().is_none_or(|before| lines.len() < before.len()) {
                near = Some(lines);
            }
        }
        let key = there.me.as_ref().map(|me| me.key().to_owned()).unwrap_or_default();
        match fitting {
            Some(place) => {
                if let Err(failure) =
                    capture(&mut there, &answer.body, &race.outcomes[place].checks.capture, &answer.what)
                {
                    failures.push(*failure);
                }
                counts[place].push(key);
            }
            None => {
                let mut failure = there
                    .failure(format!("{key}'s answer fits no outcome of the race: {} {}", answer.status, answer.body));
                failure.nearest = near.map(|differences| Nearest {
                    what: "the nearest outcome".to_owned(),
                    entry: answer.entry,
                    whole: Some(answer.body.to_string()),
                    differences,
                });
                failures.push(*failure);
            }
        }
    }
    for (outcome, keys) in race.outcomes.iter().zip(&counts) {
        if let Some(count) = &outcome.count {
            let wanted = context.render(count).map_err(single_failure)?;
            if wanted.as_u64() != Some(keys.len() as u64) {
                let name = outcome.name.as_deref().unwrap_or("this outcome");
                let mut failure =
                    context.failure(format!("the race ended with {} as `{name}`, expected {wanted}", keys.len()));
                for (outcome, keys) in race.outcomes.iter().zip(&counts) {
                    let name = outcome.name.as_deref().unwrap_or("unnamed");
                    failure.details.push(format!(
                        "{name}: {}",
                        if keys.is_empty() { "nobody".to_owned() } else { keys.join(", ") }
                    ));
                }
                failures.push(*failure);
            }
        }
        if let Some(name) = &outcome.name {
            lock(&context.world.cast.given).insert(name.clone(), keys.clone());
        }
    }
    remember(context, race, &counts);
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

/// Notes where nobody has a role yet. What was caused so far has arrived then, if there are snapshots that would
/// show it on the wrong side.
async fn before_roles(context: &StepContext, race: &Race) -> Result<(), Box<Failure>> {
    if race.outcomes.iter().all(|outcome| outcome.name.is_none()) || lock(&context.world.cast.roles).began.is_some() {
        return Ok(());
    }
    let mut has_snapshots = false;
    visit::steps(&context.world.scenario.steps, &mut |part| {
        has_snapshots |= matches!(part, StepPart::Step(step) if matches!(step.kind, StepKind::Snapshot { .. }));
    });
    if has_snapshots {
        settle(context, AskedBy::Step).await?;
    }
    let entries = context.world.recorder.len();
    lock(&context.world.cast.roles).began = Some(entries);
    Ok(())
}

/// Gives everybody who ended under a named outcome its name for snapshots: `winner`, or `loser_1`, `loser_2`
/// where several ended so.
fn remember(context: &StepContext, race: &Race, ended: &[Vec<String>]) {
    let mut roles = lock(&context.world.cast.roles);
    if race.outcomes.is_empty() || race.outcomes.iter().any(|outcome| outcome.name.is_none()) {
        roles.unnamed = roles.unnamed.take().or_else(|| context.place.trail.first().cloned());
    }
    roles.named.retain(|(key, _)| !ended.iter().flatten().any(|racer| racer == key));
    for (outcome, keys) in race.outcomes.iter().zip(ended) {
        let Some(name) = &outcome.name else { continue };
        for (place, key) in keys.iter().enumerate() {
            let label = if keys.len() == 1 { name.clone() } else { format!("{name}_{}", place + 1) };
            // Who is called so already keeps the name.
            if !context.world.cast.participants.contains_key(&label) {
                roles.named.push((key.clone(), label));
            }
        }
    }
}

/// Whether an action meets the release itself, behind everything that can be done before it.
fn holds_back(action: &Action, who: &Participant) -> bool {
    match action {
        Action::Http(http) => http.eventually.is_none() && http.gives_up.is_none(),
        Action::Connect(_) | Action::Send { .. } => true,
        Action::Call(call) => who
            .spec
            .protocol
            .verbs
            .get(&call.verb)
            .and_then(|verb| verb.steps.get(verb.main?))
            .is_some_and(|step| matches!(&step.kind, StepKind::Act { action, .. } if holds_back(action, who))),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
