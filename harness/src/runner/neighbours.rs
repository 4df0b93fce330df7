//! Whom a scenario hears on a server that it shares: the ids of other scenarios, found in what a failure shows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use crate::event::{Failure, Outcome, ScenarioResult};
use crate::run::lock;
use crate::subject::Subject;

/// Who was played on which shared server, by the digits that stand in everybody's ids.
#[derive(Debug, Default)]
pub(super) struct Neighbours(Mutex<BTreeMap<(String, String), Arc<str>>>);

impl Neighbours {
    /// Notes that a scenario is played on a server.
    pub(super) fn note(&self, server: &str, run: &str, label: &Arc<str>) {
        lock(&self.0).insert((server.to_owned(), run.to_owned()), Arc::clone(label));
    }

    /// Says in a failure whose ids it shows, where they are another playing's on the same server.
    pub(super) fn tell(&self, result: &mut ScenarioResult, server: &str, run: &str, subject: &Subject) {
        let Outcome::Failed { failures } = &mut result.outcome else { return };
        let others: Vec<(String, Arc<str>)> = lock(&self.0)
            .iter()
            .filter(|((at, digits), _)| at == server && digits != run)
            .map(|((_, digits), label)| (digits.clone(), Arc::clone(label)))
            .collect();
        for failure in failures {
            let shown = shown(failure);
            let heard: BTreeSet<&str> =
                others.iter().filter(|(digits, _)| shown.contains(digits)).map(|(_, label)| &**label).collect();
            if !heard.is_empty() {
                failure.details.extend(lines(&heard, subject));
            }
        }
    }
}

/// Everything that a failure shows of what came.
fn shown(failure: &Failure) -> String {
    let nearest = failure.nearest.iter().flat_map(|nearest| nearest.whole.iter().chain(&nearest.differences));
    let came = failure.came.iter().map(|came| &came.frame);
    let parts = nearest.chain(came).chain(&failure.details).chain([&failure.headline]).map(String::as_str);
    parts.chain(failure.diff.iter().map(|line| line.text.as_str())).collect::<Vec<_>>().join("\n")
}

fn lines(heard: &BTreeSet<&str>, subject: &Subject) -> [String; 2] {
    const MOST: usize = 3;
    let mut names: Vec<&str> = heard.iter().copied().take(MOST).collect();
    if heard.len() > MOST {
        names.push("…");
    }
    let mend = match subject {
        Subject::Remote(_) => {
            "mend: keep them apart by `{{ run }}` in the names of rooms and the like, or play one at a time (--jobs 1)"
        }
        _ => {
            "mend: `own = true` for the server in roundtable.toml gives each its own; `{{ run }}` in names keeps them apart"
        }
    };
    [format!("heard: there are ids here of other scenarios on the same server ({})", names.join(", ")), mend.to_owned()]
}
