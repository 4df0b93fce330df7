//! Makes a case that is judged wrongly as small as it can be while it stays so.

use crate::case::{Action, Case};
use crate::compare::compare;
use crate::play::{Playing, play};
use crate::truth;

/// What is left of a case when nothing more can be left out; it is still judged wrongly in the same way.
pub(crate) fn shrink(playing: Playing, likeness: &str, jobs: usize) -> Playing {
    let mut best = playing;
    // Each round leaves out at least one thing.
    for _ in 0..60 {
        let smaller: Vec<Case> =
            (1..).zip(candidates(&best.case)).map(|(number, case)| Case { number, ..case }).collect();
        let mut played = play(smaller, jobs).into_iter();
        let Some(next) = played.find(|playing| is_alike(playing, likeness)) else { break };
        best = next;
    }
    best
}

/// Whether a playing is judged wrongly in this way.
pub(crate) fn is_alike(playing: &Playing, likeness: &str) -> bool {
    let truth = truth::judge(&playing.case, &playing.log);
    compare(&playing.case, &truth, &playing.verdict).wrong.iter().any(|wrong| wrong.likeness() == likeness)
}

/// The case with one thing left out, the largest first.
fn candidates(case: &Case) -> Vec<Case> {
    let mut found = Vec::new();
    for who in &case.people {
        let mut less = case.clone();
        less.people.retain(|other| other != who);
        less.steps.retain(|step| step.link.who != *who);
        less.faults.retain(|fault| fault.who != *who);
        found.push(less);
    }
    for place in 0..case.faults.len() {
        let mut less = case.clone();
        less.faults.remove(place);
        found.push(less);
    }
    // All behind a place, then single ones from the end.
    for place in (1..case.steps.len()).filter(|place| case.steps.len() - place > 2) {
        let mut less = case.clone();
        less.steps.truncate(place);
        found.push(less);
    }
    for place in (0..case.steps.len()).rev() {
        let mut less = case.clone();
        let gone = less.steps.remove(place);
        if matches!(gone.action, Action::Connect { .. }) {
            let again = less
                .steps
                .iter()
                .skip(place)
                .position(|step| step.link == gone.link && matches!(step.action, Action::Connect { .. }));
            let until = again.map_or(less.steps.len(), |again| place + again);
            let mut number = 0;
            less.steps.retain(|step| {
                number += 1;
                !(place < number && number <= until && step.link == gone.link)
            });
        }
        found.push(less);
    }
    for place in (0..case.steps.len()).filter(|place| case.steps[*place].beside) {
        let mut less = case.clone();
        less.steps[place].beside = false;
        found.push(less);
    }
    for (invariants, fails) in [(false, case.protocol.fails), (case.protocol.invariants, false)] {
        let mut less = case.clone();
        (less.protocol.invariants, less.protocol.fails) = (invariants, fails);
        if less.protocol != case.protocol {
            found.push(less);
        }
    }
    let plain = [Case { strict: false, ..case.clone() }, Case { base: 0, ..case.clone() }];
    found.extend(plain.into_iter().filter(|less| (less.strict, less.base) != (case.strict, case.base)));
    found.iter_mut().for_each(Case::repair);
    found.retain(|less| !less.people.is_empty() && !less.steps.is_empty());
    found
}
