//! The names that an expression uses.

use std::collections::BTreeSet;

use serde_json::Value;

use super::state::{KnownNames, NameContext, Walk};
use crate::scenario::model::Step;
use crate::scenario::template::functions::{Callable, FUNCTIONS};
use crate::scenario::template::{BUILT_IN, Expr, Template};
use crate::scenario::visit::{self, StepPart};
use crate::text::nearest_word;

impl Walk<'_, '_> {
    pub(super) fn template(&mut self, template: &Template, context: &NameContext, state: &KnownNames) {
        let mut exprs: Vec<Expr> = Vec::new();
        template.visit(&mut |expr| exprs.push(expr.clone()));
        for expr in exprs {
            self.expr(&expr, context, state);
        }
    }

    pub(super) fn expr(&mut self, expr: &Expr, context: &NameContext, state: &KnownNames) {
        self.seen.mention(&expr.source);
        for name in &expr.names {
            let at = expr.place_of(self.findings.source(), name);
            let mut parts = name.split('.');
            let (first, second) = (parts.next().unwrap_or_default(), parts.next());
            if BUILT_IN.contains(&first)
                || matches!(first, "participants" | "run" | "marker" | "watcher")
                || context.locals.contains(first)
            {
                if let (Some(text), Some(attr)) = (context.texts.get(first), second) {
                    let message = format!("`{name}` is nothing: `{first}` is the text {text:?}");
                    let help = if state.attrs.contains_key(text) {
                        format!("the {attr} of the participant that it names is `participants[{first}].{attr}`")
                    } else {
                        format!("`{first}` stands for it; a text has no `.{attr}`")
                    };
                    self.report(context, at, message, Some(help));
                }
                continue;
            }
            let members: &[String] =
                if first == "me" { &context.me } else { state.actors.get(first).map_or(&[], Vec::as_slice) };
            if !members.is_empty() {
                let Some(attr) = second else { continue };
                let known = |who: &String| state.attrs.get(who).is_some_and(|attrs| attrs.contains(attr));
                if !members.iter().all(known) {
                    let have: Vec<&str> =
                        state.attrs.get(&members[0]).into_iter().flatten().map(String::as_str).collect();
                    let help = self.set_later(attr).unwrap_or_else(|| {
                        nearest_word(attr, have.iter().copied()).map_or_else(
                            || format!("set here: {}", have.join(", ")),
                            |near| format!("did you mean `{first}.{near}`?"),
                        )
                    });
                    self.report(context, at, format!("`{name}` is used before it is set"), Some(help));
                }
                continue;
            }
            if state.names.contains(first) {
                continue;
            }
            let help = self.setters(first, state);
            self.report(context, at, format!("`{first}` is used before it is set"), Some(help));
        }
    }

    /// The text that a template is known to give before it is played, where it gives one.
    pub(super) fn text(template: &Template, context: &NameContext) -> Option<String> {
        match (template.as_literal(), template.as_expr()) {
            (Some(Value::String(text)), _) => Some(text.clone()),
            (None, Some(expr)) => context.texts.get(expr.source.trim()).cloned(),
            _ => None,
        }
    }

    /// What could set a name.
    fn setters(&self, name: &str, state: &KnownNames) -> String {
        self.set_later(name).unwrap_or_else(|| {
            let functions = FUNCTIONS.iter().filter(|word| word.kind == Callable::Function).map(|word| word.name);
            let known = state.names.iter().chain(state.actors.keys()).map(String::as_str).chain(functions);
            nearest_word(name, known).map_or_else(
                || "capture it in a step before this one".to_owned(),
                |near| format!("did you mean `{near}`?"),
            )
        })
    }

    /// The verb or the step that sets a name, where there is one.
    fn set_later(&self, name: &str) -> Option<String> {
        let mut verbs = self.scenario.participants.values().flat_map(|spec| spec.protocol.verbs.values());
        if let Some(verb) = verbs.find(|verb| captured_in(&verb.steps).contains(name)) {
            return Some(format!("the verb `{}` sets it: call it before", verb.name));
        }
        captured_in(&self.scenario.steps)
            .contains(name)
            .then(|| "a later step captures it: move that step before this one".to_owned())
    }
}

/// The names that steps capture, nested ones included.
pub(crate) fn captured_in(steps: &[Step]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    visit::steps(steps, &mut |part| {
        if let StepPart::Capture(capture) = part {
            names.insert(capture.name.clone());
        }
    });
    names
}
