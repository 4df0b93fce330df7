//! If one of several participants with the same check failed: which others fail it too.

use crate::run::state::participant::Participant;
use crate::scenario::model::{Action, Expected, StepKind};
use crate::text::listed;

/// How many participants are named in one line.
const LISTED: usize = 12;

/// A participant's key, and whether the check held for that participant.
pub(super) type MemberVerdict<'k> = (&'k str, bool);

/// Lists those for whom it failed and those for whom it held, in a line.
pub(super) fn tell_of_others(held: &[MemberVerdict<'_>]) -> String {
    let keys =
        |wanted: bool| -> Vec<&str> { held.iter().filter(|(_, held)| *held == wanted).map(|(key, _)| *key).collect() };
    let named = |keys: &[&str]| match keys.get(LISTED..).map_or(0, <[&str]>::len) {
        0 => listed(keys),
        more => listed(&[&keys[..LISTED], &[format!("{more} more").as_str()]].concat()),
    };
    let fails = keys(false);
    format!("failed for {} of {}: {}; held for: {}", fails.len(), held.len(), named(&fails), named(&keys(true)))
}

/// Whether an action does nothing but look at what came. What needs a barrier sends, and would wait for each of many
/// where the server hangs.
pub(super) fn only_looks(action: &Action, who: &Participant) -> bool {
    match action {
        Action::Expect(expect) => !matches!(expect.what, Expected::Nothing { .. } | Expected::Counted { .. }),
        Action::Call(call) => {
            let Some(verb) = who.spec.protocol.verbs.get(&call.verb) else { return false };
            verb.steps.iter().all(|step| match &step.kind {
                StepKind::Act { actor, action } => actor == "me" && only_looks(action, who),
                StepKind::Check(_) | StepKind::Note(_) => true,
                _ => false,
            })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_named_up_to_a_dozen() {
        assert_eq!(
            tell_of_others(&[("ann", true), ("ben", false), ("cy", true)]),
            "failed for 1 of 3: ben; held for: ann and cy"
        );
        let keys: Vec<String> = (0..14).map(|number| format!("p{number}")).collect();
        let all: Vec<MemberVerdict<'_>> = keys.iter().map(|key| (key.as_str(), false)).collect();
        let told = tell_of_others(&all);
        assert!(told.ends_with("p11 and 2 more; held for: nobody"), "{told}");
    }
}
