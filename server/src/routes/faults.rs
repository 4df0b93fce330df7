//! Faults of the store and a clock on demand; mounted only with `testing`, which is refused beyond loopback.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::extract::{Fields, JsonObject};
use crate::app::{ApiError, App};
use crate::config::Gate;
use crate::storage::FaultSettings;

/// `GET /testing/store`
pub(super) async fn read(State(app): State<Arc<App>>) -> Result<Json<Value>, ApiError> {
    let faults = app.running.faults.as_ref().ok_or(ApiError::NotFound)?;
    Ok(body(faults.read()))
}

/// `PUT /testing/store` changes the given settings and leaves the others.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    JsonObject(request): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let faults = app.running.faults.as_ref().ok_or(ApiError::NotFound)?;
    let gate = match request.get("gate") {
        None => None,
        Some(Value::String(gate)) if gate == "open" => Some(Gate::Open),
        Some(Value::String(gate)) if gate == "closed" => Some(Gate::Closed),
        Some(_) => {
            let message = "gate must be \"open\" or \"closed\"".to_owned();
            return Err(ApiError::InvalidRequest(message));
        }
    };
    let number = |name: &str| match request.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_u64()
            .map(Some)
            .ok_or_else(|| ApiError::InvalidRequest(format!("{name} must be a number from 0 on"))),
    };
    let (pass_next, fail_next, doubt_next) = (number("pass_next")?, number("fail_next")?, number("doubt_next")?);
    let delay = number("delay_ms")?;
    app.health.forget().await;
    Ok(body(faults.change(|settings| {
        settings.gate = gate.unwrap_or(settings.gate);
        settings.pass_next = pass_next.unwrap_or(settings.pass_next);
        settings.fail_next = fail_next.unwrap_or(settings.fail_next);
        settings.doubt_next = doubt_next.unwrap_or(settings.doubt_next);
        settings.delay = delay.map_or(settings.delay, Duration::from_millis);
    })))
}

/// `PUT /testing/clock` puts the server's clock ahead: tokens and invites expire at once.
pub(super) async fn clock(
    State(app): State<Arc<App>>,
    JsonObject(request): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let ahead = Fields::of(&request).number("ahead_seconds", 0, 10_000_000_000)?.unwrap_or_default();
    app.clock.put_ahead(Duration::from_secs(ahead));
    Ok(Json(json!({"ahead_seconds": ahead, "now": app.clock.now()})))
}

fn body((settings, waiting): (FaultSettings, usize)) -> Json<Value> {
    Json(json!({
        "gate": settings.gate,
        "pass_next": settings.pass_next,
        "fail_next": settings.fail_next,
        "doubt_next": settings.doubt_next,
        "delay_ms": settings.delay.as_millis() as u64,
        "waiting": waiting,
    }))
}
