//! Races: everybody in a group does one thing at one release instant.

use std::sync::Arc;

use futures_util::future::join_all;

use super::answer::Answer;
use super::here::{Here, MainMode};
use super::release::{Racer, Release};
use super::step::{Played, one};
use super::world::{Participant, lock};
use crate::event::{Failure, Nearest};
use crate::scenario::model::{Action, Race, StepKind};
use crate::scenario::visit::{self, Part};

impl Here {
    /// One release instant for everybody; with outcomes, each answer must fit one of them.
    pub(super) async fn race(&self, race: &Race) -> Played {
        self.before_roles(race).await.map_err(one)?;
        let racers = self.world.actors(&race.of);
        let keys: Vec<String> = racers.iter().map(|who| who.key().to_owned()).collect();
        let release = Release::new(self, &keys);
        let runs = racers.iter().map(|who| {
            let mut there = self.clone();
            there.me = Some(Arc::clone(who));
            (there.shared, there.aside) = (true, true);
            let racer = Racer::new(&release, who.key());
            there.main = if race.outcomes.is_empty() {
                MainMode::Released(Arc::clone(&racer))
            } else {
                MainMode::Observed(Arc::clone(&racer))
            };
            async move {
                if !holds_back(&race.action, who) {
                    let _waits = there.waits("the release of the race");
                    racer.released(None).await;
                }
                let played = there.act(&race.action, true).await;
                racer.give_up();
                let answer: Option<Answer> = lock(&racer.answer).take();
                (there, played, answer)
            }
        });
        let mut ended = join_all(runs).await;
        let order: Vec<&str> = self.world.participants.keys().map(String::as_str).collect();
        ended.sort_by_key(|(there, ..)| {
            order.iter().position(|key| there.me.as_ref().is_some_and(|me| me.key() == *key))
        });
        let mut failures: Vec<Failure> = Vec::new();
        let mut counts = vec![Vec::new(); race.outcomes.len()];
        for (mut there, played, answer) in ended {
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
                let lines = there.fits(&answer, outcome).map_err(one)?;
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
                    if let Err(failure) = there.take(&answer.body, &race.outcomes[place].checks.capture, &answer.what) {
                        failures.push(*failure);
                    }
                    counts[place].push(key);
                }
                None => {
                    let mut failure = there.failure(format!(
                        "{key}'s answer fits no outcome of the race: {} {}",
                        answer.status, answer.body
                    ));
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
                let wanted = self.render(count).map_err(one)?;
                if wanted.as_u64() != Some(keys.len() as u64) {
                    let name = outcome.name.as_deref().unwrap_or("this outcome");
                    let mut failure =
                        self.failure(format!("the race ended with {} as `{name}`, expected {wanted}", keys.len()));
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
                lock(&self.world.given).insert(name.clone(), keys.clone());
            }
        }
        self.remember(race, &counts);
        if failures.is_empty() { Ok(()) } else { Err(failures) }
    }

    /// Notes where nobody has a role yet. What was caused so far has arrived then, if there are snapshots that would
    /// show it on the wrong side.
    async fn before_roles(&self, race: &Race) -> Result<(), Box<Failure>> {
        if race.outcomes.iter().all(|outcome| outcome.name.is_none()) || lock(&self.world.roles).began.is_some() {
            return Ok(());
        }
        let mut has_snapshots = false;
        visit::steps(&self.world.scenario.steps, &mut |part| {
            has_snapshots |= matches!(part, Part::Step(step) if matches!(step.kind, StepKind::Snapshot { .. }));
        });
        if has_snapshots {
            self.settle().await?;
        }
        let entries = lock(&self.world.record).entries.len();
        lock(&self.world.roles).began = Some(entries);
        Ok(())
    }

    /// Gives everybody who ended under a named outcome its name for snapshots: `winner`, or `loser_1`, `loser_2`
    /// where several ended so.
    fn remember(&self, race: &Race, ended: &[Vec<String>]) {
        let mut roles = lock(&self.world.roles);
        if race.outcomes.is_empty() || race.outcomes.iter().any(|outcome| outcome.name.is_none()) {
            roles.unnamed = roles.unnamed.take().or_else(|| self.trail.first().cloned());
        }
        roles.named.retain(|(key, _)| !ended.iter().flatten().any(|racer| racer == key));
        for (outcome, keys) in race.outcomes.iter().zip(ended) {
            let Some(name) = &outcome.name else { continue };
            for (place, key) in keys.iter().enumerate() {
                let label = if keys.len() == 1 { name.clone() } else { format!("{name}_{}", place + 1) };
                // Who is called so already keeps the name.
                if !self.world.participants.contains_key(&label) {
                    roles.named.push((key.clone(), label));
                }
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
