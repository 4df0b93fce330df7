//! The branches of `parallel`: a group's step is a branch for each member.

use std::sync::Arc;

use crate::run::context::step_context::StepContext;
use crate::run::state::cast::Cast;
use crate::run::state::participant::Participant;
use crate::scenario::model::{Action, Step, StepKind};

/// One parallel branch.
pub(super) enum Branch<'a> {
    /// One action.
    Action(StepContext, &'a Action),
    /// Steps.
    Steps(StepContext, &'a [Step]),
    /// The steps of a group as one of its members.
    Lane(StepContext, Arc<Participant>, &'a [Step]),
}

/// The branches that run at once.
pub(super) fn branches<'a>(context: &StepContext, list: &'a [Vec<Step>]) -> Vec<Branch<'a>> {
    let cast = &context.world.cast;
    let mut branches = Vec::new();
    for branch in list {
        match &branch[..] {
            [step @ Step { kind: StepKind::Act { actor, action }, .. }] if actor != "me" => {
                let shared = context.shared || cast.is_group(actor);
                let actors = cast.actors(actor);
                if actors.is_empty() {
                    // The name is unknown: played as a step, it gives the error.
                    branches.push(Branch::Steps(context.branch(), branch));
                }
                branches.extend(actors.iter().map(|who| {
                    let there = StepContext { shared, ..context.enter(step, Some(who.key())).acting(who) };
                    Branch::Action(there, action)
                }));
            }
            steps => match group_of(cast, steps) {
                Some(members) if !members.is_empty() => {
                    branches.extend(members.into_iter().map(|who| Branch::Lane(context.branch(), who, steps)));
                }
                Some(_) | None => branches.push(Branch::Steps(context.branch(), steps)),
            },
        }
    }
    branches
}

/// The members, where all steps of a branch are of one group: each of them plays them beside the others.
fn group_of(cast: &Cast, steps: &[Step]) -> Option<Vec<Arc<Participant>>> {
    let mut names = steps.iter().map(|step| match &step.kind {
        StepKind::Act { actor, .. } if actor != "me" => Some(actor),
        _ => None,
    });
    let first = names.next()??;
    (names.all(|name| name == Some(first)) && cast.is_group(first)).then(|| cast.actors(first))
}
