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
