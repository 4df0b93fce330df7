//! Who takes part in a scenario, and under which names.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use indexmap::IndexMap;
use serde_json::Value;

use super::participant::Participant;
use super::stub_actor::StubActor;
use crate::event::Place;
use crate::history::Member;
use crate::lock::lock;
use crate::scenario::template::as_text;

/// What races left open until they were run.
#[derive(Default)]
pub(crate) struct Roles {
    /// Those who ended under a named outcome, by their last race: their keys, and what snapshots call them
    /// instead, in the order of the outcomes.
    pub(crate) named: Vec<(String, String)>,
    /// How many entries the record had when the first race with named outcomes began.
    pub(crate) began: Option<usize>,
    /// The first race after which somebody has no such name.
    pub(crate) unnamed: Option<Place>,
}

/// Everybody in a scenario.
pub(crate) struct Cast {
    pub(crate) participants: IndexMap<String, Arc<Participant>>,
    /// Stubs are no participants: no group and no `all` means them, and barriers, snapshots and invariants leave them
    /// out.
    pub(crate) stubs: IndexMap<String, Arc<StubActor>>,
    /// Groups of the scenario, each with the keys of its participants.
    pub(crate) groups: IndexMap<String, Vec<String>>,
    /// Names that races gave, each with the keys of its participants.
    pub(crate) given: Mutex<BTreeMap<String, Vec<String>>>,
    /// The outcomes of the races so far, for snapshots.
    pub(crate) roles: Mutex<Roles>,
}

impl Cast {
    /// The one that a name means: a key, a stub, or what a race gave to one.
    pub(crate) fn by_name(&self, name: &str) -> Option<Arc<Participant>> {
        if let Some(participant) = self.participants.get(name) {
            return Some(Arc::clone(participant));
        }
        if let Some(stub) = self.stubs.get(name) {
            return Some(Arc::clone(&stub.actor));
        }
        match lock(&self.given).get(name).map(Vec::as_slice) {
            Some([one]) => self.participants.get(one).cloned(),
            _ => None,
        }
    }

    /// All participants, and the stubs behind them.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = &Arc<Participant>> {
        self.participants.values().chain(self.stubs.values().map(|stub| &stub.actor))
    }

    /// Who acts under a name.
    pub(crate) fn actors(&self, name: &str) -> Vec<Arc<Participant>> {
        if let Some(one) = self.participants.get(name) {
            return vec![Arc::clone(one)];
        }
        if let Some(stub) = self.stubs.get(name) {
            return vec![Arc::clone(&stub.actor)];
        }
        if name == "all" {
            return self.participants.values().cloned().collect();
        }
        let given = lock(&self.given);
        let keys = self.groups.get(name).or_else(|| given.get(name));
        keys.into_iter().flatten().filter_map(|key| self.participants.get(key).cloned()).collect()
    }

    /// Whether a name means several participants.
    pub(crate) fn is_group(&self, name: &str) -> bool {
        name == "all"
            || self.groups.contains_key(name)
            || lock(&self.given).get(name).is_some_and(|keys| keys.len() != 1)
    }

    pub(crate) fn members(&self) -> Vec<Member> {
        self.participants
            .values()
            .map(|participant| Member {
                key: participant.key().to_owned(),
                id: participant.var("id").unwrap_or_default(),
                name: participant.var("name").as_ref().map(as_text).unwrap_or_default(),
                captures: lock(&participant.vars).clone(),
            })
            .collect()
    }

    pub(crate) fn group_value(&self, name: &str) -> Option<Value> {
        let actors = self.actors(name);
        if actors.is_empty() {
            return None;
        }
        let mut lists: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for actor in &actors {
            for (name, value) in lock(&actor.vars).iter() {
                lists.entry(name.clone()).or_default().push(value.clone());
            }
        }
        lists.retain(|_, list| list.len() == actors.len());
        Some(Value::Object(lists.into_iter().map(|(name, list)| (name, Value::Array(list))).collect()))
    }
}
