//! Follows the steps of a scenario as they will run, verbs included, and reports names that are used before they
//! are set, connections that can't be told apart, and snapshots that would race with a disconnect.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::scenario::error::{Findings, Position, nearest_word};
use crate::scenario::model::{
    Action, Call, Capture, Checks, Connect, Expected, Http, Outgoing, Scenario, ServerAction, Step, StepKind,
};
use crate::scenario::template::{BUILT_IN, Expr, Template};

/// Checks one scenario.
pub(super) fn check(scenario: &Scenario, findings: &mut Findings) {
    let mut state = State::default();
    for (key, spec) in &scenario.participants {
        let attrs = state.attrs.entry(key.clone()).or_default();
        attrs.extend(["id", "key", "name", "token"].map(str::to_owned));
        attrs.extend(spec.protocol.identity.keys().cloned());
        attrs.extend(spec.identity.keys().cloned());
    }
    for key in scenario.participants.keys() {
        state.actors.insert(key.clone(), vec![key.clone()]);
    }
    for (group, members) in &scenario.groups {
        state.actors.insert(group.clone(), members.clone());
    }
    state.actors.insert("all".to_owned(), scenario.participants.keys().cloned().collect());
    let columns = scenario.rows.first().map(|row| row.columns.keys().cloned().collect()).unwrap_or_default();
    let mut walk = Walk { scenario, findings };
    let top = Frame { locals: columns, ..Frame::default() };
    for (key, spec) in &scenario.participants {
        let mut frame = Frame { me: vec![key.clone()], silent: true, ..top.clone() };
        walk.steps(&spec.protocol.login, &mut frame, &mut state);
    }
    walk.findings_of_headers(&top);
    let mut frame = top;
    walk.steps(&scenario.steps, &mut frame, &mut state);
    walk.steps(&scenario.always, &mut frame, &mut state);
}

/// What is set so far.
#[derive(Debug, Clone, Default)]
struct State {
    /// Who acts under a name.
    actors: BTreeMap<String, Vec<String>>,
    /// Names that a race gives to exactly one.
    singles: BTreeSet<String>,
    /// Names of the scenario.
    names: BTreeSet<String>,
    /// Names of each participant.
    attrs: BTreeMap<String, BTreeSet<String>>,
    /// Names that were captured since this was emptied, for branches.
    captured: BTreeMap<String, Position>,
    /// Open connections; none of a participant whose connections' names aren't known.
    open: BTreeMap<String, BTreeSet<String>>,
    /// Participants with connections whose names come from templates.
    unclear: BTreeSet<String>,
    /// Marks.
    marks: BTreeMap<String, BTreeSet<String>>,
    /// Snapshots by the file that they are stored in.
    snapshots: BTreeSet<String>,
    /// Who ended a connection that nobody has noticed since.
    dropped: Option<(Position, String)>,
}

/// Where the walk stands: at the top, or in a verb.
#[derive(Debug, Clone, Default)]
struct Frame {
    /// Names of this place: columns, loop values, parameters, what the verb itself captured.
    locals: BTreeSet<String>,
    /// Who `me` is; empty at the top.
    me: Vec<String>,
    /// The call from the scenario file, to which errors inside the verb are reported.
    site: Option<(Position, String)>,
    /// What captures of this verb belong to the actor alone.
    gives: Vec<String>,
    /// The connection that the call named.
    via: Option<Option<String>>,
    /// The mark that the call named.
    since: Option<String>,
    /// Whether several act at once, so that captures belong to each of them.
    shared: bool,
    /// Whether errors are left to other places.
    silent: bool,
}

struct Walk<'a, 'f> {
    scenario: &'a Scenario,
    findings: &'f mut Findings,
}

impl Walk<'_, '_> {
    fn report(&mut self, frame: &Frame, at: Position, message: String, help: Option<String>) {
        if frame.silent {
            return;
        }
        let (at, message) = match &frame.site {
            Some((site, verb)) => (*site, format!("in `{verb}`: {message}")),
            None => (at, message),
        };
        match help {
            Some(help) => self.findings.error_help(at, message, help),
            None => self.findings.error(at, message),
        }
    }

    fn findings_of_headers(&mut self, top: &Frame) {
        let scenario = self.scenario;
        let mut state = State::default();
        for (key, spec) in &scenario.participants {
            let mut known: BTreeSet<String> = ["id", "key", "name", "token"].map(str::to_owned).into();
            known.extend(spec.protocol.identity.keys().cloned());
            known.extend(spec.identity.keys().cloned());
            state.attrs.insert(key.clone(), known);
            state.actors.insert(key.clone(), vec![key.clone()]);
            let frame = Frame { me: vec![key.clone()], locals: top.locals.clone(), ..Frame::default() };
            for (_, template) in &spec.headers {
                self.template(template, &frame, &state);
            }
        }
    }

    fn steps(&mut self, steps: &[Step], frame: &mut Frame, state: &mut State) {
        for step in steps {
            self.step(step, frame, state);
        }
    }

    fn step(&mut self, step: &Step, frame: &mut Frame, state: &mut State) {
        match &step.kind {
            StepKind::Act { actor, action } => {
                let actors =
                    if actor == "me" { frame.me.clone() } else { state.actors.get(actor).cloned().unwrap_or_default() };
                let alone =
                    actor == "me" || self.scenario.participants.contains_key(actor) || state.singles.contains(actor);
                let shared = !alone;
                for who in actors {
                    let was = frame.shared;
                    frame.shared |= shared;
                    self.action(action, step.at, &who, frame, state);
                    frame.shared = was;
                }
            }
            StepKind::Parallel(branches) => {
                let mut runs = Vec::new();
                for branch in branches {
                    // A group acts at once inside `parallel`: each member is a branch of its own.
                    match &branch[..] {
                        [Step { kind: StepKind::Act { actor, action }, at, .. }] if actor != "me" => {
                            for who in state.actors.get(actor).cloned().unwrap_or_default() {
                                runs.push(Run::One(who, action, *at));
                            }
                        }
                        steps => runs.push(Run::Many(steps)),
                    }
                }
                self.branches(runs, frame, state);
            }
            StepKind::Race(race) => {
                let members = state.actors.get(&race.of).cloned().unwrap_or_default();
                if !race.outcomes.is_empty() && !self.answers(&race.action, &race.of, state) {
                    let message = "`outcomes` speak of an answer, and there is none here".to_owned();
                    let help = "let them do a request, a connect, or a verb with a main step".to_owned();
                    self.report(frame, step.at, message, Some(help));
                }
                let mut inner = Frame { shared: true, ..frame.clone() };
                for who in &members {
                    self.action(&race.action, step.at, who, &mut inner, state);
                }
                for outcome in &race.outcomes {
                    if let Some(count) = &outcome.count {
                        self.template(count, frame, state);
                    }
                    for who in &members {
                        let mut one = Frame { me: vec![who.clone()], shared: true, ..frame.clone() };
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
                self.template(count, frame, state);
                let added = frame.locals.insert("index".to_owned());
                self.steps(steps, frame, state);
                if added {
                    frame.locals.remove("index");
                }
            }
            StepKind::ForEach { name, values, steps } => {
                self.template(values, frame, state);
                let added = [name.as_str(), "index"].map(|name| (name, frame.locals.insert(name.to_owned())));
                self.steps(steps, frame, state);
                for (name, _) in added.into_iter().filter(|(_, added)| *added) {
                    frame.locals.remove(name);
                }
            }
            StepKind::Snapshot { name, .. } => {
                self.template(name, frame, state);
                if let Some(Value::String(literal)) = name.as_literal()
                    && !state.snapshots.insert(crate::snapshot::store::slug(literal))
                {
                    let message = format!("a snapshot named `{literal}`, or alike, is taken already");
                    self.report(frame, step.at, message, Some("names stand once in a scenario".to_owned()));
                }
                if let Some((_, who)) = &state.dropped
                    && self.scenario.participants.len() > 1
                {
                    let message = format!("this snapshot races with the end of `{who}`'s connection");
                    let help = format!("await the frame by which somebody learns that `{who}` is offline before it");
                    self.report(frame, step.at, message, Some(help));
                }
            }
            StepKind::Check(expr) => self.expr(expr, frame, state),
            StepKind::Note(text) => self.template(text, frame, state),
            StepKind::Server(ServerAction::Logged { pattern, .. }) => self.template(pattern, frame, state),
            StepKind::Server(ServerAction::Restart | ServerAction::Stop | ServerAction::Kill) => {
                state.dropped = None;
            }
            StepKind::Server(ServerAction::Start) => {}
        }
    }

    /// Whether an action has an answer that the outcomes of a race can be compared with.
    fn answers(&self, action: &Action, actor: &str, state: &State) -> bool {
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

    fn branches(&mut self, runs: Vec<Run<'_>>, frame: &mut Frame, state: &mut State) {
        let before = std::mem::take(&mut state.captured);
        let start = state.clone();
        let mut seen: BTreeMap<String, Position> = BTreeMap::new();
        for run in runs {
            let mut own = start.clone();
            let mut inner = frame.clone();
            match run {
                Run::One(who, action, at) => self.action(action, at, &who, &mut inner, &mut own),
                Run::Many(steps) => self.steps(steps, &mut inner, &mut own),
            }
            for (name, at) in own.captured {
                if let Some(first) = seen.get(&name) {
                    let message = format!("two branches capture `{name}` (the other in line {})", first.line);
                    self.report(
                        frame,
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

    fn action(&mut self, action: &Action, at: Position, who: &str, frame: &mut Frame, state: &mut State) {
        let me = std::mem::replace(&mut frame.me, vec![who.to_owned()]);
        match action {
            Action::Http(http) => self.http(http, who, frame, state),
            Action::Connect(connect) => self.connect(connect, who, frame, state),
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
            Action::Mark { name, via, .. } => {
                self.connection(via.as_ref(), at, who, frame, state);
                state.marks.entry(who.to_owned()).or_default().insert(name.clone());
            }
            Action::Expect(expect) => {
                let patterns: Vec<&Template> = match &expect.what {
                    Expected::One(pattern) | Expected::Next(pattern) | Expected::Nothing { pattern, .. } => {
                        vec![pattern]
                    }
                    Expected::InOrder(list) | Expected::All(list) => list.iter().collect(),
                    Expected::Counted { pattern, times, .. } => vec![pattern, times],
                };
                for pattern in patterns {
                    self.template(pattern, frame, state);
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
                    Expected::One(_) | Expected::Next(_) | Expected::InOrder(_) | Expected::All(_)
                );
                if waits && state.dropped.as_ref().is_some_and(|(_, dropper)| dropper != who) {
                    state.dropped = None;
                }
                self.captures(&expect.capture, who, frame, state);
            }
            Action::Call(call) => self.call(call, at, who, frame, state),
        }
        frame.me = me;
    }

    fn http(&mut self, http: &Http, who: &str, frame: &mut Frame, state: &mut State) {
        self.template(&http.path, frame, state);
        if let Some(query) = &http.query {
            self.template(query, frame, state);
        }
        for (_, value) in &http.headers {
            self.template(value, frame, state);
        }
        if let Some(body) = &http.body {
            let (crate::scenario::model::Body::Json(body)
            | crate::scenario::model::Body::Text(body)
            | crate::scenario::model::Body::Form(body)) = body;
            self.template(body, frame, state);
        }
        self.checks(&http.checks, who, frame, state);
        if http.eventually.is_some() {
            state.dropped = None;
        }
    }

    fn connect(&mut self, connect: &Connect, who: &str, frame: &mut Frame, state: &mut State) {
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
    fn connection(
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

    fn call(&mut self, call: &Call, at: Position, who: &str, frame: &mut Frame, state: &mut State) {
        for (_, value) in &call.args {
            self.template(value, frame, state);
        }
        if let Some(via) = &call.via {
            self.template(via, frame, state);
        }
        let Some(spec) = self.scenario.participants.get(who) else { return };
        let Some(verb) = spec.protocol.verbs.get(&call.verb) else {
            self.report(frame, at, format!("`{who}` knows no verb `{}`", call.verb), None);
            return;
        };
        if call.refused.is_some() && verb.main.is_none() {
            let help = "mark the request it speaks of by `main: true` in the protocol file".to_owned();
            self.report(frame, at, format!("`refused`: `{}` has no main step", call.verb), Some(help));
        }
        self.participants_meant(call, at, frame, state);
        let mut inner = Frame {
            locals: call.args.iter().map(|(name, _)| name.clone()).collect(),
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
            silent: frame.silent,
        };
        for (name, default) in &verb.params {
            if let Some(default) = default
                && !call.args.iter().any(|(given, _)| given == name)
            {
                // A default sees what was given and the defaults before it; its own name is the scenario's.
                self.template(default, &inner, state);
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
    fn participants_meant(&mut self, call: &Call, at: Position, frame: &Frame, state: &State) {
        let Some(spec) = frame.me.first().and_then(|who| self.scenario.participants.get(who)) else { return };
        let Some(verb) = spec.protocol.verbs.get(&call.verb) else { return };
        let mut looked_up = BTreeSet::new();
        visit_steps(&verb.steps, &mut |expr| {
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

    fn checks(&mut self, checks: &Checks, who: &str, frame: &mut Frame, state: &mut State) {
        for template in checks.status.iter().chain(&checks.expect).chain(&checks.expect_headers) {
            self.template(template, frame, state);
        }
        self.captures(&checks.capture, who, frame, state);
    }

    fn captures(&mut self, captures: &[Capture], who: &str, frame: &mut Frame, state: &mut State) {
        for capture in captures {
            let name = &capture.name;
            if frame.site.is_none() && !frame.silent && matches!(name.as_str(), "id" | "key" | "name" | "token") {
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
            }
            if !frame.gives.contains(name) && !frame.shared {
                state.names.insert(name.clone());
                let at = frame.site.as_ref().map_or(capture.at, |(at, _)| *at);
                state.captured.insert(name.clone(), at);
            }
        }
    }

    fn template(&mut self, template: &Template, frame: &Frame, state: &State) {
        let mut exprs: Vec<Expr> = Vec::new();
        template.visit(&mut |expr| exprs.push(expr.clone()));
        for expr in exprs {
            self.expr(&expr, frame, state);
        }
    }

    fn expr(&mut self, expr: &Expr, frame: &Frame, state: &State) {
        for name in &expr.names {
            let mut parts = name.split('.');
            let (first, second) = (parts.next().unwrap_or_default(), parts.next());
            if BUILT_IN.contains(&first)
                || matches!(first, "participants" | "run" | "marker" | "watcher")
                || frame.locals.contains(first)
            {
                continue;
            }
            let members: &[String] =
                if first == "me" { &frame.me } else { state.actors.get(first).map_or(&[], Vec::as_slice) };
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
                    self.report(frame, expr.at, format!("`{name}` is used before it is set"), Some(help));
                }
                continue;
            }
            if state.names.contains(first) {
                continue;
            }
            let help = self.setters(first, state);
            self.report(frame, expr.at, format!("`{first}` is used before it is set"), Some(help));
        }
    }

    /// What could set a name.
    fn setters(&self, name: &str, state: &State) -> String {
        self.set_later(name).unwrap_or_else(|| {
            let known = state.names.iter().chain(state.actors.keys()).map(String::as_str);
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

enum Run<'s> {
    One(String, &'s Action, Position),
    Many(&'s [Step]),
}

/// The names that steps capture, nested ones included.
fn captured_in(steps: &[Step]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for step in steps {
        let captures: &[Capture] = match &step.kind {
            StepKind::Act { action, .. } => match action.as_ref() {
                Action::Http(http) => &http.checks.capture,
                Action::Expect(expect) => &expect.capture,
                Action::Call(call) => &call.capture,
                _ => &[],
            },
            StepKind::Parallel(branches) => {
                names.extend(branches.iter().flat_map(|branch| captured_in(branch)));
                &[]
            }
            StepKind::Repeat { steps, .. } | StepKind::ForEach { steps, .. } => {
                names.extend(captured_in(steps));
                &[]
            }
            _ => &[],
        };
        names.extend(captures.iter().map(|capture| capture.name.clone()));
    }
    names
}

/// Every expression of the actions of some steps.
fn visit_steps(steps: &[Step], visit: &mut dyn FnMut(&Expr)) {
    for step in steps {
        match &step.kind {
            StepKind::Act { action, .. } => visit_action(action, visit),
            StepKind::Parallel(branches) => branches.iter().for_each(|branch| visit_steps(branch, visit)),
            StepKind::Repeat { steps, .. } | StepKind::ForEach { steps, .. } => visit_steps(steps, visit),
            _ => {}
        }
    }
}

fn visit_action(action: &Action, visit: &mut dyn FnMut(&Expr)) {
    use crate::scenario::model::Body;
    match action {
        Action::Http(http) => {
            http.path.visit(visit);
            let body = http.body.as_ref().map(|body| match body {
                Body::Json(body) | Body::Text(body) | Body::Form(body) => body,
            });
            for template in http
                .query
                .iter()
                .chain(body)
                .chain(&http.checks.expect)
                .chain(http.headers.iter().map(|(_, value)| value))
            {
                template.visit(visit);
            }
        }
        Action::Send { frame: Outgoing::Json(body) | Outgoing::Text(body) | Outgoing::Binary(body), .. } => {
            body.visit(visit);
        }
        Action::Expect(expect) => match &expect.what {
            Expected::One(pattern)
            | Expected::Next(pattern)
            | Expected::Nothing { pattern, .. }
            | Expected::Counted { pattern, .. } => pattern.visit(visit),
            Expected::InOrder(list) | Expected::All(list) => list.iter().for_each(|pattern| pattern.visit(visit)),
        },
        Action::Call(call) => call.args.iter().for_each(|(_, value)| value.visit(visit)),
        _ => {}
    }
}
