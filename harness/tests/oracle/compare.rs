//! Compares what the runner said with what it had to say.

use std::collections::BTreeMap;
use std::fmt;

use crate::case::{Action, Case};
use crate::play::{Failed, Said, Verdict};
use crate::truth::{Must, Promise, Truth};

/// What the runner said wrongly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wrong {
    pub(crate) kind: Kind,
    /// Of what: a step's word, the whole scenario, or an invariant.
    pub(crate) of: String,
    pub(crate) why: String,
    /// Of which step, where it is one.
    pub(crate) step: Option<usize>,
}

/// In which way it is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// It passed, and must fail.
    Passed,
    /// It was told as proven or held, and isn't.
    Vouched,
    /// It failed, and must pass.
    Failed,
    /// It was told as unproven or unknown, and is proven or held.
    Doubted,
    /// It failed rightly, and somebody else was blamed.
    Blamed,
    /// It wasn't played.
    Unplayed,
}

impl Kind {
    /// Whether a machine that was too busy could be the reason: nothing passes because of that.
    pub(crate) fn may_be_the_machine(self) -> bool {
        matches!(self, Self::Failed | Self::Doubted | Self::Blamed)
    }
}

/// What the comparison of one case gave.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    pub(crate) wrong: Vec<Wrong>,
    /// Why the log doesn't decide some claims.
    pub(crate) undecided: Vec<String>,
    /// Claims in all.
    pub(crate) claims: usize,
    /// Whether the machine was too busy to play it.
    pub(crate) stalled: bool,
}

/// Holds a verdict against the truth.
pub(crate) fn compare(case: &Case, truth: &Truth, verdict: &Verdict) -> Compared {
    let mut compared = Compared::default();
    if let Some(why) = &verdict.unplayed {
        compared.add(Kind::Unplayed, "the scenario", why, None);
        return compared;
    }
    let failed: BTreeMap<usize, &Failed> =
        verdict.failed.iter().filter_map(|failed| Some((failed.step?, failed))).collect();
    if failed.len() < verdict.failed.len() {
        compared.stalled = true;
        return compared;
    }
    let reached = failed.keys().next().map_or(truth.steps.len(), |first| case.group(*first).end);
    let (mut least, mut most) = (0, failed.len());
    for (number, must) in truth.steps.iter().enumerate().take(reached) {
        compared.count(must);
        if let Some(failed) = failed.get(&number) {
            compared.failed(case, number, must, failed);
            continue;
        }
        match must {
            Must::Fail(why) => {
                // Whatever follows only follows from it.
                compared.add(Kind::Passed, word(case, number), why, Some(number));
                return compared;
            }
            Must::PassUnproven(_) | Must::NotPlainly(_) => {
                least += 1;
                most += 1;
            }
            Must::Either(_) => most += 1,
            Must::Pass => {}
        }
    }
    if verdict.unproven < least {
        let number = truth.steps.iter().position(|must| matches!(must, Must::PassUnproven(_) | Must::NotPlainly(_)));
        let why = number.and_then(|number| truth.steps.get(number)).map(ToString::to_string).unwrap_or_default();
        compared.add(Kind::Vouched, word(case, number.unwrap_or_default()), &why, number);
    }
    if verdict.unproven > most {
        compared.add(Kind::Doubted, "the scenario", "everything was proven", None);
    }
    if failed.is_empty() && compared.wrong.is_empty() {
        compare_whole(truth, verdict, &mut compared);
    }
    compared
}

fn compare_whole(truth: &Truth, verdict: &Verdict, compared: &mut Compared) {
    compared.count(&truth.whole);
    match (&truth.whole, verdict.whole.first()) {
        (Must::Fail(why), None) => compared.add(Kind::Passed, "the end", why, None),
        (Must::Pass, Some(told)) => compared.add(Kind::Failed, "the end", told, None),
        _ => {}
    }
    for (name, promise) in &truth.promises {
        compared.claims += 1;
        let said = verdict.promises.get(*name).copied();
        let (kind, why) = match (promise, said) {
            (Promise::Unclear, _) => {
                compared.undecided.push(format!("what came near the end decides about {name}"));
                continue;
            }
            (Promise::Violated, Some(Said::Violated))
            | (Promise::Holds, Some(Said::Held))
            | (Promise::Unknown, Some(Said::Unknown))
            | (Promise::NotAsked, Some(Said::NotAsked)) => continue,
            (Promise::Violated, Some(Said::Unknown)) => (Kind::Doubted, "it is violated, and told as unknown"),
            (Promise::Violated, _) => (Kind::Passed, "it is violated"),
            (Promise::Holds, Some(Said::Violated)) => (Kind::Failed, "it holds"),
            (Promise::Holds, _) => (Kind::Doubted, "it holds"),
            (Promise::Unknown, Some(Said::Violated)) => (Kind::Failed, "it can't be judged"),
            (Promise::Unknown, _) => (Kind::Vouched, "it can't be judged"),
            (Promise::NotAsked, Some(Said::Violated)) => (Kind::Failed, "nothing of it happened"),
            (Promise::NotAsked, Some(Said::Held)) => (Kind::Vouched, "nothing of it happened"),
            (Promise::NotAsked, _) => (Kind::Doubted, "nothing of it happened"),
        };
        compared.add(kind, name, why, None);
    }
}

impl Compared {
    /// A step that failed: it may, or everything held.
    fn failed(&mut self, case: &Case, number: usize, must: &Must, failed: &Failed) {
        let why = match must {
            Must::Pass => format!("everything that it claims held (protocol {})", case.protocol.manner()),
            Must::PassUnproven(why) => why.clone(),
            _ if failed.excused => return self.add(Kind::Blamed, word(case, number), "", Some(number)),
            _ => return,
        };
        self.add(Kind::Failed, word(case, number), &why, Some(number));
    }

    fn add(&mut self, kind: Kind, of: &str, why: &str, step: Option<usize>) {
        self.wrong.push(Wrong { kind, of: of.to_owned(), why: why.to_owned(), step });
    }

    fn count(&mut self, must: &Must) {
        self.claims += 1;
        if let Must::Either(why) = must {
            self.undecided.push(likeness(why));
        }
    }
}

impl Wrong {
    /// What this has in common with others of the same cause: the same without names and numbers.
    pub(crate) fn likeness(&self) -> String {
        format!("{:?} {}: {}", self.kind, self.of, likeness(&self.why))
    }
}

/// A reason without names and numbers.
fn likeness(why: &str) -> String {
    const NAMES: [&str; 4] = ["ann", "ben", "cem", "dan"];
    let words = why.split(' ').map(|word| {
        let bare = word.trim_end_matches(|letter: char| !letter.is_alphanumeric());
        let bare = bare.strip_suffix("'s").unwrap_or(bare);
        if NAMES.contains(&bare) || bare.chars().any(|letter| letter.is_ascii_digit()) { "…" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = match self.kind {
            Kind::Passed => "passed, and must fail",
            Kind::Vouched => "was told as proven, and isn't",
            Kind::Failed => "failed, and must pass",
            Kind::Doubted => "was told as unproven or unknown, and isn't",
            Kind::Blamed => "was blamed on neither the server nor the scenario",
            Kind::Unplayed => "was not played",
        };
        match self.step {
            Some(step) => write!(f, "step {step} ({}) {said}: {}", self.of, self.why),
            None => write!(f, "{} {said}: {}", self.of, self.why),
        }
    }
}

/// The word of a step.
fn word(case: &Case, step: usize) -> &'static str {
    match case.steps.get(step).map(|step| &step.action) {
        Some(Action::Connect { .. }) => "connect",
        Some(Action::Say(_) | Action::Ping) => "send",
        Some(Action::Post { .. }) => "post",
        Some(Action::Receive { .. }) => "receive",
        Some(Action::Next(_)) => "receive_next",
        Some(Action::InOrder(_)) => "receive_in_order",
        Some(Action::All(_)) => "receive_all",
        Some(Action::Nothing(_)) => "receive_nothing",
        Some(Action::Count { .. }) => "received",
        Some(Action::Mark { .. }) => "mark",
        Some(Action::Closed { .. }) => "closed",
        Some(Action::Close) => "close",
        Some(Action::Drop) => "drop",
        None => "the scenario",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate;

    fn why() -> String {
        "why".to_owned()
    }

    /// What is wrong when one step had to end so, and the runner said that.
    #[expect(clippy::needless_pass_by_value, reason = "reads better where it is called")]
    fn wrong(must: Must, verdict: Verdict) -> Vec<Kind> {
        let truth = Truth { steps: vec![Must::Pass, must], whole: Must::Pass, promises: BTreeMap::new() };
        compare(&generate::case(1, 1), &truth, &verdict).wrong.iter().map(|wrong| wrong.kind).collect()
    }

    fn said(all: &[(&str, Said)]) -> BTreeMap<String, Said> {
        all.iter().map(|(name, said)| ((*name).to_owned(), *said)).collect()
    }

    fn failed(step: usize, excused: bool) -> Verdict {
        Verdict { failed: vec![Failed { step: Some(step), excused }], ..Verdict::default() }
    }

    fn unproven(unproven: usize) -> Verdict {
        Verdict { passed: true, unproven, ..Verdict::default() }
    }

    #[test]
    fn a_step_ends_as_it_must() {
        assert_eq!(wrong(Must::Pass, unproven(0)), []);
        assert_eq!(wrong(Must::Pass, failed(1, false)), [Kind::Failed]);
        assert_eq!(wrong(Must::Fail(why()), unproven(0)), [Kind::Passed]);
        assert_eq!(wrong(Must::Fail(why()), failed(1, false)), []);
        assert_eq!(wrong(Must::Fail(why()), failed(0, false)), [Kind::Failed]);
        assert_eq!(wrong(Must::Fail(why()), failed(1, true)), [Kind::Blamed]);
        assert_eq!(wrong(Must::Either(why()), failed(1, false)), []);
    }

    #[test]
    fn what_is_not_proven_is_told_as_that() {
        assert_eq!(wrong(Must::NotPlainly(why()), unproven(0)), [Kind::Vouched]);
        assert_eq!(wrong(Must::NotPlainly(why()), unproven(1)), []);
        assert_eq!(wrong(Must::NotPlainly(why()), failed(1, false)), []);
        assert_eq!(wrong(Must::PassUnproven(why()), failed(1, false)), [Kind::Failed]);
        assert_eq!(wrong(Must::Pass, unproven(1)), [Kind::Doubted]);
    }

    #[test]
    fn the_end_and_the_promises_are_compared_where_all_steps_passed() {
        let promises = BTreeMap::from([("no_gaps", Promise::Violated), ("same_order", Promise::Unknown)]);
        let truth = Truth { steps: vec![Must::Pass], whole: Must::Fail(why()), promises };
        let kinds = |verdict: &Verdict| {
            let compared = compare(&generate::case(1, 1), &truth, verdict);
            compared.wrong.iter().map(|wrong| (wrong.kind, wrong.of.clone())).collect::<Vec<_>>()
        };
        let all = [(Kind::Passed, "the end"), (Kind::Passed, "no_gaps"), (Kind::Vouched, "same_order")];
        assert_eq!(kinds(&unproven(0)), all.map(|(kind, of)| (kind, of.to_owned())));
        let right = Verdict {
            whole: vec![why()],
            promises: said(&[("no_gaps", Said::Violated), ("same_order", Said::Unknown)]),
            ..Verdict::default()
        };
        assert_eq!(kinds(&right), []);
    }

    #[test]
    fn an_invariant_that_held_for_nothing_is_vouched_for() {
        let truth = |promise| Truth {
            steps: vec![Must::Pass],
            whole: Must::Pass,
            promises: BTreeMap::from([("no_gaps", promise)]),
        };
        let kinds = |promise, told| {
            let verdict = Verdict { promises: said(&[("no_gaps", told)]), ..Verdict::default() };
            let compared = compare(&generate::case(1, 1), &truth(promise), &verdict);
            compared.wrong.iter().map(|wrong| wrong.kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds(Promise::NotAsked, Said::Held), [Kind::Vouched]);
        assert_eq!(kinds(Promise::NotAsked, Said::NotAsked), []);
        assert_eq!(kinds(Promise::Unknown, Said::NotAsked), [Kind::Vouched]);
        assert_eq!(kinds(Promise::Holds, Said::NotAsked), [Kind::Doubted]);
        assert_eq!(kinds(Promise::Violated, Said::NotAsked), [Kind::Passed]);
        assert_eq!(kinds(Promise::Unclear, Said::Held), []);
    }

    #[test]
    fn a_request_that_only_tells_of_steps_says_nothing_when_it_fails() {
        let truth = Truth { steps: vec![Must::Fail(why())], whole: Must::Pass, promises: BTreeMap::new() };
        let verdict = Verdict { failed: vec![Failed { step: None, excused: false }], ..Verdict::default() };
        let compared = compare(&generate::case(1, 1), &truth, &verdict);
        assert!(compared.stalled && compared.wrong.is_empty());
    }

    #[test]
    fn causes_are_alike_whoever_is_concerned() {
        let wrong =
            Wrong { kind: Kind::Passed, of: "mark".to_owned(), why: "ben's ping 7 came".to_owned(), step: None };
        assert_eq!(wrong.likeness(), "Passed mark: … ping … came");
    }
}
