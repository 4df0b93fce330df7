//! Steps that may wait longer than their scenario may last.

use std::sync::Arc;
use std::time::Duration;

use super::error::{Diagnostic, Findings};
use super::model::{Action, Connect, Expect, Expected, Scenario, ServerAction, Step, StepKind};
use super::visit::{self, StepPart};

/// Warns of each step of the scenario's own that waits longer than the scenario may last: `timeout` of the scenario, or
/// `default`, that of the configuration. Such a step never ends by its own deadline, so its failure would not be told.
pub(crate) fn check(scenario: &Scenario, default: Duration) -> Vec<Diagnostic> {
    let limit = scenario.timeout.unwrap_or(default);
    let mut findings = Findings::new(Arc::clone(&scenario.source));
    let mut here: Option<&Step> = None;
    visit::steps(&scenario.steps, &mut |part| {
        let longest = match part {
            StepPart::Step(step) => {
                here = Some(step);
                match &step.kind {
                    StepKind::Server(ServerAction::Logged { within, .. }) => within.map(|within| ("within", within)),
                    _ => None,
                }
            }
            StepPart::Action(action) => longest_wait(action),
            StepPart::Template(_) | StepPart::Expr(_) | StepPart::Capture(_) => None,
        };
        if let (Some((word, wait)), Some(step)) = (longest, here)
            && wait > limit
        {
            let message = format!("`{word}: {wait:?}` is longer than the scenario may last, {limit:?}");
            let help = "give the scenario a longer `timeout`, or the step a shorter time";
            findings.warning_in(&step.source, step.at, message, help.to_owned());
        }
    });
    findings.list
}

/// The longest wait of an action, with the key that sets it.
fn longest_wait(action: &Action) -> Option<(&'static str, Duration)> {
    let waits = match action {
        Action::Http(http) => {
            vec![("within", http.within), ("eventually", http.eventually), ("gives_up", http.gives_up)]
        }
        Action::Connect(Connect { within, .. }) | Action::Close { within, .. } | Action::Closed { within, .. } => {
            vec![("within", *within)]
        }
        Action::Expect(Expect { what, within, .. }) => match what {
            Expected::Nothing { listen, .. } | Expected::Counted { listen, .. } => {
                vec![("for", *listen), ("within", *within)]
            }
            _ => vec![("within", *within)],
        },
        Action::Call(call) => vec![("within", call.within)],
        _ => Vec::new(),
    };
    waits.into_iter().filter_map(|(word, wait)| Some((word, wait?))).max_by_key(|(_, wait)| *wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::lower::{self, Loaded};
    use crate::scenario::yaml;
    use crate::source::Source;

    #[test]
    fn a_wait_above_the_limit_is_told_with_its_word() {
        let text = "scenario: s\ntimeout: 2s\nparticipants: { ann: {} }\nsteps:\n  - ann: { get: /a, within: 2s }\n  - ann: { get: /b, eventually: 3s }\n  - repeat: 2\n    steps:\n      - ann: { get: /c, within: 2500ms }\n";
        let mut findings = Findings::new(Source::new("s.yaml", text));
        let root = yaml::parse(&mut findings).unwrap();
        let scenario = lower::scenario(&root, &mut findings, "s", &mut |_| Loaded::Broken).unwrap();
        let told: Vec<_> =
            check(&scenario, Duration::from_secs(1)).into_iter().map(|one| (one.at.line, one.message)).collect();
        assert_eq!(
            told,
            [
                (6, "`eventually: 3s` is longer than the scenario may last, 2s".to_owned()),
                (9, "`within: 2.5s` is longer than the scenario may last, 2s".to_owned())
            ]
        );
    }
}
