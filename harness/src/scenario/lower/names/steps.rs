//! Steps as they will run, verbs included.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::state::{KnownNames, NameContext, Walk};
use crate::scenario::model::{Action, Call, ServerAction, Step, StepKind};
use crate::scenario::template::Template;
use crate::scenario::visit;
use crate::source::Position;
use crate::text::{nearest_word, slug};

impl Walk<'_, '_> {
    pub(super) fn steps(&mut self, steps: &[Step], context: &mut NameContext, state: &mut KnownNames) {
        for step in steps {
            self.step(step, context, state);
        }
    }

    fn step(&mut self, step: &Step, context: &mut NameContext, state: &mut KnownNames) {
        match &step.kind {
            StepKind::Act { actor, action } => {
                let actors = if actor == "me" {
                    context.me.clone()
                } else {
                    state.actors.get(actor).cloned().unwrap_or_default()
                };
                let alone = actor == "me"
                    || self.scenario.stubs.contains_key(actor)
                    || self.scenario.participants.contains_key(actor)
                    || state.singles.contains(actor);
                let shared = !alone;
                for who in actors {
                    let was = context.shared;
                    context.shared |= shared;
                    self.perform(action, step.at, &who, context, state);
                    context.shared = was;
                }
            }
            StepKind::Parallel(branches) => {
                let mut runs = Vec::new();
                for branch in branches {
                    // A group acts at once inside `parallel`: each member is a branch of its own.
                    match &branch[..] {
                        [Step { kind: StepKind::Act { actor, action }, at, .. }] if actor != "me" => {
                            for who in state.actors.get(actor).cloned().unwrap_or_default() {
                                runs.push(ParallelPart::Action(who, action, *at));
                            }
                        }
                        steps => runs.push(ParallelPart::Steps(steps)),
                    }
                }
                self.branches(runs, context, state);
            }
            StepKind::Race(race) => {
                let members = state.actors.get(&race.of).cloned().unwrap_or_default();
                if !race.outcomes.is_empty() && !self.answers(&race.action, &race.of, state) {
                    let message = "`outcomes` speak of an answer, and there is none here".to_owned();
                    let help = "let them do a request, a connect, or a verb with a main step".to_owned();
                    self.report(context, step.at, message, Some(help));
                }
                self.race(race, step.at, &members, context);
                let mut inner = NameContext { shared: true, ..context.clone() };
                for who in &members {
                    self.perform(&race.action, step.at, who, &mut inner, state);
                }
                for outcome in &race.outcomes {
                    if let Some(count) = &outcome.count {
                        self.template(count, context, state);
                    }
                    for who in &members {
                        let mut one = NameContext { me: vec![who.clone()], shared: true, ..context.clone() };
                        self.checks(&outcome.checks, who, &mut one, state);
                    }
                    if let Some(name) = &outcome.name {
                        state.actors.insert(name.clone(), members.clone());
                        let one = outcome.count.as_ref().and_then(Template::as_literal).and_then(Value::as_u64);
                        if one == Some(1) {
                            state.singles.insert(name.clone());
                        }
                    }
                }
            }
            StepKind::Repeat { count, steps } => {
                self.template(count, context, state);
                let added = context.locals.insert("index".to_owned());
                self.steps(steps, context, state);
                if added {
                    context.locals.remove("index");
                }
            }
            StepKind::ForEach { name, values, steps } => {
                self.template(values, context, state);
                let added = [name.as_str(), "index"].map(|name| (name, context.locals.insert(name.to_owned())));
                let hidden = context.texts.remove(name);
                let first = values.as_literal().and_then(|values| values.get(0)).and_then(Value::as_str);
                context.texts.extend(first.map(|text| (name.clone(), text.to_owned())));
                self.steps(steps, context, state);
                context.texts.remove(name);
                context.texts.extend(hidden.map(|text| (name.clone(), text)));
                for (name, _) in added.into_iter().filter(|(_, added)| *added) {
                    context.locals.remove(name);
                }
            }
            StepKind::Snapshot { name, of, without, unordered } => {
                self.template(name, context, state);
                self.states(step.at, of, without, context, state);
                self.names_of_a_snapshot(step.at, unordered, without, context);
                if let Some(Value::String(literal)) = name.as_literal()
                    && !state.snapshots.insert(slug(literal))
                {
                    let message = format!("a snapshot named `{literal}`, or alike, is taken already");
                    self.report(context, step.at, message, Some("names stand once in a scenario".to_owned()));
                }
                if let Some((_, who)) = &state.dropped
                    && self.scenario.participants.len() > 1
                {
                    let message = format!("this snapshot races with the end of `{who}`'s connection");
                    let help = format!("await the frame by which somebody learns that `{who}` is offline before it");
                    self.report(context, step.at, message, Some(help));
                }
            }
            StepKind::Check(expr) => self.expr(expr, context, state),
            StepKind::Note(text) => self.template(text, context, state),
            StepKind::Server(ServerAction::Logged { pattern, .. }) => self.template(pattern, context, state),
            StepKind::Server(ServerAction::Restart | ServerAction::Stop | ServerAction::Kill) => {
                state.dropped = None;
            }
            StepKind::Server(ServerAction::Start) => {}
        }
    }

    fn perform(&mut self, action: &Action, at: Position, who: &str, context: &mut NameContext, state: &mut KnownNames) {
        let me = std::mem::replace(&mut context.me, vec![who.to_owned()]);
        self.seen.acted.insert(who.to_owned());
        match action {
            Action::Call(call) => self.call(call, at, who, context, state),
            _ => self.action(action, at, who, context, state),
        }
        context.me = me;
    }

    fn call(&mut self, call: &Call, at: Position, who: &str, context: &mut NameContext, state: &mut KnownNames) {
        for (_, value) in &call.args {
            self.template(value, context, state);
            value.visit_texts(&mut |text| self.seen.mention(text));
        }
        if let Some(via) = &call.via {
            self.template(via, context, state);
        }
        let scenario = self.scenario;
        let Some(spec) = scenario.participants.get(who) else { return };
        let Some(verb) = spec.protocol.verbs.get(&call.verb) else {
            self.report(context, at, format!("`{who}` knows no verb `{}`", call.verb), None);
            return;
        };
        if call.refused.is_some() && verb.main.is_none() {
            let help = "mark the request it speaks of by `main: true` in the protocol file".to_owned();
            self.report(context, at, format!("`refused`: `{}` has no main step", call.verb), Some(help));
        }
        self.participants_meant(call, at, context, state);
        let texts = call.args.iter().filter_map(|(name, value)| Some((name.clone(), Self::text(value, context)?)));
        let mut inner = NameContext {
            locals: call.args.iter().map(|(name, _)| name.clone()).collect(),
            texts: texts.collect(),
            me: vec![who.to_owned()],
            site: context.site.clone().or_else(|| Some((at, call.verb.clone()))),
            gives: verb.gives.clone(),
            via: call
                .via
                .as_ref()
                .map(|via| via.as_literal().and_then(Value::as_str).map(str::to_owned))
                .map_or_else(|| context.via.clone(), Some),
            since: call.since.clone().or_else(|| context.since.clone()),
            shared: context.shared,
        };
        for (name, default) in &verb.params {
            if let Some(default) = default
                && !call.args.iter().any(|(given, _)| given == name)
            {
                // A default sees what was given and the defaults before it; its own name is the scenario's.
                self.template(default, &inner, state);
                if let Some(text) = Self::text(default, &inner) {
                    inner.texts.insert(name.clone(), text);
                }
            }
            inner.locals.insert(name.clone());
        }
        if call.refused.is_some() {
            let until = verb.main.map_or(0, |main| main + 1);
            let mut ended = state.clone();
            self.steps(&verb.steps[..until.min(verb.steps.len())], &mut inner, &mut ended);
        } else {
            self.steps(&verb.steps, &mut inner, state);
        }
        if let Some(refused) = &call.refused {
            self.checks(refused, who, context, state);
        }
        self.captures(&call.capture, who, context, state);
    }

    /// A literal argument that the verb looks up with `participants[…]` must be one.
    fn participants_meant(&mut self, call: &Call, at: Position, context: &NameContext, state: &KnownNames) {
        let Some(spec) = context.me.first().and_then(|who| self.scenario.participants.get(who)) else { return };
        let Some(verb) = spec.protocol.verbs.get(&call.verb) else { return };
        let mut looked_up = BTreeSet::new();
        visit::expressions(&verb.steps, &mut |expr| {
            for (place, _) in expr.source.match_indices("participants[") {
                let inside = &expr.source[place + "participants[".len()..];
                looked_up.extend(inside.split(']').next().map(|name| name.trim().to_owned()));
            }
        });
        for (name, value) in &call.args {
            if let Some(Value::String(key)) = value.as_literal()
                && looked_up.contains(name)
                && !state.attrs.contains_key(key)
            {
                let known: Vec<&str> = state.attrs.keys().map(String::as_str).collect();
                let help = nearest_word(key, known.iter().copied()).map_or_else(
                    || format!("there are {}", known.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                self.report(
                    context,
                    if context.site.is_some() { at } else { value.at },
                    format!("unknown participant `{key}`"),
                    Some(help),
                );
            }
        }
    }

    /// Whether an action has an answer that the outcomes of a race can be compared with.
    fn answers(&self, action: &Action, actor: &str, state: &KnownNames) -> bool {
        match action {
            Action::Http(_) | Action::Connect(_) => true,
            Action::Call(call) => {
                let first = state.actors.get(actor).and_then(|members| members.first());
                let spec = first.and_then(|who| self.scenario.participants.get(who));
                spec.and_then(|spec| spec.protocol.verbs.get(&call.verb)).is_some_and(|verb| verb.main.is_some())
            }
            _ => false,
        }
    }

    fn branches(&mut self, runs: Vec<ParallelPart<'_>>, context: &mut NameContext, state: &mut KnownNames) {
        let before = std::mem::take(&mut state.captured);
        let start = state.clone();
        let mut seen: BTreeMap<String, Position> = BTreeMap::new();
        for run in runs {
            let mut own = start.clone();
            let mut inner = context.clone();
            match run {
                ParallelPart::Action(who, action, at) => self.perform(action, at, &who, &mut inner, &mut own),
                ParallelPart::Steps(steps) => self.steps(steps, &mut inner, &mut own),
            }
            for (name, at) in own.captured {
                if let Some(first) = seen.get(&name) {
                    let message = format!("two branches capture `{name}` (the other in line {})", first.line);
                    self.report(
                        context,
                        at,
                        message,
                        Some("give them different names: which one would win is a race".to_owned()),
                    );
                }
                seen.insert(name, at);
            }
            state.names.extend(own.names);
            for (who, attrs) in own.attrs {
                state.attrs.entry(who).or_default().extend(attrs);
            }
            for (who, open) in own.open {
                if start.open.get(&who) != Some(&open) {
                    state.open.insert(who, open);
                }
            }
            for (who, marks) in own.marks {
                state.marks.entry(who).or_default().extend(marks);
            }
            state.unclear.extend(own.unclear);
            if own.dropped != start.dropped {
                state.dropped = own.dropped;
            }
        }
        state.captured = before;
        state.captured.extend(seen);
    }
}

/// What runs at once with others.
enum ParallelPart<'s> {
    Action(String, &'s Action, Position),
    Steps(&'s [Step]),
}
