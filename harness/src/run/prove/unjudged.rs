//! What couldn't be judged in a scenario: what it excepts, and what fails it where that is denied.

use std::path::Path;

use crate::event::{Failure, FailureKind, InvariantResult};
use crate::plan::PlaySettings;
use crate::scenario::model::{Exception, Exceptions};

/// The invariants that are unknown and not excepted, a line each.
pub(crate) fn unknown(invariants: &[InvariantResult]) -> Vec<String> {
    let open = |(line, excepted): (String, Option<&str>)| excepted.is_none().then_some(line);
    invariants.iter().filter_map(InvariantResult::unknown).filter_map(open).collect()
}

/// A failure for each thing that is denied.
pub(crate) fn denied(
    exceptions: &Exceptions,
    settings: &PlaySettings,
    unknown: &[String],
    unproven: &[String],
) -> Vec<Failure> {
    let failure = |headline: String, mend: &str| {
        let mut failure = Failure::new(FailureKind::Unjudged, headline);
        failure.details.push(mend.to_owned());
        failure
    };
    let mut failures = Vec::new();
    if settings.deny_unknown {
        let mend = "declare what is missing in the protocol file, or except it in the scenario with the reason: \
                    `unknown: { NAME: reason }`";
        failures.extend(unknown.iter().map(|why| failure(format!("unknown, which is denied: {why}"), mend)));
    }
    if settings.deny_unproven && exceptions.unproven.is_none() {
        let mend = "make it provable, or except it in the scenario with the reason: `unproven: reason`";
        failures.extend(unproven.iter().map(|why| failure(format!("unproven, which is denied: {why}"), mend)));
    }
    failures
}

/// The exceptions of a scenario that nothing needed: each with its place.
pub(crate) fn needless_exceptions(
    exceptions: &Exceptions,
    file: &Path,
    invariants: &[InvariantResult],
    unproven: &[String],
) -> Vec<String> {
    let told = |name: String, one: &Exception| format!("{name} ({}:{})", file.display(), one.at.line);
    let mut needless = Vec::new();
    for (invariant, one) in &exceptions.unknown {
        let name = invariant.name();
        if !invariants.iter().any(|result| result.invariant == name && result.unknown().is_some()) {
            needless.push(told(format!("unknown.{name}"), one));
        }
    }
    let unproven = exceptions.unproven.iter().filter(|_| unproven.is_empty());
    needless.extend(unproven.map(|one| told("unproven".to_owned(), one)));
    needless
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::event::sample::verdicts;
    use crate::event::{Class, InvariantVerdict};
    use crate::scenario::stream::Invariant;
    use crate::source::Position;

    fn settings(deny_unknown: bool, deny_unproven: bool) -> PlaySettings {
        let config = Config::load(Path::new("/")).expect("there is no file");
        PlaySettings { deny_unknown, deny_unproven, ..PlaySettings::of(&config) }
    }

    fn excepting(names: &[Invariant], unproven: bool) -> Exceptions {
        let exception = || Exception { reason: "the server is killed".to_owned(), at: Position { line: 7, column: 1 } };
        Exceptions {
            unknown: names.iter().map(|name| (*name, exception())).collect(),
            unproven: unproven.then(exception),
        }
    }

    #[test]
    fn only_what_is_denied_and_not_excepted_fails() {
        let unknown = unknown(&verdicts());
        assert_eq!(unknown, ["reaches_all (talk): nothing that was sent was acknowledged"]);
        let unproven = ["line 4: no barrier is declared".to_owned()];
        let headlines = |exceptions: &Exceptions, settings: &PlaySettings| -> Vec<String> {
            let failures = denied(exceptions, settings, &unknown, &unproven);
            assert!(failures.iter().all(|failure| failure.kind.class() == Class::Scenario));
            failures.into_iter().map(|failure| failure.headline).collect()
        };
        let plain = excepting(&[], false);
        assert!(headlines(&plain, &settings(false, false)).is_empty());
        let first = "unknown, which is denied: reaches_all (talk): nothing that was sent was acknowledged";
        let second = "unproven, which is denied: line 4: no barrier is declared";
        assert_eq!(headlines(&plain, &settings(true, false)), [first]);
        assert_eq!(headlines(&plain, &settings(true, true)), [first, second]);
        assert_eq!(headlines(&excepting(&[], true), &settings(true, true)), [first]);
    }

    #[test]
    fn exceptions_that_nothing_needs_are_named() {
        let exceptions = excepting(&[Invariant::AckedNotLost, Invariant::SameOrder], true);
        let needless = |invariants: &[InvariantResult], unproven: &[String]| {
            needless_exceptions(&exceptions, Path::new("a.yaml"), invariants, unproven)
        };
        assert_eq!(needless(&verdicts(), &["line 4".to_owned()]), ["unknown.same_order (a.yaml:7)"]);
        let held: Vec<InvariantResult> =
            verdicts().into_iter().filter(|one| !matches!(one.verdict, InvariantVerdict::Unknown { .. })).collect();
        assert_eq!(
            needless(&held, &[]),
            ["unknown.acked_not_lost (a.yaml:7)", "unknown.same_order (a.yaml:7)", "unproven (a.yaml:7)"]
        );
    }
}
