//! Plays steps: an actor's action, or a control.

use std::cmp::Ordering;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use serde_json::{Value, json};

use super::here::Here;
use super::world::Participant;
use crate::event::{EventKind, Failure, FailureKind};
use crate::scenario::model::{Action, Expected, Step, StepKind};
use crate::text::listed;

/// How often a step may be repeated.
const MOST: u64 = 1_000_000;
/// How many participants are named in one line.
const LISTED: usize = 12;

/// What came of a step: nothing to tell, or one failure of each branch in the order of the file.
pub(crate) type Played = Result<(), Vec<Failure>>;

pub(super) fn one(failure: Box<Failure>) -> Vec<Failure> {
    vec![*failure]
}

impl Here {
    /// Plays steps one after another, up to the first that fails.
    pub(crate) fn steps<'a>(&'a mut self, steps: &'a [Step]) -> BoxFuture<'a, Played> {
        async move {
            for step in steps {
                self.step(step, false).await?;
            }
            Ok(())
        }
        .boxed()
    }

    /// Plays one step.
    pub(crate) fn step<'a>(&'a mut self, step: &'a Step, is_main: bool) -> BoxFuture<'a, Played> {
        async move {
            if !self.may_play(step).await? {
                return Ok(());
            }
            match &step.kind {
                StepKind::Act { actor, action } => {
                    let actors: Vec<Arc<Participant>> =
                        if actor == "me" { self.me.clone().into_iter().collect() } else { self.world.actors(actor) };
                    if actors.is_empty() {
                        return Err(one(self.enter(step, None).failure(format!("nobody is `{actor}`"))));
                    }
                    let shared = self.shared || (actor != "me" && self.world.is_group(actor));
                    for (place, who) in actors.iter().enumerate() {
                        let mut there = self.enter(step, Some(who.key()));
                        there.me = Some(Arc::clone(who));
                        there.shared = shared;
                        let played = there.act(action, is_main).await;
                        self.locals = there.locals;
                        if let Err(mut failures) = played {
                            self.tell_of_others(&mut failures, action, &actors, place).await;
                            return Err(failures);
                        }
                    }
                    Ok(())
                }
                StepKind::Parallel(branches) => {
                    let mut there = self.enter(step, None);
                    there.aside = true;
                    there.parallel(branches).await
                }
                StepKind::Race(race) => self.enter(step, None).race(race).await,
                StepKind::Repeat { count, steps } => {
                    let count = self.render(count).map_err(one)?;
                    let Some(count) = count.as_u64() else {
                        return Err(one(self.enter(step, None).wrong("`repeat` takes a whole number")));
                    };
                    if count > MOST {
                        let message = format!("`repeat` takes at most {MOST}, not {count}");
                        return Err(one(self.enter(step, None).wrong(message)));
                    }
                    self.each("index", (1..=count).map(Value::from).collect(), steps).await
                }
                StepKind::ForEach { name, values, steps } => {
                    let Value::Array(values) = self.render(values).map_err(one)? else {
                        return Err(one(self.enter(step, None).wrong("`for_each` takes a list of values")));
                    };
                    self.each(name, values, steps).await
                }
                StepKind::Snapshot { name, unordered, of, without } => {
                    let there = self.enter(step, None);
                    let name = there.text(name).map_err(one)?;
                    super::snapshot::take(&there, name, super::snapshot::View { unordered, of, without })
                        .await
                        .map_err(one)
                }
                StepKind::Check(expr) => self.enter(step, None).check(expr).map_err(one),
                StepKind::Note(text) => {
                    let text = self.text(text).map_err(one)?;
                    self.world.tell(|| EventKind::Note { text });
                    Ok(())
                }
                StepKind::Server(action) => self.enter(step, Some("server")).server(action).await.map_err(one),
            }
        }
        .boxed()
    }

    /// Adds to the failure of one of several who look for the same for whom else it holds. Those behind it look
    /// at what they have, without waiting: they had the same time.
    async fn tell_of_others(
        &self,
        failures: &mut [Failure],
        action: &Action,
        actors: &[Arc<Participant>],
        failed: usize,
    ) {
        let [failure] = failures else { return };
        if actors.len() < 2 || failure.kind == FailureKind::ServerDied || !only_looks(action, &actors[failed]) {
            return;
        }
        let (mut holds, mut fails) = (Vec::new(), Vec::new());
        for (place, who) in actors.iter().enumerate() {
            let held = match place.cmp(&failed) {
                Ordering::Less => true,
                Ordering::Equal => false,
                Ordering::Greater => {
                    let mut there = self.clone();
                    (there.me, there.shared, there.at_once) = (Some(Arc::clone(who)), true, true);
                    there.act(action, false).await.is_ok()
                }
            };
            if held { &mut holds } else { &mut fails }.push(who.key());
        }
        let (of, count) = (actors.len(), fails.len());
        let named = |keys: &[&str]| match keys.get(LISTED..).map_or(0, <[&str]>::len) {
            0 => listed(keys),
            more => listed(&[&keys[..LISTED], &[format!("{more} more").as_str()]].concat()),
        };
        failure.details.push(format!("failed for {count} of {of}: {}; held for: {}", named(&fails), named(&holds)));
    }

    async fn each(&mut self, name: &str, values: Vec<Value>, steps: &[Step]) -> Played {
        let before = (self.locals.get(name).cloned(), self.locals.get("index").cloned());
        for (place, value) in values.into_iter().enumerate() {
            self.locals.insert("index".to_owned(), json!(place + 1));
            self.locals.insert(name.to_owned(), value);
            self.steps(steps).await?;
        }
        for (name, was) in [(name, before.0), ("index", before.1)] {
            match was {
                Some(value) => _ = self.locals.insert(name.to_owned(), value),
                None => _ = self.locals.remove(name),
            }
        }
        Ok(())
    }

    /// The members, where a branch is a lane of a group: each of them plays it beside the others.
    fn lane_of_group(&self, steps: &[Step]) -> Option<Vec<Arc<Participant>>> {
        let mut names = steps.iter().map(|step| match &step.kind {
            StepKind::Act { actor, .. } if actor != "me" => Some(actor),
            _ => None,
        });
        let first = names.next()??;
        (names.all(|name| name == Some(first)) && self.world.is_group(first)).then(|| self.world.actors(first))
    }

    /// Plays a lane of a group as one of its members.
    async fn lane(&mut self, steps: &[Step], who: &Arc<Participant>) -> Played {
        for step in steps {
            if let StepKind::Act { action, .. } = &step.kind {
                let mut there = self.enter(step, Some(who.key()));
                there.shared = true;
                there.me = Some(Arc::clone(who));
                there.act(action, false).await?;
            }
        }
        Ok(())
    }

    /// All branches at once; a group's step is a branch for each member.
    async fn parallel(&self, branches: &[Vec<Step>]) -> Played {
        let mut runs: Vec<BoxFuture<'_, Played>> = Vec::new();
        for branch in branches {
            match &branch[..] {
                [step @ Step { kind: StepKind::Act { actor, action }, .. }] if actor != "me" => {
                    let shared = self.world.is_group(actor);
                    for who in self.world.actors(actor) {
                        let mut there = self.enter(step, Some(who.key()));
                        there.shared |= shared;
                        there.me = Some(who);
                        runs.push(async move { there.act(action, false).await }.boxed());
                    }
                }
                steps => {
                    if let Some(members) = self.lane_of_group(steps) {
                        for who in members {
                            let mut there = self.clone();
                            runs.push(async move { there.lane(steps, &who).await }.boxed());
                        }
                        continue;
                    }
                    let mut there = self.clone();
                    runs.push(async move { there.steps(steps).await }.boxed());
                }
            }
        }
        let failures: Vec<Failure> = join_all(runs).await.into_iter().filter_map(Result::err).flatten().collect();
        if failures.is_empty() { Ok(()) } else { Err(failures) }
    }
}

/// Whether an action does nothing but look at what came. What needs a barrier sends, and would wait for each of many
/// where the server hangs.
fn only_looks(action: &Action, who: &Participant) -> bool {
    match action {
        Action::Expect(expect) => !matches!(expect.what, Expected::Nothing { .. } | Expected::Counted { .. }),
        Action::Call(call) => {
            let Some(verb) = who.spec.protocol.verbs.get(&call.verb) else { return false };
            verb.steps.iter().all(|step| match &step.kind {
                StepKind::Act { actor, action } => actor == "me" && only_looks(action, who),
                StepKind::Check(_) | StepKind::Note(_) => true,
                _ => false,
            })
        }
        _ => false,
    }
}
