//! Credentials for going on by hand as one of the participants.

use std::sync::Arc;

use serde_json::Value;

use super::ask::{TRACEPARENT, address, headers};
use super::step_context::StepContext;
use crate::event::Person;
use crate::run::state::participant::Participant;

/// The participants with their credentials, for going on by hand.
pub(crate) fn people(context: &StepContext) -> Vec<Person> {
    let person = |participant: &Arc<Participant>| {
        let there = context.acting(participant);
        let text = |name: &str| participant.var(name).as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        let paste = participant.spec.protocol.state.first().and_then(|(_, http)| {
            let url = address(&there, &there.text(&http.path).ok()?, None).ok()?;
            let headers = headers(&there, &[], &url).ok()?;
            let headers: Vec<String> = headers
                .iter()
                .filter(|(name, _)| *name != TRACEPARENT)
                .map(|(name, value)| format!("-H '{name}: {}' ", String::from_utf8_lossy(value.as_bytes())))
                .collect();
            Some(format!("curl {}'{url}'", headers.concat()))
        });
        Person { key: participant.key().to_owned(), id: text("id"), token: text("token"), paste }
    };
    context.world.cast.participants.values().map(person).collect()
}
