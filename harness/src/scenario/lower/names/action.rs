//! What an action does to the names, connections and marks.

use serde_json::Value;

use super::state::{KnownNames, NameContext, Walk};
use crate::scenario::model::{Action, Body, Capture, Checks, Connect, Expected, Http, OutgoingFrame};
use crate::scenario::template::Template;
use crate::scenario::visit;
use crate::source::Position;
use crate::text::nearest_word;

impl Walk<'_, '_> {
    /// Any action but the call of a verb.
    pub(super) fn action(
        &mut self,
        action: &Action,
        at: Position,
        who: &str,
        context: &mut NameContext,
        state: &mut KnownNames,
    ) {
        match action {
            Action::Http(http) => self.http(http, at, who, context, state),
            Action::Connect(connect) => self.connect(connect, at, who, context, state),
            Action::Send { frame: outgoing, via } => {
                let (OutgoingFrame::Json(body) | OutgoingFrame::Text(body) | OutgoingFrame::Binary(body)) = outgoing;
                self.template(body, context, state);
                self.connection(via.as_ref(), at, who, context, state);
            }
            Action::Close { .. } | Action::Drop { .. } => {
                let via = match action {
                    Action::Close { code, reason, via, .. } => {
                        self.template(code, context, state);
                        self.template(reason, context, state);
                        via
                    }
                    Action::Drop { via } => via,
                    _ => &None,
                };
                let name = self.connection(via.as_ref(), at, who, context, state);
                let open = state.open.entry(who.to_owned()).or_default();
                match name {
                    Some(name) => _ = open.remove(&name),
                    None => open.clear(),
                }
                state.dropped = Some((at, who.to_owned()));
            }
            Action::Closed { pattern, via, .. } => {
                self.template(pattern, context, state);
                let name = self.connection(via.as_ref(), at, who, context, state);
                if let Some(name) = name {
                    state.open.entry(who.to_owned()).or_default().remove(&name);
                }
            }
            Action::Reading { via, .. } => _ = self.connection(via.as_ref(), at, who, context, state),
            Action::Mark { name, via, listen } => {
                self.connection(via.as_ref(), at, who, context, state);
                self.unproven(listen.is_some(), at, who, context, state);
                state.marks.entry(who.to_owned()).or_default().insert(name.clone());
            }
            Action::Expect(expect) => {
                for pattern in visit::patterns(&expect.what) {
                    self.template(pattern, context, state);
                }
                if let Expected::Nothing { listen, .. } | Expected::Counted { listen, .. } = &expect.what {
                    self.unproven(listen.is_some(), at, who, context, state);
                }
                self.connection(expect.via.as_ref(), at, who, context, state);
                if let Some(mark) = expect.since.as_ref().or(context.since.as_ref())
                    && !state.marks.get(who).is_some_and(|marks| marks.contains(mark))
                {
                    let known = state.marks.get(who).cloned().unwrap_or_default();
                    let help = nearest_word(mark, known.iter().map(String::as_str)).map_or_else(
                        || format!("set it before with `- {who}: {{ mark: {mark} }}`"),
                        |near| format!("did you mean `{near}`?"),
                    );
                    self.report(context, at, format!("`{who}` has no mark `{mark}` here"), Some(help));
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
                self.captures(&expect.capture, who, context, state);
            }
            // Its steps are followed where steps are.
            Action::Call(_) => {}
            Action::Stub { action, to } => {
                for template in action.templates().into_iter().chain(to) {
                    self.template(template, context, state);
                }
            }
        }
    }

    fn http(&mut self, http: &Http, at: Position, who: &str, context: &mut NameContext, state: &mut KnownNames) {
        self.headers(at, who, context, state);
        self.template(&http.path, context, state);
        if let Some(query) = &http.query {
            self.template(query, context, state);
        }
        for (_, value) in &http.headers {
            self.template(value, context, state);
        }
        if let Some(body) = &http.body {
            let (Body::Json(body) | Body::Text(body) | Body::Form(body)) = body;
            self.template(body, context, state);
        }
        self.checks(&http.checks, who, context, state);
        if http.eventually.is_some() {
            state.dropped = None;
        }
    }

    fn connect(
        &mut self,
        connect: &Connect,
        at: Position,
        who: &str,
        context: &mut NameContext,
        state: &mut KnownNames,
    ) {
        self.headers(at, who, context, state);
        self.template(&connect.path, context, state);
        for template in connect
            .query
            .iter()
            .chain(connect.headers.iter().map(|(_, value)| value))
            .chain(&connect.subprotocols)
            .chain(&connect.expect_headers)
        {
            self.template(template, context, state);
        }
        if let Some(refused) = &connect.refused {
            self.checks(refused, who, context, state);
            return;
        }
        self.rules_of_a_connection(at, who, context, state);
        let name = match &connect.name {
            Some(name) => {
                self.template(name, context, state);
                name.as_literal().and_then(Value::as_str).map(str::to_owned)
            }
            None => context.via.clone().unwrap_or_else(|| Some("main".to_owned())),
        };
        match name {
            Some(name) => _ = state.open.entry(who.to_owned()).or_default().insert(name),
            None => _ = state.unclear.insert(who.to_owned()),
        }
    }

    /// Which connection is meant; reports when there are several and none is named.
    fn connection(
        &mut self,
        via: Option<&Template>,
        at: Position,
        who: &str,
        context: &NameContext,
        state: &KnownNames,
    ) -> Option<String> {
        if let Some(via) = via {
            self.template(via, context, state);
            return via.as_literal().and_then(Value::as_str).map(str::to_owned);
        }
        if let Some(via) = &context.via {
            return via.clone();
        }
        let open = state.open.get(who)?;
        if open.len() > 1 && !state.unclear.contains(who) {
            let names: Vec<String> = open.iter().map(|name| format!("`{name}`")).collect();
            self.report(
                context,
                at,
                format!("`{who}` has several connections open: {}", names.join(", ")),
                Some("say which with `via: NAME`".to_owned()),
            );
        }
        if open.len() == 1 { open.first().cloned() } else { None }
    }

    pub(super) fn checks(&mut self, checks: &Checks, who: &str, context: &mut NameContext, state: &mut KnownNames) {
        for template in checks.status.iter().chain(&checks.expect).chain(&checks.expect_headers) {
            self.template(template, context, state);
        }
        self.captures(&checks.capture, who, context, state);
    }

    pub(super) fn captures(
        &mut self,
        captures: &[Capture],
        who: &str,
        context: &mut NameContext,
        state: &mut KnownNames,
    ) {
        for capture in captures {
            let name = &capture.name;
            if context.site.is_none() {
                self.seen.captures.push((capture.at, name.clone()));
            }
            if context.site.is_none() && matches!(name.as_str(), "id" | "key" | "name" | "token") {
                let help = "an identity is set by the protocol's `identity` alone: choose another name".to_owned();
                self.report(
                    context,
                    capture.at,
                    format!("the capture `{name}` would change who the actor is"),
                    Some(help),
                );
            }
            if state.actors.contains_key(name) {
                self.report(context, capture.at, format!("the capture `{name}` has the name of a participant"), None);
            }
            state.attrs.entry(who.to_owned()).or_default().insert(name.clone());
            if context.site.is_some() {
                context.locals.insert(name.clone());
                context.texts.remove(name);
            }
            if !context.gives.contains(name) && !context.shared {
                state.names.insert(name.clone());
                let at = context.site.as_ref().map_or(capture.at, |(at, _)| *at);
                state.captured.insert(name.clone(), at);
            }
        }
    }
}
