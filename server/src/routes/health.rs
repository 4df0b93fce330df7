//! How the server is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::App;
use crate::domain::Timestamp;
use crate::error::ApiError;

/// `GET /`
pub(super) async fn index() -> Json<Value> {
    Json(json!({"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")}))
}

/// `GET /health` and `GET /ready`
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Value>, ApiError> {
    if app.is_closing() || !app.registry.storage_works().await {
        return Err(ApiError::NotReady(app.retry_after()));
    }
    Ok(Json(json!({"status": "ok", "timestamp": Timestamp::now()})))
}

/// `GET /health/chat`
pub(super) async fn chat(State(app): State<Arc<App>>) -> Json<Value> {
    let storage = app.registry.storage_works().await;
    let queues = !app.registry.any_queue_full();
    let websocket = !app.is_closing();
    let check = |works| if works { "ok" } else { "error" };
    Json(json!({
        "status": if storage && queues && websocket { "healthy" } else { "degraded" },
        "timestamp": Timestamp::now(),
        "connections": app.slots.taken(),
        "conversations": app.registry.handles().len(),
        "storage": if storage { "connected" } else { "error" },
        "checks": {
            "websocket": check(websocket),
            "storage": check(storage),
            "queues": check(queues),
        },
    }))
}
