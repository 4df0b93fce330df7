//! Who the participants are: their values before anything is played.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::step::play_steps;
use crate::event::{Failure, FailureKind};
use crate::lock::lock;
use crate::run::context::step_context::StepContext;
use crate::run::state::random::Naming;
use crate::run::state::world::World;
use crate::scenario::model::ParticipantSpec;
use crate::scenario::template::{RenderError, Template};

/// Gives every participant its identity: the templates, then the log-in steps.
pub(crate) async fn introduce(context: &StepContext) -> Result<(), Vec<Failure>> {
    for participant in context.world.cast.participants.values() {
        let identity = identity(&participant.spec, &context.world).map_err(|error| {
            let mut failure = Failure::new(
                FailureKind::Scenario,
                format!("the identity of `{}`: {}", participant.key(), error.message),
            );
            failure.participant = Some(participant.key().to_owned());
            vec![failure]
        })?;
        *lock(&participant.vars) = identity;
        let mut there = StepContext { shared: true, ..context.acting(participant) };
        there.call.in_verb = true;
        play_steps(&mut there, &participant.spec.protocol.login).await?;
    }
    Ok(())
}

/// The values of a participant before anything is played: `key`, `name`, what the identity's templates give (each
/// sees those before it), and an empty `token` where none is given.
fn identity(spec: &ParticipantSpec, world: &World) -> Result<BTreeMap<String, Value>, RenderError> {
    let mut scope =
        Naming { names: world.row.columns.clone(), random: Arc::clone(&world.random), key: spec.key.clone() };
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
