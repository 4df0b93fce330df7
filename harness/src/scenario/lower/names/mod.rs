//! Follows the steps of a scenario as they will run, verbs included, and reports names that are used before they
//! are set, connections that can't be told apart, and snapshots that would race with a disconnect.

mod action;
mod doubts;
mod expr;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub(crate) use expr::captured_in;

use crate::scenario::error::{Findings, Severity};
use crate::scenario::model::{Action, Scenario, ServerAction, Step, StepKind};
use crate::scenario::template::Template;
use crate::scenario::visit;
use crate::source::Position;

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
    for stub in scenario.stubs.keys() {
        state.attrs.entry(stub.clone()).or_default().extend(["key", "url", "port"].map(str::to_owned));
        state.actors.insert(stub.clone(), vec![stub.clone()]);
    }
    let columns: BTreeSet<String> =
        scenario.rows.first().map(|row| row.columns.keys().cloned().collect()).unwrap_or_default();
    let texts = scenario.rows.first().into_iter().flat_map(|row| &row.columns);
    let texts = texts.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    let mut walk = Walk { scenario, findings, seen: Seen::default(), told: BTreeSet::new() };
    let top = Frame { locals: columns, texts, ..Frame::default() };
    walk.before_the_start(&top);
    for (key, spec) in &scenario.participants {
        walk.identity(spec, &top);
        let site = Some((spec.at, "identity".to_owned()));
        let mut frame = Frame { me: vec![key.clone()], site, ..top.clone() };
        walk.steps(&spec.protocol.login, &mut frame, &mut state);
    }
    // Who only logged in has not acted.
    walk.seen = Seen::default();
    for template in scenario.server.templates() {
        template.visit(&mut |expr| walk.seen.mention(&expr.source));
    }
    let mut frame = top;
    walk.steps(&scenario.steps, &mut frame, &mut state);
    walk.steps(&scenario.always, &mut frame, &mut state);
    for pattern in &scenario.ignore {
        walk.template(pattern, &frame, &state);
    }
    // A step that couldn't be read may be the one that uses what nothing else does.
    if walk.findings.list.iter().all(|finding| finding.severity != Severity::Error) {
        walk.doubts();
    }
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
    /// Those of them that are known to be a text, with it.
    texts: BTreeMap<String, String>,
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
}

/// What the steps did, for what is told at the end.
#[derive(Debug, Default)]
struct Seen {
    /// Participants who did something.
    acted: BTreeSet<String>,
    /// Captures of the scenario file itself.
    captures: Vec<(Position, String)>,
    /// Every word of every expression, and of the texts that verbs are given.
    mentioned: BTreeSet<String>,
    /// Who is shown by snapshots.
    shown: BTreeSet<String>,
}

impl Seen {
    fn mention(&mut self, text: &str) {
        for word in visit::words(text) {
            if !self.mentioned.contains(word) {
                self.mentioned.insert(word.to_owned());
            }
        }
    }
}

struct Walk<'a, 'f> {
    scenario: &'a Scenario,
    findings: &'f mut Findings,
    seen: Seen,
    /// What was told of a protocol's own templates; each stands in many steps, and is told once.
    told: BTreeSet<String>,
}

impl Walk<'_, '_> {
    fn report(&mut self, frame: &Frame, at: Position, message: String, help: Option<String>) {
        let (at, message) = match &frame.site {
            Some((site, verb)) => (*site, format!("in `{verb}`: {message}")),
            None => (at, message),
        };
        match help {
            Some(help) => self.findings.error_help(at, message, help),
            None => self.findings.error(at, message),
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
                let alone = actor == "me"
                    || self.scenario.stubs.contains_key(actor)
                    || self.scenario.participants.contains_key(actor)
                    || state.singles.contains(actor);
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
                self.race(race, step.at, &members, frame);
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
                let hidden = frame.texts.remove(name);
                let first = values.as_literal().and_then(|values| values.get(0)).and_then(Value::as_str);
                frame.texts.extend(first.map(|text| (name.clone(), text.to_owned())));
                self.steps(steps, frame, state);
                frame.texts.remove(name);
                frame.texts.extend(hidden.map(|text| (name.clone(), text)));
                for (name, _) in added.into_iter().filter(|(_, added)| *added) {
                    frame.locals.remove(name);
                }
            }
            StepKind::Snapshot { name, of, without, unordered } => {
                self.template(name, frame, state);
                self.states(step.at, of, without, frame, state);
                self.names_of_a_snapshot(step.at, unordered, without, frame);
                if let Some(Value::String(literal)) = name.as_literal()
                    && !state.snapshots.insert(crate::text::slug(literal))
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
}

enum Run<'s> {
    One(String, &'s Action, Position),
    Many(&'s [Step]),
}
