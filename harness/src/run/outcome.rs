//! Derives a scenario's outcome from its failures, including expected ones.

use crate::event::{Class, Failure, FailureKind, Outcome};
use crate::scenario::model::ExpectedFailure;

/// How the scenario ends.
pub(super) fn outcome(expected: Option<&ExpectedFailure>, mut failures: Vec<Failure>) -> Outcome {
    let Some(expected) = expected else {
        return if failures.is_empty() { Outcome::Passed } else { Outcome::Failed { failures } };
    };
    let other = failures.iter().position(|failure| !is_expected(expected, failure));
    match (failures.is_empty(), other) {
        (false, None) => Outcome::FailedAsExpected { reason: expected.why.clone() },
        (false, Some(place)) => {
            if let Some(mark) = &expected.mark {
                let line =
                    format!("`expect_failure` expects another one: class {}, with {:?}", mark.class.key(), mark.says);
                failures[place].details.push(line);
            }
            Outcome::Failed { failures }
        }
        (true, _) => {
            let headline = format!("it passed, though it was expected to fail: {}", expected.why);
            let mut failure = Failure::new(FailureKind::Scenario, headline);
            failure.details.push("remove `expect_failure` from the scenario".to_owned());
            Outcome::Failed { failures: vec![failure] }
        }
    }
}

/// Whether a failure is the one that the scenario is known to have.
fn is_expected(expected: &ExpectedFailure, failure: &Failure) -> bool {
    let class = failure.kind.class();
    match &expected.mark {
        Some(mark) => class.key() == mark.class.key() && message(failure).contains(&mark.says),
        // A mistake of the scenario, the server's death or a broken network is never the failure that was expected.
        None => matches!(class, Class::Product | Class::Late),
    }
}

/// What a failure says, a line each.
fn message(failure: &Failure) -> String {
    let differences = failure.nearest.iter().flat_map(|nearest| &nearest.differences);
    let lines = std::iter::once(&failure.headline).chain(differences).chain(&failure.details);
    lines.map(String::as_str).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::model::{ExpectedClass, FailureMark};

    fn expected(mark: Option<(ExpectedClass, &str)>) -> ExpectedFailure {
        let mark = mark.map(|(class, says)| FailureMark { class, says: says.to_owned() });
        ExpectedFailure { why: "known".to_owned(), mark }
    }

    fn failure(kind: FailureKind, headline: &str, detail: &str) -> Failure {
        let mut failure = Failure::new(kind, headline);
        failure.details.push(detail.to_owned());
        failure
    }

    #[test]
    fn only_the_failure_that_is_meant_is_expected() {
        let product = |says: &'static str| expected(Some((ExpectedClass::Product, says)));
        let late = expected(Some((ExpectedClass::Late, "never got")));
        let wrong = || failure(FailureKind::Expectation, "got 5", "instead of 4");
        for (expected, found, is_expected) in [
            (product("got 5"), wrong(), true),
            (product("instead of 4"), wrong(), true),
            (product("got 6"), wrong(), false),
            (late, wrong(), false),
            (expected(None), wrong(), true),
            (expected(None), failure(FailureKind::Scenario, "got 5", ""), false),
            (expected(None), failure(FailureKind::ServerDied, "got 5", ""), false),
        ] {
            let outcome = outcome(Some(&expected), vec![found]);
            assert_eq!(matches!(outcome, Outcome::FailedAsExpected { .. }), is_expected, "{expected:?}: {outcome:?}");
        }
    }

    #[test]
    fn one_other_failure_beside_the_expected_one_fails() {
        let expected = expected(Some((ExpectedClass::Product, "got 5")));
        let failures = || ["got 5", "got 7"].map(|headline| failure(FailureKind::Expectation, headline, "")).to_vec();
        let Outcome::Failed { failures } = outcome(Some(&expected), failures()) else { panic!("it must fail") };
        assert_eq!(failures[1].details[1], "`expect_failure` expects another one: class product, with \"got 5\"");
    }

    #[test]
    fn a_pass_is_a_failure_where_one_was_expected() {
        assert!(matches!(outcome(None, Vec::new()), Outcome::Passed));
        let Outcome::Failed { failures } = outcome(Some(&expected(None)), Vec::new()) else { panic!("it must fail") };
        assert_eq!(failures[0].headline, "it passed, though it was expected to fail: known");
    }
}
