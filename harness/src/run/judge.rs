//! What is judged when the steps of a scenario are over.

use super::context::step_context::StepContext;
use super::context::wait::server_died;
use super::limit::Limit;
use super::prove::barriers::{AskedBy, settle};
use super::prove::endings::unexpected_ends;
use super::prove::leftovers::leftovers;
use super::prove::promises::promises;
use super::prove::snapshots::{Compared, compare};
use super::state::cast::Cast;
use crate::event::{Failure, FailureKind, InvariantResult, StreamPattern};
use crate::scenario::model::{Action, Scenario, Step};
use crate::scenario::visit::{self, StepPart};

/// What the end of a scenario gave, besides failures.
pub(super) struct Judged {
    pub(super) invariants: Vec<InvariantResult>,
    pub(super) stream_patterns: Vec<StreamPattern>,
    pub(super) snapshots: Compared,
}

/// Judges the whole history after everything has arrived.
pub(super) async fn judge(top: &StepContext, limit: &Limit, failures: &mut Vec<Failure>) -> Judged {
    let world = &top.world;
    // What the last step caused belongs to the scenario and to its history, where anything is judged by it.
    if has_something_to_judge(&world.scenario) {
        let settled = async { settle(top, AskedBy::End).await.map(drop).map_err(|broken| vec![*broken]) };
        for broken in limit.hold(&world.progress, settled).await {
            match failures.first() {
                None => failures.push(broken),
                // The death of the server is told below, once.
                Some(_) if broken.kind == FailureKind::ServerDied => {}
                // Steps that took all of the time may have left too little for the end.
                Some(_) if is_told(failures, &broken) => {}
                Some(_) => failures[0].details.push(format!("at the end {}", broken.headline)),
            }
        }
    }
    if failures.is_empty() {
        failures.extend(leftovers(top).unwrap_or_else(|failure| vec![*failure]));
    }
    tell_unanswered(&world.cast, failures);
    match world.target.server.died() {
        Some(death) if failures.iter().all(|failure| failure.kind != FailureKind::ServerDied) => {
            failures.push(*server_died(top, &death));
        }
        Some(_) => {}
        None => tell_unexpected_ends(top, failures),
    }
    let (mut invariants, mut stream_patterns, mut broken) = (Vec::new(), Vec::new(), Vec::new());
    let promised = async {
        (invariants, stream_patterns) = promises(top, &mut broken).await;
        Ok(())
    };
    let late = limit.hold(&world.progress, promised).await;
    failures.append(&mut broken);
    for late in late {
        if !is_told(failures, &late) {
            failures.push(late);
        }
    }
    // Every participant notices the death of a server; it is reported as one failure.
    let mut died = false;
    failures.retain(|failure| failure.kind != FailureKind::ServerDied || !std::mem::replace(&mut died, true));
    let mut snapshots = compare(world, world.settings.snapshots.as_ref(), failures.is_empty());
    failures.append(&mut snapshots.failures);
    Judged { invariants, stream_patterns, snapshots }
}

/// Whether a failure is among others already, with its very words.
fn is_told(failures: &[Failure], failure: &Failure) -> bool {
    failures.iter().any(|told| told.headline == failure.headline)
}

/// Whether something is judged by what has arrived at the end.
fn has_something_to_judge(scenario: &Scenario) -> bool {
    let fails = scenario.participants.values().any(|spec| spec.protocol.fails.is_some());
    fails || scenario.strict || !scenario.protocol.invariants.is_empty()
}

/// Connections that the server ended though nobody expects it: a cause of much, so they come first. Where the scenario
/// failed before its end, a step that was not played may have been the one that expects an end.
fn tell_unexpected_ends(top: &StepContext, failures: &mut Vec<Failure>) {
    let ends = match unexpected_ends(top) {
        Ok(ends) => ends,
        Err(failure) => return failures.push(*failure),
    };
    let told_by_steps = !failures.is_empty() && awaits_an_end(&top.world.scenario);
    if !told_by_steps {
        failures.splice(0..0, ends);
    }
}

/// Whether a step of the scenario or of its protocols' verbs awaits the end of a connection.
fn awaits_an_end(scenario: &Scenario) -> bool {
    let mut awaits = false;
    let mut look = |steps: &[Step]| {
        visit::steps(steps, &mut |part| {
            awaits |= matches!(part, StepPart::Action(Action::Closed { .. }));
        });
    };
    look(&scenario.steps);
    look(&scenario.always);
    for spec in scenario.participants.values() {
        spec.protocol.verbs.values().for_each(|verb| look(&verb.steps));
    }
    awaits
}

/// A server that waits for an answer which nobody gave is a cause of much.
fn tell_unanswered(cast: &Cast, failures: &mut [Failure]) {
    let Some(first) = failures.first_mut() else { return };
    // One of the stub itself shows its requests already.
    let others = cast.stubs.iter().filter(|(name, _)| first.participant.as_ref() != Some(name));
    let unanswered: Vec<String> = others.flat_map(|(_, stub)| stub.unanswered()).collect();
    first.details.extend(unanswered);
}
