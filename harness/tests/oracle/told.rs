//! Shows a case: its files, its faults, what the server did, and both verdicts.

use std::fmt::Write as _;

use crate::compare::compare;
use crate::files;
use crate::generate;
use crate::play::{Playing, play};
use crate::truth;

/// Plays one case of a seed, and shows it; the second says whether it is judged rightly.
pub(crate) fn one(seed: u64, number: u64) -> (String, bool) {
    let Some(playing) = play(vec![generate::case(seed, number)], 1).pop() else {
        return ("nothing was played".to_owned(), false);
    };
    let truth = truth::judge(&playing.case, &playing.log);
    let right = compare(&playing.case, &truth, &playing.verdict).wrong.is_empty();
    (self::playing(&playing), right)
}

/// Everything about a playing.
pub(crate) fn playing(playing: &Playing) -> String {
    let Playing { case, log, verdict } = playing;
    let mut text = format!("# protocols/{}.yaml\n{}", case.protocol_name(), files::protocol(&case.protocol));
    let _ = writeln!(text, "# case {}\n{}", case.number, files::scenario(case).trim_end());
    text.push_str("# faults\n");
    for fault in &case.faults {
        let _ = writeln!(text, "  {fault}");
    }
    text.push_str("# what the server did\n");
    let began = log.first().map(|entry| entry.at).unwrap_or_default();
    for entry in log {
        let entry = crate::log::Entry { at: entry.at.saturating_sub(began), event: entry.event.clone() };
        let _ = writeln!(text, "  {entry}");
    }
    let truth = truth::judge(case, log);
    text.push_str("# what must come of it\n");
    for (number, must) in truth.steps.iter().enumerate() {
        let _ = writeln!(text, "  step {number} {must}");
    }
    let _ = writeln!(text, "  the end {}", truth.whole);
    for (name, promise) in &truth.promises {
        let _ = writeln!(text, "  {name}: {promise:?}");
    }
    text.push_str("# what the runner says\n");
    let ended = match &verdict.unplayed {
        Some(why) => format!("not played: {why}"),
        None if verdict.passed => "passed".to_owned(),
        None => "failed".to_owned(),
    };
    let _ = writeln!(text, "  {ended}");
    for line in &verdict.told {
        let _ = writeln!(text, "  {line}");
    }
    let compared = compare(case, &truth, verdict);
    for wrong in compared.wrong {
        let _ = writeln!(text, "# WRONG: {wrong}");
    }
    if compared.stalled {
        text.push_str("# the machine was too busy: a request that only tells of steps failed\n");
    }
    text
}
