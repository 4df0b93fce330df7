//! Rules of scenario and protocol files that had no effect in a whole run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::event::{Outcome, ScenarioResult, StreamPattern};
use crate::scenario::model::Scenario;
use crate::text::counted;

/// Redactions that matched nothing in any snapshot of any scenario that has them.
pub(crate) fn redactions(scenarios: &[Arc<Scenario>], results: &[ScenarioResult]) -> BTreeSet<String> {
    let idle: BTreeSet<String> = results.iter().flat_map(|result| result.idle_redactions.iter().cloned()).collect();
    idle.into_iter()
        .filter(|redaction| {
            let has = |result: &&ScenarioResult| {
                let id = result.label.split('@').next().unwrap_or_default();
                scenarios
                    .iter()
                    .find(|scenario| scenario.id == id)
                    .is_some_and(|scenario| scenario.snapshot.redact.iter().any(|one| one.label() == *redaction))
            };
            let mut with_snapshots = results.iter().filter(|result| !result.snapshots.is_empty()).filter(has);
            with_snapshots.all(|result| result.idle_redactions.contains(redaction))
        })
        .collect()
}

/// Exceptions of scenarios that none of their playings needed.
pub(crate) fn exceptions(results: &[ScenarioResult]) -> BTreeSet<&str> {
    // A failed scenario wasn't judged to its end, so its exceptions may be needed.
    let judged =
        || results.iter().filter(|result| result.is_good() && !matches!(result.outcome, Outcome::Skipped { .. }));
    let named =
        |result: &ScenarioResult, exception: &str| result.needless_exceptions.iter().any(|one| one == exception);
    let scenario = |result: &ScenarioResult| result.label.split('@').next().unwrap_or_default().to_owned();
    let needless = judged().flat_map(|result| {
        result.needless_exceptions.iter().map(String::as_str).filter(move |exception| {
            let same = judged().filter(|other| scenario(other) == scenario(result));
            same.into_iter().all(|other| named(other, exception))
        })
    });
    needless.collect()
}

/// Patterns of streams that matched nothing in any scenario where they could have, so that the invariants had nothing to
/// judge. Meaningful only after a run of all scenarios.
pub(crate) fn stream_patterns(results: &[ScenarioResult]) -> Vec<String> {
    let mut by_pattern: BTreeMap<&str, Vec<&StreamPattern>> = BTreeMap::new();
    for used in results.iter().flat_map(|result| &result.stream_patterns) {
        by_pattern.entry(&used.pattern).or_default().push(used);
    }
    by_pattern.retain(|_, all| all.iter().all(|used| !used.matched));
    let note = |(pattern, all): (&str, Vec<&StreamPattern>)| {
        let kinds: BTreeSet<&str> = all.iter().flat_map(|used| &used.kinds).map(String::as_str).collect();
        let kinds: Vec<&str> = kinds.into_iter().collect();
        let kinds = if kinds.is_empty() { String::new() } else { format!("; there were frames {}", kinds.join(", ")) };
        let list = all.iter().find_map(|used| used.list.as_deref());
        let mend = list.map(|at| format!("; at {at} it has a list, which matches a list: did you mean `$one_of`?"));
        let mend = mend.unwrap_or_default();
        let scenarios = counted(all.len(), "scenario", "scenarios");
        format!("nothing matched {pattern} in {scenarios}, so invariants had nothing to judge by it{kinds}{mend}")
    };
    by_pattern.into_iter().map(note).collect()
}
