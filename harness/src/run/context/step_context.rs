//! Where a step stands: who acts, the names that it sees, what a call handed in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::step_place::StepPlace;
use crate::event::{EventKind, Failure, FailureKind, Place};
use crate::lock::lock;
use crate::pattern::Pattern;
use crate::plan::randomness::StableHash;
use crate::run::state::participant::Participant;
use crate::run::state::progress::WaitGuard;
use crate::run::state::release::Racer;
use crate::run::state::world::{CapturedValue, World};
use crate::scenario::model::{Action, Checks, Step};
use crate::scenario::template::{RenderError, Template, as_text};

/// The result of a step: success, or one failure per failed branch, in file order.
pub(crate) type StepResult = Result<(), Vec<Failure>>;

/// Plays an action of the protocol's own, which a barrier needs: steps stand above barriers.
pub(crate) type PlayAction = for<'a> fn(&'a mut StepContext, &'a Action) -> BoxFuture<'a, StepResult>;

/// What becomes of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is played.
    Play,
    /// It is left out.
    Skip,
    /// The run ends.
    End,
}

/// Is asked before every step.
pub(crate) trait Debugger: Send + Sync {
    /// What becomes of a step.
    fn before<'a>(&'a self, context: &'a StepContext, step: &'a Step) -> BoxFuture<'a, Decision>;
}

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

/// What a call of a verb hands to the steps of the verb.
#[derive(Clone, Default)]
pub(crate) struct CallSettings {
    /// Whether the step stands in a verb.
    pub(crate) in_verb: bool,
    /// The connection that is meant where a step names none.
    pub(crate) via: Option<String>,
    /// The mark from which on frames count.
    pub(crate) since: Option<String>,
    /// Another deadline than the default.
    pub(crate) within: Option<Duration>,
    /// Captures that belong to the actor alone.
    pub(crate) gives: Vec<String>,
}

/// How a step takes part in what goes on beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// The step waits for frames, and the debugger may stop before it.
    Usual,
    /// No debugger stops: it runs in parallel with others (a branch, a race, a marker).
    Beside,
    /// Judges only what has already arrived: no waiting, and no step events.
    AtOnce,
}

/// The current place in the run.
#[derive(Clone)]
pub(crate) struct StepContext {
    pub(crate) world: Arc<World>,
    pub(crate) debugger: Option<Arc<dyn Debugger>>,
    pub(crate) play_action: PlayAction,
    /// Names of this place: parameters of a verb, the value of `for_each`.
    pub(crate) locals: BTreeMap<String, Value>,
    /// Who acts.
    pub(crate) me: Option<Arc<Participant>>,
    /// Whether several act in this step, so that captures belong to each of them.
    pub(crate) shared: bool,
    pub(crate) call: CallSettings,
    pub(crate) main: MainMode,
    pub(crate) pace: Pace,
    pub(crate) place: StepPlace,
}

impl StepContext {
    /// The top of a scenario.
    pub(crate) fn top(world: Arc<World>, debugger: Option<Arc<dyn Debugger>>, play_action: PlayAction) -> Self {
        Self {
            world,
            debugger,
            play_action,
            locals: BTreeMap::new(),
            me: None,
            shared: false,
            call: CallSettings::default(),
            main: MainMode::Own,
            pace: Pace::Usual,
            place: StepPlace::default(),
        }
    }

    /// The same place with somebody acting.
    pub(crate) fn acting(&self, participant: &Arc<Participant>) -> Self {
        Self { me: Some(Arc::clone(participant)), ..self.clone() }
    }

    /// A branch that goes on beside others: what happens in it has an order of its own.
    pub(crate) fn branch(&self) -> Self {
        Self { place: self.place.within(), ..self.clone() }
    }

    /// The place of a step that begins here.
    pub(crate) fn enter(&self, step: &Step, actor: Option<&str>) -> Self {
        let recorder = &self.world.recorder;
        let mut inner = self.branch();
        let number = recorder.next_step(inner.place.order());
        let place = Place::new(&step.source, step.at);
        if inner.place.trail.last() != Some(&place) {
            inner.place.trail.push(place.clone());
        }
        if !self.call.in_verb {
            inner.place.line = step.at.line;
            recorder.begins(step.at.line);
        }
        inner.place.number = number;
        if self.pace == Pace::AtOnce {
            return inner;
        }
        recorder.tell(|| EventKind::StepStarted {
            number,
            parent: self.place.current(),
            depth: self.place.depth,
            place,
            actor: actor.map(str::to_owned),
        });
        inner.place.depth += 1;
        inner.place.tell_end(recorder);
        inner
    }

    /// Continues in parallel with others: the debugger no longer stops here.
    pub(crate) fn go_beside(&mut self) {
        if self.pace == Pace::Usual {
            self.pace = Pace::Beside;
        }
    }

    /// What tells this place from others where something is drawn: the steps that led here, and who acts.
    pub(crate) fn spot(&self) -> u64 {
        let mix = self.place.trail.iter().fold(StableHash::new(0), |mix, place| {
            let file = place.file.file_name().unwrap_or_default().to_string_lossy();
            mix.text(&file).number(place.at.line as u64).number(place.at.column as u64)
        });
        mix.text(self.me.as_ref().map_or("", |me| me.key())).end()
    }

    /// Somebody by name: `me`, a key, a stub, or what a race gave to one.
    pub(crate) fn somebody(&self, name: &str) -> Option<Arc<Participant>> {
        if name == "me" { self.me.clone() } else { self.world.cast.by_name(name) }
    }

    /// Who acts.
    pub(crate) fn actor(&self) -> Result<&Arc<Participant>, Box<Failure>> {
        self.me.as_ref().ok_or_else(|| self.wrong("this step has no actor"))
    }

    /// How long something may take: as the step says, as the call says, or by default.
    pub(crate) fn patience(&self, within: Option<Duration>) -> Duration {
        self.world.settings.deadlines.of(within.or(self.call.within))
    }

    /// How long is listened on behind a deadline, to say late or never.
    pub(crate) fn late(&self) -> Duration {
        if self.pace == Pace::AtOnce { Duration::ZERO } else { self.world.settings.deadlines.late() }
    }

    /// Says that this step waits, until what it gives is dropped.
    pub(crate) fn waits(&self, what: impl Into<String>) -> WaitGuard {
        let who = self.me.as_ref().map(|me| me.key());
        self.world.progress.wait(who, what, self.place.own())
    }

    /// A failure of this step.
    pub(crate) fn failure(&self, headline: impl Into<String>) -> Box<Failure> {
        self.placed(Failure::new(FailureKind::Expectation, headline))
    }

    /// A mistake of the scenario itself.
    pub(crate) fn wrong(&self, headline: impl Into<String>) -> Box<Failure> {
        self.placed(Failure::new(FailureKind::Scenario, headline))
    }

    /// The actor's name means nobody: no racer had the outcome of that name.
    pub(crate) fn nobody_is(&self, name: &str) -> Box<Failure> {
        self.failure(format!("no participant is called `{name}`"))
    }

    /// A failure of this step.
    pub(crate) fn placed(&self, failure: Failure) -> Box<Failure> {
        let mut failure = Box::new(failure);
        failure.place = self.place.trail.first().cloned();
        failure.inside = self.place.trail.iter().skip(1).cloned().collect();
        failure.participant = self.me.as_ref().map(|me| me.key().to_owned());
        failure.step = self.place.current();
        failure
    }

    /// The value of a template here.
    pub(crate) fn render(&self, template: &Template) -> Result<Value, Box<Failure>> {
        template.render(self).map_err(|error| self.unrendered(&error))
    }

    /// The text of a template here.
    pub(crate) fn text(&self, template: &Template) -> Result<String, Box<Failure>> {
        template.render_text(self).map_err(|error| self.unrendered(&error))
    }

    /// A template that has no value here.
    pub(crate) fn unrendered(&self, error: &RenderError) -> Box<Failure> {
        self.wrong(error.message.clone())
    }

    /// The pattern that a template gives here.
    pub(crate) fn pattern(&self, template: &Template) -> Result<Pattern, Box<Failure>> {
        let value = self.render(template)?;
        Pattern::compile(&value).map_err(|error| self.wrong(format!("not a pattern: {error}")))
    }

    /// The patterns that templates give here.
    pub(crate) fn patterns(&self, templates: &[Template]) -> Result<Vec<Pattern>, Box<Failure>> {
        templates.iter().map(|template| self.pattern(template)).collect()
    }

    /// Sets a captured name: of the actor always, of the verb it stands in, and of the scenario unless it is given
    /// to the actor or several act.
    pub(crate) fn capture(&mut self, name: &str, value: &Value) {
        if let (Value::String(_) | Value::Number(_), Some(place)) = (value, self.place.own()) {
            let captured = CapturedValue { name: name.to_owned(), text: as_text(value), line: place.at.line };
            lock(&self.world.findings.captured).push(captured);
        }
        if let Some(me) = &self.me {
            lock(&me.vars).insert(name.to_owned(), value.clone());
        }
        if self.call.in_verb {
            self.locals.insert(name.to_owned(), value.clone());
        }
        if !self.shared && !self.call.gives.iter().any(|given| given == name) {
            lock(&self.world.captures).insert(name.to_owned(), value.clone());
        }
    }
}
