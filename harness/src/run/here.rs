//! Where a step stands: the names that it sees, who acts, and what a call handed in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use super::answer::{Answer, differences};
use super::release::Racer;
use super::world::{Participant, World, lock};
use crate::event::{EventKind, Failure, FailureKind, Place};
use crate::pattern::Pattern;
use crate::plan::randomness::Mix;
use crate::scenario::model::{Checks, RaceOutcome, Step};
use crate::scenario::template::{RenderError, Scope, Template};
use crate::source::Position;

/// What the main step of a verb has to show, where not the file's own checks.
#[derive(Clone)]
pub(crate) enum MainMode {
    /// Its own checks.
    Own,
    /// These, and the verb ends behind it.
    Refused(Arc<Checks>),
    /// None: the answer goes to the race.
    Observed(Arc<Racer>),
    /// Its own checks, at the instant of the race.
    Released(Arc<Racer>),
}

/// Tells that a step has ended.
pub(crate) struct StepEnd {
    world: Arc<World>,
    number: usize,
}

impl Drop for StepEnd {
    fn drop(&mut self) {
        self.world.tell(|| EventKind::StepFinished { number: self.number });
    }
}

/// Where the run stands: the names of this place, the actor, what a call handed in.
#[derive(Clone)]
pub(crate) struct Here {
    pub(crate) world: Arc<World>,
    pub(crate) locals: BTreeMap<String, Value>,
    pub(crate) me: Option<Arc<Participant>>,
    pub(crate) via: Option<String>,
    pub(crate) since: Option<String>,
    pub(crate) within: Option<Duration>,
    pub(crate) gives: Vec<String>,
    pub(crate) in_verb: bool,
    /// Whether several act in this step, so that captures belong to each of them.
    pub(crate) shared: bool,
    pub(crate) main: MainMode,
    /// Whether nobody is asked about steps here: others go on beside them.
    pub(crate) aside: bool,
    /// Whether what already came decides: nothing is awaited, and nothing is told of the steps here.
    pub(crate) at_once: bool,
    /// The running step's number.
    pub(crate) step: usize,
    /// The line of the scenario's own step.
    pub(crate) line: usize,
    pub(crate) depth: usize,
    /// Tells the end of the running step when the last of its places is gone.
    ending: Option<Arc<StepEnd>>,
    /// The step of the scenario file and those inside verbs, outermost first.
    pub(crate) trail: Vec<Place>,
}

impl Scope for Here {
    fn lookup(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.locals.get(name) {
            return Some(value.clone());
        }
        if name == "run" {
            return Some(json!(self.world.run));
        }
        if name == "participants" {
            let all = self.world.participants.iter().map(|(key, participant)| (key.clone(), participant.object()));
            return Some(Value::Object(all.collect()));
        }
        if let Some(participant) = self.one(name) {
            return Some(participant.object());
        }
        if let Some(value) = lock(&self.world.vars).get(name) {
            return Some(value.clone());
        }
        if let Some(value) = self.world.row.columns.get(name) {
            return Some(value.clone());
        }
        self.world.group_value(name)
    }

    fn attribute(&self, name: &str, attribute: &str) -> Option<Value> {
        if !self.is_record(name) {
            return match self.lookup(name)? {
                Value::Object(mut map) => map.remove(attribute),
                _ => None,
            };
        }
        if name == "participants" {
            return self.world.participants.get(attribute).map(|participant| participant.object());
        }
        match self.one(name) {
            Some(participant) => participant.var(attribute),
            // A group: the list of its members' values, where all have one.
            None => self
                .world
                .actors(name)
                .iter()
                .map(|actor| actor.var(attribute))
                .collect::<Option<Vec<_>>>()
                .map(Value::Array),
        }
    }

    fn is_record(&self, name: &str) -> bool {
        if self.locals.contains_key(name) {
            return false;
        }
        name == "participants"
            || self.one(name).is_some()
            || (!lock(&self.world.vars).contains_key(name) && !self.world.actors(name).is_empty())
    }

    fn uuid(&self, at: Position) -> Option<Value> {
        let spot = Mix::new(self.spot()).number(at.line as u64).number(at.column as u64).end();
        Some(json!(self.world.chance.uuid(spot)))
    }

    fn share(&self) -> Arc<dyn Scope> {
        Arc::new(self.clone())
    }
}

impl Here {
    /// What tells this place from others where chance is drawn: the steps that led here, and who acts.
    pub(crate) fn spot(&self) -> u64 {
        let mix = self.trail.iter().fold(Mix::new(0), |mix, place| {
            let file = place.file.file_name().unwrap_or_default().to_string_lossy();
            mix.text(&file).number(place.at.line as u64).number(place.at.column as u64)
        });
        mix.text(self.me.as_ref().map_or("", |me| me.key())).end()
    }

    /// The top of a scenario.
    pub(crate) fn top(world: Arc<World>) -> Self {
        Self {
            world,
            locals: BTreeMap::new(),
            me: None,
            via: None,
            since: None,
            within: None,
            gives: Vec::new(),
            in_verb: false,
            shared: false,
            main: MainMode::Own,
            aside: false,
            at_once: false,
            step: 0,
            line: 0,
            depth: 0,
            ending: None,
            trail: Vec::new(),
        }
    }

    /// The place of a step that begins here.
    pub(crate) fn enter(&self, step: &Step, actor: Option<&str>) -> Self {
        let number = self.world.steps.fetch_add(1, Ordering::Relaxed);
        let mut inner = self.clone();
        let place = Place::new(&step.source, step.at);
        if inner.trail.last() != Some(&place) {
            inner.trail.push(place.clone());
        }
        if !self.in_verb {
            inner.line = step.at.line;
        }
        inner.step = number;
        {
            let mut record = lock(&self.world.record);
            let began = record.entries.len();
            record.step_began.insert(number, began);
        }
        if self.at_once {
            return inner;
        }
        self.world.tell(|| EventKind::StepStarted {
            number,
            parent: (self.depth > 0).then_some(self.step),
            depth: self.depth,
            place,
            actor: actor.map(str::to_owned),
        });
        inner.depth += 1;
        inner.ending = self.world.detail.then(|| Arc::new(StepEnd { world: Arc::clone(&self.world), number }));
        inner
    }

    /// The one participant that a name means: `me`, a key, or what a race gave to one.
    fn one(&self, name: &str) -> Option<Arc<Participant>> {
        if name == "me" {
            return self.me.clone();
        }
        if let Some(participant) = self.world.participants.get(name) {
            return Some(Arc::clone(participant));
        }
        if let Some(stub) = self.world.stubs.get(name) {
            return Some(Arc::clone(&stub.actor));
        }
        match lock(&self.world.given).get(name).map(Vec::as_slice) {
            Some([one]) => self.world.participants.get(one).cloned(),
            _ => None,
        }
    }

    /// Who acts.
    pub(crate) fn actor(&self) -> Result<&Arc<Participant>, Box<Failure>> {
        self.me.as_ref().ok_or_else(|| self.wrong("this step has no actor"))
    }

    /// A failure of this step.
    pub(crate) fn failure(&self, headline: impl Into<String>) -> Box<Failure> {
        self.placed(Failure::new(FailureKind::Expectation, headline))
    }

    /// A mistake of the scenario itself.
    pub(crate) fn wrong(&self, headline: impl Into<String>) -> Box<Failure> {
        self.placed(Failure::new(FailureKind::Scenario, headline))
    }

    fn placed(&self, failure: Failure) -> Box<Failure> {
        let mut failure = Box::new(failure);
        failure.place = self.trail.first().cloned();
        failure.inside = self.trail.iter().skip(1).cloned().collect();
        failure.participant = self.me.as_ref().map(|me| me.key().to_owned());
        failure.step = (self.depth > 0).then_some(self.step);
        failure
    }

    pub(crate) fn render(&self, template: &Template) -> Result<Value, Box<Failure>> {
        template.render(self).map_err(|error| self.unrendered(&error))
    }

    pub(crate) fn text(&self, template: &Template) -> Result<String, Box<Failure>> {
        template.render_text(self).map_err(|error| self.unrendered(&error))
    }

    pub(crate) fn unrendered(&self, error: &RenderError) -> Box<Failure> {
        self.wrong(error.message.clone())
    }

    pub(crate) fn pattern(&self, template: &Template) -> Result<Pattern, Box<Failure>> {
        let value = self.render(template)?;
        Pattern::compile(&value).map_err(|error| self.wrong(format!("not a pattern: {error}")))
    }

    pub(crate) fn patterns(&self, templates: &[Template]) -> Result<Vec<Pattern>, Box<Failure>> {
        templates.iter().map(|template| self.pattern(template)).collect()
    }

    /// Sets a captured name: of the actor always, of the verb it stands in, and of the scenario unless it is given
    /// to the actor or several act.
    pub(crate) fn capture(&mut self, name: &str, value: &Value) {
        if let Some(me) = &self.me {
            lock(&me.vars).insert(name.to_owned(), value.clone());
        }
        if self.in_verb {
            self.locals.insert(name.to_owned(), value.clone());
        }
        if !self.shared && !self.gives.iter().any(|given| given == name) {
            lock(&self.world.vars).insert(name.to_owned(), value.clone());
        }
    }

    /// The outcomes of a race: compares an answer with one of them.
    pub(crate) fn fits(&self, answer: &Answer, outcome: &RaceOutcome) -> Result<Vec<String>, Box<Failure>> {
        differences(self, answer, &outcome.checks, false)
    }
}
