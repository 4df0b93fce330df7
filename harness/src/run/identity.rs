//! Who the participants are: their values before anything is played, and what one needs to go on as one of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::chance::Naming;
use super::here::Here;
use super::http::TRACEPARENT;
use super::world::{Participant, World, lock};
use crate::event::{Failure, FailureKind};
use crate::scenario::model::ParticipantSpec;
use crate::scenario::template::Template;

/// Gives every participant its identity: the templates, then the log-in steps.
pub(super) async fn introduce(top: &Here) -> Result<(), Vec<Failure>> {
    for participant in top.world.participants.values() {
        let identity = identity(&participant.spec, &top.world).map_err(|error| {
            let mut failure = Failure::new(
                FailureKind::Scenario,
                format!("the identity of `{}`: {}", participant.key(), error.message),
            );
            failure.participant = Some(participant.key().to_owned());
            vec![failure]
        })?;
        *lock(&participant.vars) = identity;
        let mut there = top.clone();
        there.me = Some(Arc::clone(participant));
        there.in_verb = true;
        there.shared = true;
        there.steps(&participant.spec.protocol.login).await?;
    }
    Ok(())
}

/// The values of a participant before anything is played: `key`, `name`, what the identity's templates give (each
/// sees those before it), and an empty `token` where none is given.
fn identity(
    spec: &ParticipantSpec,
    world: &World,
) -> Result<BTreeMap<String, Value>, crate::scenario::template::RenderError> {
    let mut scope =
        Naming { names: world.row.columns.clone(), chance: Arc::clone(&world.chance), key: spec.key.clone() };
    scope.names.insert("run".to_owned(), json!(world.run));
    let mut values = BTreeMap::from([
        ("key".to_owned(), json!(spec.key)),
        ("name".to_owned(), json!(spec.name.clone().unwrap_or_else(|| title_case(&spec.key)))),
        ("id".to_owned(), json!(spec.key)),
        ("token".to_owned(), json!("")),
    ]);
    let templates: IndexMap<&String, &Template> = spec.protocol.identity.iter().chain(&spec.identity).collect();
    for (name, template) in templates {
        scope.names.extend(values.iter().map(|(name, value)| (name.clone(), value.clone())));
        if name == "name" && spec.name.is_some() {
            continue;
        }
        values.insert(name.clone(), template.render(&scope)?);
    }
    Ok(values)
}

/// `leaver_2` as `Leaver 2`.
fn title_case(key: &str) -> String {
    let words = key.split('_').filter(|word| !word.is_empty()).map(|word| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_uppercase().chain(chars).collect::<String>()).unwrap_or_default()
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Who took part, with what one needs to go on by hand.
pub(super) fn people(top: &Here) -> Vec<crate::event::Person> {
    let one = |participant: &Arc<Participant>| {
        let mut there = top.clone();
        there.me = Some(Arc::clone(participant));
        let text = |name: &str| participant.var(name).as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        let paste = participant.spec.protocol.state.first().and_then(|(_, http)| {
            let url = there.url(&there.text(&http.path).ok()?, None).ok()?;
            let headers = there.headers(&[], &url).ok()?;
            let headers: Vec<String> = headers
                .iter()
                .filter(|(name, _)| *name != TRACEPARENT)
                .map(|(name, value)| format!("-H '{name}: {}' ", String::from_utf8_lossy(value.as_bytes())))
                .collect();
            Some(format!("curl {}'{url}'", headers.concat()))
        });
        crate::event::Person { key: participant.key().to_owned(), id: text("id"), token: text("token"), paste }
    };
    top.world.participants.values().map(one).collect()
}
