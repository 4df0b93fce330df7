//! Calls of verbs: what the steps of a verb get, and what is captured behind them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::Failure;
use crate::history::EntryKind;
use crate::run::context::captures::capture;
use crate::run::context::step_context::{CallSettings, MainMode, StepContext};
use crate::scenario::model::{Call, Checks, Verb};
use crate::scenario::template::Template;

/// A call that is about to be played.
pub(super) struct Prepared {
    /// Where the verb's steps stand.
    pub(super) context: StepContext,
    pub(super) verb: Arc<Verb>,
    /// Whether it ends behind the main step: the rest is for those whose main step did what it usually does.
    pub(super) ends_behind_main: bool,
}

/// What the steps of a verb get.
pub(super) fn prepare(context: &StepContext, call: &Call, is_main: bool) -> Result<Prepared, Box<Failure>> {
    let me = context.actor()?;
    let Some(verb) = me.spec.protocol.verbs.get(&call.verb).cloned() else {
        return Err(context.wrong(format!("`{}` knows no verb `{}`", me.key(), call.verb)));
    };
    let mut there = context.clone();
    there.locals = BTreeMap::new();
    for (name, template) in &call.args {
        there.locals.insert(name.clone(), context.render(template)?);
    }
    for (name, default) in &verb.params {
        if let Some(default) = default
            && !there.locals.contains_key(name)
        {
            let value = there.render(default)?;
            there.locals.insert(name.clone(), value);
        }
    }
    there.call = CallSettings {
        in_verb: true,
        via: match &call.via {
            Some(via) => Some(context.text(via)?),
            None => context.call.via.clone(),
        },
        since: call.since.clone().or_else(|| context.call.since.clone()),
        within: call.within.or(context.call.within),
        gives: verb.gives.clone(),
    };
    there.main = match &call.refused {
        Some(checks) => MainMode::Refused(Arc::new(filled(context, checks)?)),
        None if is_main => context.main.clone(),
        None => MainMode::Own,
    };
    let ends_behind_main = matches!(there.main, MainMode::Refused(_) | MainMode::Observed(_));
    if ends_behind_main && verb.main.is_none() {
        return Err(context.wrong(format!("`{}` has no main step that could be refused or raced", call.verb)));
    }
    Ok(Prepared { context: there, verb, ends_behind_main })
}

/// The checks of a `refused`, rendered where the call stands and not inside the verb.
fn filled(context: &StepContext, checks: &Checks) -> Result<Checks, Box<Failure>> {
    let fill = |template: &Option<Template>| -> Result<Option<Template>, Box<Failure>> {
        template.as_ref().map(|template| Ok(Template::literal(template.at, context.render(template)?))).transpose()
    };
    Ok(Checks {
        status: fill(&checks.status)?,
        expect: fill(&checks.expect)?,
        expect_headers: fill(&checks.expect_headers)?,
        capture: checks.capture.clone(),
    })
}

/// `capture` beside a call speaks of the last answer that the actor got.
pub(super) fn capture_from_last(context: &mut StepContext, call: &Call, began: usize) -> Result<(), Box<Failure>> {
    let me = context.actor()?.key().to_owned();
    let last = context
        .world
        .recorder
        .history()
        .entries
        .iter()
        .skip(began)
        .rev()
        .filter(|entry| entry.participant == me)
        .find_map(|entry| match &entry.what {
            EntryKind::Exchange(exchange) => Some(exchange.answer.clone()),
            _ => None,
        });
    let Some(last) = last else { return Err(context.wrong(format!("`capture`: `{}` made no request", call.verb))) };
    capture(context, &last, &call.capture, &call.verb)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::run::testing::{action, at_step, patient, story};
    use crate::scenario::model::Action;

    const VERBS: &str = "
protocol: chat
verbs:
  say:
    takes: { text: hello, to: \"{{ text }} all\" }
    gives: [number]
    steps: [{ me: { send: { text: \"{{ text }}\" } } }, { me: { receive: {}, capture: { number: $.n } } }]
  publish:
    takes: { text: hello }
    steps: [{ me: { post: /messages, json: { text: \"{{ text }}\" } } }]
";

    /// What the steps of the verb get that the first step calls, as ann.
    fn prepared(steps: &str, change: impl FnOnce(&mut StepContext), is_main: bool) -> Result<Prepared, Box<Failure>> {
        let top = patient(VERBS, &story(steps));
        let mut context = at_step(&top, 0, "ann");
        change(&mut context);
        match &*action(&top, 0) {
            Action::Call(call) => prepare(&context, call, is_main),
            other => panic!("{other:?} calls no verb"),
        }
    }

    #[test]
    fn arguments_come_from_the_call_and_defaults_may_use_them() {
        let locals = |steps| prepared(steps, |_| {}, false).unwrap().context.locals;
        assert_eq!(
            locals("{ ann: { say: {} } }"),
            BTreeMap::from([("text".to_owned(), json!("hello")), ("to".to_owned(), json!("hello all"))])
        );
        assert_eq!(locals("{ ann: { say: { text: hi } } }")["to"], json!("hi all"));
        assert_eq!(locals("{ ann: { say: { to: ben } } }")["to"], json!("ben"));
    }

    #[test]
    fn names_of_the_call_are_not_seen_within_the_verb() {
        let within = |context: &mut StepContext| _ = context.locals.insert("index".to_owned(), json!(3));
        let prepared = prepared("{ ann: { say: { text: hi } } }", within, false).unwrap();
        assert!(!prepared.context.locals.contains_key("index"));
        assert_eq!(prepared.context.call.gives, ["number"]);
        assert!(prepared.context.call.in_verb && !prepared.ends_behind_main);
    }

    #[test]
    fn what_the_call_does_not_say_the_call_around_it_does() {
        let outer = |context: &mut StepContext| {
            context.call.via = Some("phone".to_owned());
            context.call.within = Some(Duration::from_secs(1));
            context.call.since = Some("mark".to_owned());
        };
        let inherited = prepared("{ ann: { say: {} } }", outer, false).unwrap().context.call;
        assert_eq!(
            (inherited.via.as_deref(), inherited.within, inherited.since.as_deref()),
            (Some("phone"), Some(Duration::from_secs(1)), Some("mark"))
        );
        let own = prepared("{ ann: { say: {}, via: tablet, within: 2s } }", outer, false).unwrap().context.call;
        assert_eq!((own.via.as_deref(), own.within), (Some("tablet"), Some(Duration::from_secs(2))));
    }

    #[test]
    fn a_refused_call_ends_behind_its_main_step() {
        let refused = prepared("{ ann: { publish: {}, refused: 409 } }", |_| {}, false).unwrap();
        assert!(refused.ends_behind_main);
        let MainMode::Refused(checks) = &refused.context.main else { panic!("it is refused") };
        assert_eq!(checks.status.as_ref().unwrap().as_literal(), Some(&json!(409)));
    }

    #[test]
    fn a_race_speaks_of_the_main_step_of_a_call_that_is_the_main_one() {
        let refuses = |context: &mut StepContext| context.main = MainMode::Refused(Arc::default());
        assert!(prepared("{ ann: { publish: {} } }", refuses, true).unwrap().ends_behind_main);
        assert!(!prepared("{ ann: { publish: {} } }", refuses, false).unwrap().ends_behind_main);
        let failed = prepared("{ ann: { say: {} } }", refuses, true).map(|_| ()).unwrap_err();
        assert_eq!(failed.headline, "`say` has no main step that could be refused or raced");
    }

    #[test]
    fn a_verb_that_the_actors_protocol_lacks_is_told() {
        let top = patient(VERBS, &story("{ ann: { say: {} } }"));
        let call = match &*action(&top, 0) {
            Action::Call(call) => Call { verb: "sing".to_owned(), ..call.clone() },
            other => panic!("{other:?} calls no verb"),
        };
        let failed = prepare(&at_step(&top, 0, "ben"), &call, false).map(|_| ()).unwrap_err();
        assert_eq!(failed.headline, "`ben` knows no verb `sing`");
    }
}
