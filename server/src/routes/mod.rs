//! The table of routes. Handlers extract a command, hand it to a conversation, and turn the reply into JSON.

mod conversations;
mod extract;
mod health;
mod membership;
mod messages;
mod testing;
mod upgrade;
mod wire;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{delete, get, patch, post};
use tracing::{Instrument, field, info, info_span};

use crate::app::App;
use crate::error::ApiError;

/// Everything that the server answers.
pub(crate) fn router(app: Arc<App>) -> Router {
    let mut routes = Router::new()
        .route("/", get(health::index))
        .route("/health", get(health::ready))
        .route("/ready", get(health::ready))
        .route("/health/chat", get(health::chat))
        .route("/chat/create", post(conversations::create))
        .route("/chat/my-conversations", get(conversations::mine))
        .route("/chat/conversations/{id}", get(conversations::read))
        .route("/chat/conversations/{id}/messages", get(messages::list))
        .route("/chat/ws/{id}", get(upgrade::connect))
        .route("/chat/{id}", patch(conversations::edit))
        .route("/chat/{id}/messages", post(messages::say))
        .route("/chat/{id}/message", post(messages::say))
        .route("/chat/{id}/join", post(membership::join))
        .route("/chat/{id}/leave", delete(membership::leave))
        .route("/chat/{id}/participants/{user_id}", delete(membership::remove));
    if app.faults.is_some() {
        routes = routes.route("/testing/store", get(testing::read).put(testing::change));
    }
    routes
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(middleware::from_fn(observe))
        .with_state(app)
}

/// Logs each request once, without its query (which may hold a token), and forbids browsers to guess types.
async fn observe(request: Request, next: Next) -> Response {
    let span = info_span!(
        "request",
        method = %request.method(),
        path = request.uri().path(),
        participant = field::Empty,
    );
    async {
        let start = Instant::now();
        let mut response = next.run(request).await;
        let nosniff = HeaderValue::from_static("nosniff");
        response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, nosniff);
        info!(status = response.status().as_u16(), micros = start.elapsed().as_micros() as u64, "answered");
        response
    }
    .instrument(span)
    .await
}
