//! What an action does to the names, connections and marks.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Frame, State, Walk};
use crate::scenario::model::{Action, Body, Call, Capture, Checks, Connect, Expected, Http, Outgoing};
use crate::scenario::template::Template;
use crate::scenario::visit;
use crate::source::Position;
use crate::text::nearest_word;

impl Walk<'_, '_> {
    pub(super) fn action(&mut self, action: &Action, at: Position, who: &str, frame: &mut Frame, state: &mut State) {
        let me = std::mem::replace(&mut frame.me, vec![who.to_owned()]);
        self.seen.acted.insert(who.to_owned());
        match action {
            Action::Http(http) => self.http(http, at, who, frame, state),
            Action::Connect(connect) => self.connect(connect, at, who, frame, state),
            Action::Send { frame: outgoing, via } => {
                let (Outgoing::Json(body) | Outgoing::Text(body) | Outgoing::Binary(body)) = outgoing;
                self.template(body, frame, state);
                self.connection(via.as_ref(), at, who, frame, state);
            }
            Action::Close { .. } | Action::Drop { .. } => {
                let via = match action {
                    Action::Close { code, reason, via, .. } => {
                        self.template(code, frame, state);
                        self.template(reason, frame, state);
                        via
                    }
                    Action::Drop { via } => via,
                    _ => &None,
                };
                let name = self.connection(via.as_ref(), at, who, frame, state);
                let open = state.open.entry(who.to_owned()).or_default();
                match name {
                    Some(name) => _ = open.remove(&name),
                    None => open.clear(),
                }
                state.dropped = Some((at, who.to_owned()));
            }
            Action::Closed { pattern, via, .. } => {
                self.template(pattern, frame, state);
                let name = self.connection(via.as_ref(), at, who, frame, state);
                if let Some(name) = name {
                    state.open.entry(who.to_owned()).or_default().remove(&name);
                }
            }
            Action::Reading { via, .. } => _ = self.connection(via.as_ref(), at, who, frame, state),
            Action::Mark { name, via, listen } => {
                self.connection(via.as_ref(), at, who, frame, state);
                self.unproven(listen.is_some(), at, who, frame, state);
                state.marks.entry(who.to_owned()).or_default().insert(name.clone());
            }
            Action::Expect(expect) => {
                for pattern in visit::patterns(&expect.what) {
                    self.template(pattern, frame, state);
                }
                if let Expected::Nothing { listen, .. } | Expected::Counted { listen, .. } = &expect.what {
                    self.unproven(listen.is_some(), at, who, frame, state);
                }
                self.connection(expect.via.as_ref(), at, who, frame, state);
                if let Some(mark) = expect.since.as_ref().or(frame.since.as_ref())
                    && !state.marks.get(who).is_some_and(|marks| marks.contains(mark))
                {
                    let known = state.marks.get(who).cloned().unwrap_or_default();
                    let help = nearest_word(mark, known.iter().map(String::as_str)).map_or_else(
                        || format!("set it before with `- {who}: {{ mark: {mark} }}`"),
                        |near| format!("did you mean `{near}`?"),
                    );
                    self.report(frame, at, format!("`{who}` has no mark `{mark}` here"), Some(help));
                }
                let waits = matches!(
                    expect.what,
                    Expected::One(_)
                        | Expected::Next(_)
                        | Expected::InOrder(_)
                        | Expected::All(_)
                        | Expected::Collect { .. }
                );
                if waits && state.dropped.as_ref().is_some_and(|(_, dropper)| dropper != who) {
                    state.dropped = None;
                }
                self.captures(&expect.capture, who, frame, state);
            }
            Action::Call(call) => self.call(call, at, who, frame, state),
            Action::Stub { action, to } => {
                for template in action.templates().into_iter().chain(to) {
                    self.template(template, frame, state);
                }
            }
        }
        frame.me = me;
    }

    pub(super) fn http(&mut self, http: &Http, at: Position, who: &str, frame: &mut Frame, state: &mut State) {
        self.headers(at, who, frame, state);
        self.template(&http.path, frame, state);
        if let Some(query) = &http.query {
            self.template(query, frame, state);
        }
        for (_, value) in &http.headers {
            self.template(value, frame, state);
        }
        if let Some(body) = &http.body {
            let (Body::Json(body) | Body::Text(body) | Body::Form(body)) = body;
            self.template(body, frame, state);
        }
        self.checks(&http.checks, who, frame, state);
        if http.eventually.is_some() {
            state.dropped = None;
        }
    }

    pub(super) fn connect(&mut self, connect: &Connect, at: Position, who: &str, frame: &mut Frame, state: &mut State) {
        self.headers(at, who, frame, state);
        self.template(&connect.path, frame, state);
        for template in connect
            .query
            .iter()
            .chain(connect.headers.iter().map(|(_, value)| value))
            .chain(&connect.subprotocols)
            .chain(&connect.expect_headers)
        {
            self.template(template, frame, state);
        }
        if let Some(refused) = &connect.refused {
            self.checks(refused, who, frame, state);
            return;
        }
        self.rules_of_a_connection(at, who, frame, state);
        let name = match &connect.name {
            Some(name) => {
                self.template(name, frame, state);
                name.as_literal().and_then(Value::as_str).map(str::to_owned)
            }
            None => frame.via.clone().unwrap_or_else(|| Some("main".to_owned())),
        };
        match name {
            Some(name) => _ = state.open.entry(who.to_owned()).or_default().insert(name),
            None => _ = state.unclear.insert(who.to_owned()),
        }
    }

    /// Which connection is meant; reports when there are several and none is named.
    pub(super) fn connection(
        &mut self,
        via: Option<&Template>,
        at: Position,
        who: &str,
        frame: &Frame,
        state: &State,
    ) -> Option<String> {
        if let Some(via) = via {
            self.template(via, frame, state);
            return via.as_literal().and_then(Value::as_str).map(str::to_owned);
        }
        if let Some(via) = &frame.via {
            return via.clone();
        }
        let open = state.open.get(who)?;
        if open.len() > 1 && !state.unclear.contains(who) {
            let names: Vec<String> = open.iter().map(|name| format!("`{name}`")).collect();
            self.report(
                frame,
                at,
                format!("`{who}` has several connections open: {}", names.join(", ")),
                Some("say which with `via: NAME`".to_owned()),
            );
        }
        if open.len() == 1 { open.first().cloned() } else { None }
    }

    pub(super) fn call(&mut self, call: &Call, at: Position, who: &str, frame: &mut Frame, state: &mut State) {
        for (_, value) in &call.args {
            self.template(value, frame, state);
            value.visit_texts(&mut |text| self.seen.mention(text));
        }
        if let Some(via) = &call.via {
            self.template(via, frame, state);
        }
        let scenario = self.scenario;
        let Some(spec) = scenario.participants.get(who) else { return };
        let Some(verb) = spec.protocol.verbs.get(&call.verb) else {
            self.report(frame, at, format!("`{who}` knows no verb `{}`", call.verb), None);
            return;
        };
        if call.refused.is_some() && verb.main.is_none() {
            let help = "mark the request it speaks of by `main: true` in the protocol file".to_owned();
            self.report(frame, at, format!("`refused`: `{}` has no main step", call.verb), Some(help));
        }
        self.participants_meant(call, at, frame, state);
        let texts = call.args.iter().filter_map(|(name, value)| Some((name.clone(), Self::text(value, frame)?)));
        let mut inner = Frame {
            locals: call.args.iter().map(|(name, _)| name.clone()).collect(),
            texts: texts.collect(),
            me: vec![who.to_owned()],
            site: frame.site.clone().or_else(|| Some((at, call.verb.clone()))),
            gives: verb.gives.clone(),
            via: call
                .via
                .as_ref()
                .map(|via| via.as_literal().and_then(Value::as_str).map(str::to_owned))
                .map_or_else(|| frame.via.clone(), Some),
            since: call.since.clone().or_else(|| frame.since.clone()),
            shared: frame.shared,
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
            self.checks(refused, who, frame, state);
        }
        self.captures(&call.capture, who, frame, state);
    }

    /// A literal argument that the verb looks up with `participants[…]` must be one.
    pub(super) fn participants_meant(&mut self, call: &Call, at: Position, frame: &Frame, state: &State) {
        let Some(spec) = frame.me.first().and_then(|who| self.scenario.participants.get(who)) else { return };
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
                    frame,
                    if frame.site.is_some() { at } else { value.at },
                    format!("unknown participant `{key}`"),
                    Some(help),
                );
            }
        }
    }

    pub(super) fn checks(&mut self, checks: &Checks, who: &str, frame: &mut Frame, state: &mut State) {
        for template in checks.status.iter().chain(&checks.expect).chain(&checks.expect_headers) {
            self.template(template, frame, state);
        }
        self.captures(&checks.capture, who, frame, state);
    }

    pub(super) fn captures(&mut self, captures: &[Capture], who: &str, frame: &mut Frame, state: &mut State) {
        for capture in captures {
            let name = &capture.name;
            if frame.site.is_none() {
                self.seen.captures.push((capture.at, name.clone()));
            }
            if frame.site.is_none() && matches!(name.as_str(), "id" | "key" | "name" | "token") {
                let help = "an identity is set by the protocol's `identity` alone: choose another name".to_owned();
                self.report(
                    frame,
                    capture.at,
                    format!("the capture `{name}` would change who the actor is"),
                    Some(help),
                );
            }
            if state.actors.contains_key(name) {
                self.report(frame, capture.at, format!("the capture `{name}` has the name of a participant"), None);
            }
            state.attrs.entry(who.to_owned()).or_default().insert(name.clone());
            if frame.site.is_some() {
                frame.locals.insert(name.clone());
                frame.texts.remove(name);
            }
            if !frame.gives.contains(name) && !frame.shared {
                state.names.insert(name.clone());
                let at = frame.site.as_ref().map_or(capture.at, |(at, _)| *at);
                state.captured.insert(name.clone(), at);
            }
        }
    }
}
