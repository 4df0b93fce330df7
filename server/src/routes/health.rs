//! How the server is, and what it counts.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::answers::{ChecksBody, Health, HealthBody, IndexBody, ReadyBody, Storage};
use crate::app::{ApiError, App};
use crate::auth::Caller;

/// What serves here.
#[utoipa::path(get, path = "/", tag = "server", responses((status = 200, body = IndexBody)))]
pub(super) async fn index() -> Json<IndexBody> {
    Json(IndexBody { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") })
}

async fn readiness(app: &App) -> Result<Json<ReadyBody>, ApiError> {
    if app.running.is_leaving() || !app.storage_works().await {
        return Err(ApiError::NotReady(app.retry_after()));
    }
    Ok(Json(ReadyBody { status: "ok", timestamp: app.clock.now() }))
}

/// Whether the server takes requests.
#[utoipa::path(get, path = "/ready", tag = "server", responses((status = 200, body = ReadyBody)))]
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Json<ReadyBody>, ApiError> {
    readiness(&app).await
}

/// The same under its older name.
#[utoipa::path(get, path = "/health", tag = "server", responses((status = 200, body = ReadyBody)))]
pub(super) async fn health(State(app): State<Arc<App>>) -> Result<Json<ReadyBody>, ApiError> {
    readiness(&app).await
}

/// How the chat is, part by part. How much goes on in it only callers with a token hear.
#[utoipa::path(get, path = "/health/chat", tag = "server", responses((status = 200, body = HealthBody)))]
pub(super) async fn chat(State(app): State<Arc<App>>, caller: Option<Caller>) -> Json<HealthBody> {
    let storage = app.storage_works().await;
    let queues = !app.running.registry.any_queue_full();
    let websocket = !app.running.is_leaving();
    Json(HealthBody {
        status: if storage && queues && websocket { Health::Healthy } else { Health::Degraded },
        timestamp: app.clock.now(),
        connections: caller.as_ref().map(|_| app.admission.slots.taken()),
        conversations: caller.map(|_| app.running.registry.count()),
        storage: if storage { Storage::Connected } else { Storage::Error },
        checks: ChecksBody { websocket: websocket.into(), storage: storage.into(), queues: queues.into() },
    })
}

/// What the server counts, as Prometheus reads it.
#[utoipa::path(
    get, path = "/metrics", tag = "server",
    responses((status = 200, body = String, content_type = "text/plain; version=0.0.4"))
)]
pub(super) async fn metrics(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    if !app.config.metrics_public {
        let (mut parts, _) = request.into_parts();
        <Caller as FromRequestParts<_>>::from_request_parts(&mut parts, &app).await?;
    }
    Ok(([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], app.metrics()).into_response())
}
