//! The names that templates of a step see.

use std::sync::Arc;

use serde_json::{Value, json};

use super::step_context::StepContext;
use crate::lock::lock;
use crate::plan::randomness::StableHash;
use crate::scenario::template::Scope;
use crate::source::Position;

impl Scope for StepContext {
    fn lookup(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.locals.get(name) {
            return Some(value.clone());
        }
        if name == "run" {
            return Some(json!(self.world.run));
        }
        if name == "participants" {
            let all = self.world.cast.participants.iter().map(|(key, participant)| (key.clone(), participant.object()));
            return Some(Value::Object(all.collect()));
        }
        if let Some(participant) = self.somebody(name) {
            return Some(participant.object());
        }
        if let Some(value) = lock(&self.world.captures).get(name) {
            return Some(value.clone());
        }
        if let Some(value) = self.world.row.columns.get(name) {
            return Some(value.clone());
        }
        self.world.cast.group_value(name)
    }

    fn attribute(&self, name: &str, attribute: &str) -> Option<Value> {
        if !self.is_record(name) {
            return match self.lookup(name)? {
                Value::Object(mut map) => map.remove(attribute),
                _ => None,
            };
        }
        if name == "participants" {
            return self.world.cast.participants.get(attribute).map(|participant| participant.object());
        }
        match self.somebody(name) {
            Some(participant) => participant.var(attribute),
            // A group: the list of its members' values, where all have one.
            None => self
                .world
                .cast
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
            || self.somebody(name).is_some()
            || (!lock(&self.world.captures).contains_key(name) && !self.world.cast.actors(name).is_empty())
    }

    fn uuid(&self, at: Position) -> Option<Value> {
        let spot = StableHash::new(self.spot()).number(at.line as u64).number(at.column as u64).end();
        Some(json!(self.world.random.uuid(spot)))
    }

    fn share(&self) -> Arc<dyn Scope> {
        Arc::new(self.clone())
    }
}
