//! The barrier `get`: answers to what was sent, and the server's position.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::arrival::arrival;
use super::barrier::Reply;
use crate::event::Failure;
use crate::lock::lock;
use crate::pattern::value::number_cmp;
use crate::run::context::ask::get;
use crate::run::context::step_context::StepContext;
use crate::run::context::wait::from_now;
use crate::run::state::connection::Connection;
use crate::scenario::model::Barrier;

/// Waits for as many answers as a connection has sent frames.
pub(super) async fn answers(context: &StepContext, sender: &Arc<Connection>) -> Result<Reply, Box<Failure>> {
    let Some(Barrier::Get { answers: Some(answers), .. }) = &context.actor()?.spec.protocol.barrier else {
        return Ok(Reply::Unasked("the barrier `get` has no `answers`".to_owned()));
    };
    let answers = context.pattern(answers)?;
    let sent = lock(&sender.mailbox.inbox).sent;
    let answered = || lock(&sender.mailbox.inbox).count_answers(&answers) >= sent;
    let limit = from_now(context.world.settings.deadlines.of(None));
    arrival(context, &sender.mailbox, "an answer to everything that was sent", limit, answered).await?;
    lock(&sender.mailbox.inbox).flushed = sent;
    Ok(Reply::Answered)
}

/// Asks for the server's position and waits until the watcher's frames have reached it.
pub(super) async fn position(context: &StepContext, watcher: &Arc<Connection>) -> Result<Reply, Box<Failure>> {
    let Some(Barrier::Get { get: path, offset, frame, passed, .. }) = &context.actor()?.spec.protocol.barrier else {
        return Ok(Reply::Unasked("there is no barrier `get`".to_owned()));
    };
    let path = context.text(path)?;
    let answer = get(context, &path, "barrier").await?;
    let goal = match offset.query(&answer.body).first() {
        Some(goal @ (Value::Number(_) | Value::String(_))) if (200..300).contains(&answer.status) => goal.clone(),
        _ => {
            return Err(context.failure(format!(
                "the barrier broke: GET {path} gave no position at {offset}, which is a number or a text: {} {}",
                answer.status, answer.body
            )));
        }
    };
    let nothing_yet = goal.as_f64().is_some_and(|goal| goal <= 0.0) || goal.as_str().is_some_and(str::is_empty);
    if nothing_yet {
        return Ok(Reply::Answered);
    }
    let frames = context.pattern(frame)?;
    let looked_at = AtomicUsize::new(0);
    let arrived = || {
        let inbox = lock(&watcher.mailbox.inbox);
        let from = looked_at.swap(inbox.frames.len(), Ordering::Relaxed);
        inbox.frames[from..].iter().any(|one| {
            frames.matches(&one.value) && passed.query(&one.value).first().is_some_and(|place| reaches(place, &goal))
        })
    };
    let limit = from_now(context.world.settings.deadlines.of(None));
    arrival(context, &watcher.mailbox, &format!("the position {goal} that the server told"), limit, arrived).await?;
    Ok(Reply::Answered)
}

/// Whether a place in the order is at a goal or behind it: numbers compare exactly, texts as texts.
fn reaches(place: &Value, goal: &Value) -> bool {
    match (place, goal) {
        (Value::Number(place), Value::Number(goal)) => number_cmp(place, goal).is_ge(),
        (Value::String(place), Value::String(goal)) => place >= goal,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn positions_compare_exactly_and_by_their_type() {
        assert!(reaches(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_993_u64)));
        assert!(!reaches(&json!(9_007_199_254_740_992_u64), &json!(9_007_199_254_740_993_u64)));
        assert!(reaches(&json!("01HZ"), &json!("01HA")) && !reaches(&json!("01HA"), &json!("01HZ")));
        assert!(!reaches(&json!("9"), &json!(1)) && !reaches(&json!(null), &json!(1)));
    }
}
