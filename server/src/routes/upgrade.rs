//! `GET /chat/ws/{id}`: what is checked before a connection becomes a WebSocket.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::Response;
use tracing::{Instrument, info_span};

use super::extract::{InPath, InQuery};
use super::observe::RequestId;
use crate::app::{ApiError, App};
use crate::auth::Caller;
use crate::core::Rejection;
use crate::domain::{ConversationId, SequenceId};
use crate::frame::FrameEncoder;
use crate::net::WriteProgress;
use crate::socket::Connection;

/// Buffer for reading a socket; the library's own default would be 128 KiB a socket.
const READ_BUFFER: usize = 4 * 1024;

/// Frames up to this many times the limit are read whole, so that the close that tells of them arrives.
const READ_LIMIT_FACTOR: usize = 4;

/// The page that asks, if it is one, may open sockets. Looked at before any token.
pub(super) struct AllowedOrigin;

impl FromRequestParts<Arc<App>> for AllowedOrigin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        if app.admission.origins.allows(&parts.headers) { Ok(Self) } else { Err(ApiError::OriginRefused) }
    }
}

/// Admits a participant and hands the socket to its own task.
pub(super) async fn connect(
    State(app): State<Arc<App>>,
    _: AllowedOrigin,
    caller: Caller,
    InPath(id): InPath<String>,
    query: InQuery,
    (Extension(progress), Extension(request)): (Extension<WriteProgress>, Extension<RequestId>),
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    if app.running.is_closing() {
        return Err(app.refused(Rejection::ShuttingDown));
    }
    let conversation = app.find(&ConversationId::from(id)).await?;
    let newest = conversation.newest_message(caller.id.clone()).await.map_err(|error| match error {
        Rejection::NotFound => ApiError::NotAdmitted,
        error => app.refused(error),
    })?;
    let after = match query.text("last_sequence_id") {
        None => None,
        Some(text) => {
            let known = u64::from_str(text).ok().map(SequenceId);
            let known = known.filter(|known| *known <= newest).ok_or_else(|| {
                let message = format!("last_sequence_id must be a number from 0 to {newest}");
                ApiError::InvalidRequest(message)
            })?;
            Some(known)
        }
    };
    let upgrade = upgrade.map_err(|error| ApiError::UpgradeRequired(error.body_text()))?;
    let slot = app.admission.slots.take(&caller.id).ok_or_else(|| ApiError::ConnectionLimit(app.retry_after()))?;

    let connection = Connection {
        id: app.running.socket_id(),
        user: caller.id,
        after,
        expires: caller.expires,
        frames: FrameEncoder::new(conversation.id().clone(), app.frames),
        conversation,
        settings: app.socket_settings,
        progress,
        rates: Arc::clone(&app.admission.rates),
        clock: app.clock.clone(),
        metrics: Arc::clone(&app.metrics),
    };
    let span = info_span!(
        parent: None,
        "socket",
        id = %connection.id,
        request = %request.0,
        conversation = %connection.conversation.id(),
        participant = %connection.user,
    );
    let longest = app.socket_settings.max_frame_bytes.saturating_mul(READ_LIMIT_FACTOR);
    let under_way = app.running.upgrades.subscribe();
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(READ_BUFFER)
        .max_message_size(longest)
        .max_frame_size(longest)
        .protocols(["chat"]);
    Ok(upgrade.on_upgrade(async move |socket| {
        let serving = async move {
            connection.serve(socket).await;
            drop(slot);
        };
        app.running.sockets.spawn(serving.instrument(span));
        drop(under_way);
    }))
}
