//! `GET /chat/ws/{id}`: what is checked before a connection becomes a WebSocket.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{Extension, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use tracing::{Instrument, debug, info_span};

use super::extract::{InPath, InQuery};
use super::observe::RequestId;
use crate::app::{ApiError, App};
use crate::auth::Caller;
use crate::core::{Rejection, StartAt};
use crate::domain::{ConversationId, SequenceId};
use crate::frame::FrameEncoder;
use crate::socket::Connection;
use crate::{net, ws};

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
    Extension(request): Extension<RequestId>,
    handshake: Request,
) -> Result<Response, ApiError> {
    if app.running.is_closing() {
        return Err(app.refused(Rejection::ShuttingDown));
    }
    let conversation = app.find(&ConversationId::from(id)).await?;
    conversation.newest_message(caller.id.clone()).await.map_err(|error| match error {
        Rejection::NotFound => ApiError::NotAdmitted,
        error => app.refused(error),
    })?;
    // A browser can't read a refused handshake, so an impossible number is told behind it.
    let start = match query.text("last_sequence_id") {
        None => StartAt::Newest,
        Some(text) => u64::from_str(text).map_or(StartAt::Impossible, |known| StartAt::After(SequenceId(known))),
    };
    let slot = app.admission.slots.take(&caller.id).ok_or_else(|| ApiError::ConnectionLimit(app.retry_after()))?;
    let (mut parts, _) = handshake.into_parts();
    let (response, upgrade) = ws::accept(&mut parts).map_err(|error| ApiError::UpgradeRequired(error.to_string()))?;

    let connection = Connection {
        id: app.running.socket_id(),
        user: caller.id,
        start,
        expires: caller.expires,
        frames: FrameEncoder::new(conversation.id().clone(), app.frames),
        conversation,
        settings: app.socket_settings,
        rates: Arc::clone(&app.admission.rates),
        clock: app.clock.clone(),
        metrics: Arc::clone(&app.metrics),
    };
    let span = info_span!(
        parent: None,
        "socket",
        id = %connection.id,
        request = %request.0,
        conversation = %connection.conversation.id().for_logs(),
        participant = %connection.user,
    );
    let under_way = app.running.upgrades.subscribe();
    // The handshake is answered first, so the task of the request can't wait for the upgrade.
    let serving = async move {
        let _held_until_the_end = (slot, under_way);
        match upgrade.await {
            Ok(upgraded) => match net::released(upgraded) {
                Some((stream, read)) => connection.serve(stream, read).await,
                None => debug!("the connection is none of ours"),
            },
            Err(error) => debug!(%error, "no upgrade"),
        }
    };
    app.running.sockets.spawn(serving.instrument(span));
    Ok(response)
}
