//! Plays steps: an actor's action, or a control. Verbs and controls hold steps again, so all recursion is here.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use serde_json::{Value, json};

use super::call::{capture_from_last, prepare};
use super::check::check;
use super::others::{MemberVerdict, only_looks, tell_of_others};
use super::parallel::{Branch, branches};
use super::race;
use super::snapshot::{View, take};
use crate::event::{EventKind, Failure, FailureKind};
use crate::run::acts::action::{self, Acted};
use crate::run::acts::server::act_on_server;
use crate::run::context::step_context::{Decision, Pace, StepContext, StepResult};
use crate::run::state::participant::Participant;
use crate::scenario::model::{Action, Call, Expected, Race, Step, StepKind};

/// How often a step may be repeated.
const MOST: u64 = 1_000_000;

fn single_failure(failure: Box<Failure>) -> Vec<Failure> {
    vec![*failure]
}

/// Plays steps one after another, up to the first that fails.
pub(crate) fn play_steps<'a>(context: &'a mut StepContext, steps: &'a [Step]) -> BoxFuture<'a, StepResult> {
    async move {
        for step in steps {
            play_step(context, step, false).await?;
        }
        Ok(())
    }
    .boxed()
}

/// Plays one step; `is_main` says that `refused` and a race's outcomes speak of it.
pub(crate) fn play_step<'a>(context: &'a mut StepContext, step: &'a Step, is_main: bool) -> BoxFuture<'a, StepResult> {
    async move {
        if !may_play(context, step).await? {
            return Ok(());
        }
        let wrong = |context: &StepContext, why: &str| Err(single_failure(context.enter(step, None).wrong(why)));
        match &step.kind {
            StepKind::Act { actor, action } => act_as_each(context, step, actor, action, is_main).await,
            StepKind::Parallel(list) => {
                let mut there = context.enter(step, None);
                there.go_beside();
                parallel(&there, list).await
            }
            StepKind::Race(race) => play_race(&context.enter(step, None), race).await,
            StepKind::Repeat { count, steps } => {
                let count = context.render(count).map_err(single_failure)?;
                match count.as_u64() {
                    None => wrong(context, "`repeat` takes a whole number"),
                    Some(count) if count > MOST => {
                        wrong(context, &format!("`repeat` takes at most {MOST}, not {count}"))
                    }
                    Some(count) => for_each(context, "index", (1..=count).map(Value::from).collect(), steps).await,
                }
            }
            StepKind::ForEach { name, values, steps } => match context.render(values).map_err(single_failure)? {
                Value::Array(values) => for_each(context, name, values, steps).await,
                _ => wrong(context, "`for_each` takes a list of values"),
            },
            StepKind::Snapshot { name, unordered, of, without } => {
                let there = context.enter(step, None);
                let name = there.text(name).map_err(single_failure)?;
                take(&there, name, View { unordered, of, without }).await.map_err(single_failure)
            }
            StepKind::Check(expr) => check(&context.enter(step, None), expr).map_err(single_failure),
            StepKind::Note(text) => {
                let text = context.text(text).map_err(single_failure)?;
                context.world.recorder.tell(|| EventKind::Note { text });
                Ok(())
            }
            StepKind::Server(action) => {
                act_on_server(&context.enter(step, Some("server")), action).await.map_err(single_failure)
            }
        }
    }
    .boxed()
}

/// Asks the debugger what becomes of a step; whether it is played.
async fn may_play(context: &StepContext, step: &Step) -> Result<bool, Vec<Failure>> {
    let Some(debugger) = context.debugger.as_ref().filter(|_| context.pace == Pace::Usual) else { return Ok(true) };
    match debugger.before(context, step).await {
        Decision::Play => Ok(true),
        Decision::Skip => Ok(false),
        Decision::End => Err(vec![Failure::new(FailureKind::Environment, "ended by hand")]),
    }
}

/// An action as everybody whom the actor's name means, one after another.
async fn act_as_each(
    context: &mut StepContext,
    step: &Step,
    actor: &str,
    action: &Action,
    is_main: bool,
) -> StepResult {
    let cast = &context.world.cast;
    let actors: Vec<Arc<Participant>> =
        if actor == "me" { context.me.clone().into_iter().collect() } else { cast.actors(actor) };
    if actors.is_empty() {
        return Err(single_failure(context.enter(step, None).nobody_is(actor)));
    }
    let shared = context.shared || (actor != "me" && cast.is_group(actor));
    if actors.len() > 1 && listens(action) {
        // A period is over for all of them at once.
        let runs = actors.iter().map(|who| {
            let mut there = StepContext { shared, ..context.enter(step, Some(who.key())).acting(who) };
            async move { act(&mut there, action, is_main).await }
        });
        return join_all(runs).await.into_iter().find(Result::is_err).unwrap_or(Ok(()));
    }
    for (place, who) in actors.iter().enumerate() {
        let mut there = StepContext { shared, ..context.enter(step, Some(who.key())).acting(who) };
        let played = act(&mut there, action, is_main).await;
        context.locals = there.locals;
        if let Err(mut failures) = played {
            look_at_others(context, &mut failures, action, &actors, place).await;
            return Err(failures);
        }
    }
    Ok(())
}

/// Whether an action listens for a period.
fn listens(action: &Action) -> bool {
    match action {
        Action::Expect(expect) => match &expect.what {
            Expected::Nothing { listen, .. } | Expected::Counted { listen, .. } => listen.is_some(),
            _ => false,
        },
        Action::Mark { listen, .. } => listen.is_some(),
        _ => false,
    }
}

/// When one of several participants with the same check fails: adds to its failure for whom else the check holds.
/// Those after it look at what they have, without waiting: they had the same time.
async fn look_at_others(
    context: &StepContext,
    failures: &mut [Failure],
    action: &Action,
    actors: &[Arc<Participant>],
    failed: usize,
) {
    let [failure] = failures else { return };
    if actors.len() < 2 || failure.kind == FailureKind::ServerDied || !only_looks(action, &actors[failed]) {
        return;
    }
    let mut held: Vec<MemberVerdict<'_>> = actors[..failed].iter().map(|who| (who.key(), true)).collect();
    held.push((actors[failed].key(), false));
    for who in &actors[failed + 1..] {
        let mut there = StepContext { shared: true, pace: Pace::AtOnce, ..context.acting(who) };
        held.push((who.key(), act(&mut there, action, false).await.is_ok()));
    }
    failure.details.push(tell_of_others(&held));
}

/// Plays an action of the actor; the steps of a verb too.
fn act<'a>(context: &'a mut StepContext, action: &'a Action, is_main: bool) -> BoxFuture<'a, StepResult> {
    async move {
        match action::act(context, action, is_main).await.map_err(single_failure)? {
            Acted::Done => Ok(()),
            Acted::Call(call) => play_call(context, call, is_main).await,
        }
    }
    .boxed()
}

/// An action of the protocol's own, which is nobody's main step.
pub(crate) fn play_action<'a>(context: &'a mut StepContext, action: &'a Action) -> BoxFuture<'a, StepResult> {
    act(context, action, false)
}

async fn play_call(context: &mut StepContext, call: &Call, is_main: bool) -> StepResult {
    let mut prepared = prepare(context, call, is_main).map_err(single_failure)?;
    let began = context.world.recorder.len();
    let verb = Arc::clone(&prepared.verb);
    for (place, step) in verb.steps.iter().enumerate() {
        let main = verb.main == Some(place);
        play_step(&mut prepared.context, step, main).await?;
        if main && prepared.ends_behind_main {
            return Ok(());
        }
    }
    if call.capture.is_empty() {
        return Ok(());
    }
    capture_from_last(context, call, began).map_err(single_failure)
}

/// Steps once for each value, which has a name meanwhile, and its number in `index`.
async fn for_each(context: &mut StepContext, name: &str, values: Vec<Value>, steps: &[Step]) -> StepResult {
    let before = (context.locals.get(name).cloned(), context.locals.get("index").cloned());
    for (place, value) in values.into_iter().enumerate() {
        context.locals.insert("index".to_owned(), json!(place + 1));
        context.locals.insert(name.to_owned(), value);
        play_steps(context, steps).await?;
    }
    for (name, was) in [(name, before.0), ("index", before.1)] {
        match was {
            Some(value) => _ = context.locals.insert(name.to_owned(), value),
            None => _ = context.locals.remove(name),
        }
    }
    Ok(())
}

/// All branches at once.
async fn parallel(context: &StepContext, list: &[Vec<Step>]) -> StepResult {
    let runs = branches(context, list).into_iter().map(|branch| async move {
        match branch {
            Branch::Action(mut there, action) => act(&mut there, action, false).await,
            Branch::Steps(mut there, steps) => play_steps(&mut there, steps).await,
            Branch::Lane(there, who, steps) => lane(&there, &who, steps).await,
        }
    });
    let failures: Vec<Failure> = join_all(runs).await.into_iter().filter_map(Result::err).flatten().collect();
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

/// Plays a lane of a group as one of its members.
async fn lane(context: &StepContext, who: &Arc<Participant>, steps: &[Step]) -> StepResult {
    for step in steps {
        if let StepKind::Act { action, .. } = &step.kind {
            let mut there = StepContext { shared: true, ..context.enter(step, Some(who.key())).acting(who) };
            act(&mut there, action, false).await?;
        }
    }
    Ok(())
}

/// Releases everybody at one instant.
async fn play_race(context: &StepContext, asked: &Race) -> StepResult {
    let starts = race::prepare(context, asked).await.map_err(single_failure)?;
    let runs = starts.into_iter().map(|mut start| async move {
        start.wait_where_nothing_is_held_back(&asked.action).await;
        let played = act(&mut start.context, &asked.action, true).await;
        start.finish(played)
    });
    race::judge(context, asked, join_all(runs).await)
}
