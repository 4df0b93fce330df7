//! Many cases, and what came of them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use crate::case::Case;
use crate::compare::{Compared, Wrong, compare};
use crate::generate;
use crate::play::{self, Playing};
use crate::shrink::{is_alike, shrink};
use crate::told;
use crate::truth;

/// How many cases are played at once: they mostly wait.
pub(crate) const JOBS: usize = 16;
/// How many files lie in a folder at once.
const ROUND: u64 = 500;
/// How many are played again at once, and how much longer each may take then.
const AGAIN_JOBS: usize = 2;
const PATIENCE: u32 = 4;
/// How often a case is played again, alone, before a wrong verdict is called a matter of the machine.
const AGAIN: usize = 3;

/// What many cases gave.
#[derive(Default)]
pub(crate) struct Rounds {
    seed: u64,
    cases: u64,
    passed: u64,
    claims: usize,
    /// How many of them are undecided, by the reason.
    undecided: BTreeMap<String, usize>,
    /// Cases of which some claim is undecided.
    open: u64,
    /// Cases that were played again because a busy machine may have been the reason of what was said.
    again: usize,
    /// Cases that could not be played in time even then.
    stalled: usize,
    /// Wrong verdicts, by what they have in common.
    wrong: BTreeMap<String, Group>,
    took: Duration,
}

/// Cases that are judged wrongly in the same way.
#[derive(Default)]
struct Group {
    numbers: Vec<u64>,
    /// Whether it came again when a case was played alone.
    lasts: bool,
    shown: String,
}

/// Plays the cases 0 to `cases` of a seed, so many at once.
fn each(cases: u64, seed: u64, jobs: usize, mut with: impl FnMut(Vec<Playing>)) {
    for from in (0..cases).step_by(usize::try_from(ROUND).unwrap_or(1)) {
        let round = (from..cases.min(from + ROUND)).map(|number| generate::case(seed, number)).collect();
        with(play::play(round, jobs));
    }
}

/// The same, compared with the truth; each kind of wrong verdict is tried again alone and made small.
pub(crate) fn play(cases: u64, seed: u64, jobs: usize) -> Rounds {
    let began = Instant::now();
    let mut rounds = Rounds { seed, cases, ..Rounds::default() };
    each(cases, seed, jobs, |playings| {
        let mut again = Vec::new();
        let mut sure = BTreeMap::new();
        for playing in playings {
            let compared = compared(&playing);
            let (busy, wrong): (Vec<Wrong>, Vec<Wrong>) =
                compared.wrong.iter().cloned().partition(|wrong| wrong.kind.may_be_the_machine());
            if compared.stalled || !busy.is_empty() {
                sure.insert(playing.case.number, wrong);
                again.push(Case { patience: PATIENCE, ..playing.case });
            } else {
                rounds.add(&playing, compared);
            }
        }
        rounds.again += again.len();
        for playing in play::play(again, AGAIN_JOBS) {
            let mut compared = compared(&playing);
            // What passed wrongly is no matter of the machine, and stays.
            let sure = sure.remove(&playing.case.number).unwrap_or_default();
            let told: Vec<String> = compared.wrong.iter().map(Wrong::likeness).collect();
            compared.wrong.extend(sure.into_iter().filter(|wrong| !told.contains(&wrong.likeness())));
            rounds.add(&playing, compared);
        }
    });
    for (likeness, group) in &mut rounds.wrong {
        group.settle(seed, likeness, jobs);
    }
    rounds.took = began.elapsed();
    rounds
}

fn compared(playing: &Playing) -> Compared {
    let truth = truth::judge(&playing.case, &playing.log);
    compare(&playing.case, &truth, &playing.verdict)
}

impl Rounds {
    fn add(&mut self, playing: &Playing, compared: Compared) {
        self.passed += u64::from(playing.verdict.passed);
        self.claims += compared.claims;
        self.open += u64::from(!compared.undecided.is_empty());
        for why in compared.undecided {
            *self.undecided.entry(why).or_default() += 1;
        }
        self.stalled += usize::from(compared.stalled);
        for wrong in compared.wrong {
            let likeness = wrong.likeness();
            let group = self.wrong.entry(likeness).or_default();
            if group.numbers.is_empty() {
                group.shown = told::playing(playing);
            }
            group.numbers.push(playing.case.number);
        }
    }

    /// Whether everything was judged rightly.
    pub(crate) fn is_right(&self) -> bool {
        self.wrong.is_empty()
    }
}

impl Group {
    /// Tries the first cases again, each alone, and makes the first that lasts small.
    fn settle(&mut self, seed: u64, likeness: &str, jobs: usize) {
        let alone = |number: u64| play::play(vec![generate::case(seed, number)], 1).pop();
        for number in self.numbers.iter().take(3) {
            for _ in 0..AGAIN {
                if let Some(playing) = alone(*number).filter(|playing| is_alike(playing, likeness)) {
                    self.lasts = true;
                    self.shown = told::playing(&shrink(playing, likeness, jobs));
                    return;
                }
            }
        }
    }
}

impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (likeness, group) in &self.wrong {
            let again = if group.lasts { "" } else { " (not when played alone)" };
            let some: Vec<String> = group.numbers.iter().take(8).map(u64::to_string).collect();
            writeln!(f, "── {likeness}{again}: {} cases, such as {}", group.numbers.len(), some.join(", "))?;
            writeln!(f, "{}", group.shown)?;
        }
        for (why, many) in &self.undecided {
            writeln!(f, "undecided: {why}: {many}")?;
        }
        let Self { seed, cases, passed, claims, open, .. } = self;
        let undecided: usize = self.undecided.values().sum();
        let share = |part: f64, whole: f64| 100.0 * part / whole.max(1.0);
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        let (of_claims, of_cases) = (share(undecided as f64, *claims as f64), share(*open as f64, *cases as f64));
        writeln!(f, "{cases} cases of seed {seed}: {passed} passed, {} failed", cases - passed)?;
        writeln!(
            f,
            "{claims} claims, {undecided} undecided ({of_claims:.1} %), in {open} cases ({of_cases:.1} %); {} cases were \
             played again with more time, {} of them in vain",
            self.again, self.stalled
        )?;
        let wrong: usize = self.wrong.values().map(|group| group.numbers.len()).sum();
        write!(f, "{wrong} wrong verdicts of {} kinds, in {:.0} s", self.wrong.len(), self.took.as_secs_f64())
    }
}
