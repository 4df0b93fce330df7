//! Crosstalk on a shared server: a failure that shows ids of other scenarios says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use crate::event::{Failure, Outcome, ScenarioResult};
use crate::lock::lock;
use crate::subject::Subject;

/// How many other scenarios a failure names.
const MOST_NAMED: usize = 3;

/// Which scenarios were played on which shared server: the label by the server's URL and the `run` that is part of the
/// scenario's ids.
#[derive(Debug, Default)]
pub(super) struct Crosstalk(Mutex<BTreeMap<(String, String), Arc<str>>>);

impl Crosstalk {
    /// Records that a scenario is played on a server.
    pub(super) fn record(&self, server: &str, run: &str, label: &Arc<str>) {
        lock(&self.0).insert((server.to_owned(), run.to_owned()), Arc::clone(label));
    }

    /// Adds to each failure the names of the other scenarios on the same server whose ids it shows, and to the result.
    pub(super) fn explain(&self, result: &mut ScenarioResult, server: &str, run: &str, subject: &Subject) {
        let Outcome::Failed { failures } = &mut result.outcome else { return };
        let others: Vec<(String, Arc<str>)> = lock(&self.0)
            .iter()
            .filter(|((url, other), _)| url == server && other != run)
            .map(|((_, other), label)| (other.clone(), Arc::clone(label)))
            .collect();
        for failure in failures {
            let text = everything_shown(failure);
            let heard: BTreeSet<&Arc<str>> =
                others.iter().filter(|(run, _)| text.contains(run)).map(|(_, label)| label).collect();
            if !heard.is_empty() {
                failure.details.extend(explanation(&heard, subject));
                result.heard.extend(heard.into_iter().cloned());
            }
        }
        result.heard.sort();
        result.heard.dedup();
    }
}

/// All text of a failure in which an id could stand.
fn everything_shown(failure: &Failure) -> String {
    let nearest = failure.nearest.iter().flat_map(|nearest| nearest.whole.iter().chain(&nearest.differences));
    let came = failure.came.iter().map(|came| &came.frame);
    let parts = nearest.chain(came).chain(&failure.details).chain([&failure.headline]).map(String::as_str);
    parts.chain(failure.diff.iter().map(|line| line.text.as_str())).collect::<Vec<_>>().join("\n")
}

fn explanation(heard: &BTreeSet<&Arc<str>>, subject: &Subject) -> [String; 2] {
    let mut names: Vec<&str> = heard.iter().map(|label| &***label).take(MOST_NAMED).collect();
    if heard.len() > MOST_NAMED {
        names.push("…");
    }
    let mend = match subject {
        Subject::Remote(_) => {
            "mend: put `{{ run }}` into the names of rooms and the like, or play one scenario at a time (--jobs 1)"
        }
        _ => {
            "mend: `own = true` for the server in roundtable.toml starts one for each scenario; `{{ run }}` in names keeps them apart"
        }
    };
    [format!("heard: this shows ids of other scenarios on the same server ({})", names.join(", ")), mend.to_owned()]
}
