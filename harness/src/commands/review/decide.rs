//! Decisions on pending changes, carried out.

use crate::cli::ReviewArgs;
use crate::commands::output::{complain, print, refuse};
use crate::exit::Exit;
use crate::review::decide::{ChangeDecision, Decisions, carry_out, passed_over};
use crate::review::{Review, screen};
use crate::text::paint::Paint;

/// Takes the decisions of `--accept` and `--reject`.
pub(super) fn decide(review: &Review, args: &ReviewArgs, paint: Paint) -> Exit {
    let mut decisions = Decisions::default();
    let accepts = args.accept.iter().map(|pattern| (pattern, ChangeDecision::Accept));
    for (pattern, decision) in accepts.chain(args.reject.iter().map(|pattern| (pattern, ChangeDecision::Reject))) {
        let matched = decisions.matching(review, pattern, decision);
        let over = if decision == ChangeDecision::Accept { passed_over(review, pattern) } else { Vec::new() };
        for group in &over {
            let (id, meaning) = (&group.id, &group.meaning);
            let line = format!("`{pattern}` takes no outlier along: {meaning} (`--accept {id}` takes it)");
            if matched.is_empty() {
                complain(&line);
            } else {
                print(&format!("{line}\n"));
            }
        }
        if matched.is_empty() && !over.is_empty() {
            return Exit::Nothing;
        }
        if matched.is_empty() {
            complain(&format!("`{pattern}` matches nothing that is pending (`roundtable review --list` shows it)"));
            return Exit::Nothing;
        }
        let word = if decision == ChangeDecision::Accept { "accept" } else { "reject" };
        print(&format!("{word} `{pattern}`:\n"));
        print(&matched.iter().map(|one| format!("  {one}\n")).collect::<String>());
    }
    finish(review, &decisions, args, args.force, paint)
}

/// Carries decisions out and prints the result.
pub(super) fn finish(review: &Review, decisions: &Decisions, args: &ReviewArgs, force: bool, paint: Paint) -> Exit {
    match carry_out(review, decisions, args.from.is_some(), force) {
        Ok(done) => {
            print(&screen::carried_out_text(review, decisions, &done, paint));
            if done.stale.is_empty() { Exit::Passed } else { Exit::Failed }
        }
        Err(error) => refuse(&error.to_string()),
    }
}
