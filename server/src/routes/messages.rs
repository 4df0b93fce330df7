//! Reading and posting messages.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::answers::{MessageBody, MessagesBody, PostedBody};
use super::extract::{InPath, InQuery, JsonObject};
use super::requests::Saying;
use crate::app::{ApiError, App};
use crate::auth::Caller;
use crate::core::MessageDraft;
use crate::domain::{ConversationId, InvalidMessage, MessageId, MessageKind, SequenceId, read_message};

/// The messages after a place, ascending.
#[utoipa::path(
    get, path = "/chat/conversations/{id}/messages", tag = "messages",
    params(
        ("id" = String, Path),
        ("after" = Option<i64>, Query, description = "Clamped to 0 and above"),
        ("limit" = Option<i64>, Query, description = "Clamped to 1 to 100; 100 without it"),
    ),
    responses((status = 200, body = MessagesBody))
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    InPath(id): InPath<String>,
    query: InQuery,
) -> Result<Response, ApiError> {
    let after = SequenceId(query.clamped("after", 0, 0, u64::MAX)?);
    let limit = query.clamped("limit", 100, 1, 100)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let conversation = app.find(&ConversationId::from(id)).await?;
    let page = conversation.page(caller.id, after, limit, app.config.page_bytes).await;
    let page = page.map_err(|error| app.refused(error))?;
    let last = page.messages.last().map_or(after, |message| message.sequence);
    let messages: Vec<MessageBody<'_>> = page.messages.iter().map(|message| (&**message).into()).collect();
    let body = MessagesBody { messages, current_sequence_id: page.current, has_more: last < page.current };
    Ok(Json(body).into_response())
}

/// The same under its older name.
#[utoipa::path(
    post, path = "/chat/{id}/message", tag = "messages", params(("id" = String, Path)), request_body = Saying,
    responses((status = 201, body = PostedBody))
)]
pub(super) async fn say_by_its_older_name(
    app: State<Arc<App>>,
    caller: Caller,
    id: InPath<String>,
    body: JsonObject,
) -> Result<Response, ApiError> {
    say(app, caller, id, body).await
}

/// Posts a message. Sent again under the same `message_id` it is stored once, and answered alike.
#[utoipa::path(
    post, path = "/chat/{id}/messages", tag = "messages", params(("id" = String, Path)), request_body = Saying,
    responses((status = 201, body = PostedBody))
)]
pub(super) async fn say(
    State(app): State<Arc<App>>,
    caller: Caller,
    InPath(id): InPath<String>,
    JsonObject(body): JsonObject,
) -> Result<Response, ApiError> {
    let received = Instant::now();
    let message = read_message(body, app.message_limits).map_err(|(error, _)| match error {
        InvalidMessage::Field(problem) => ApiError::InvalidRequest(problem),
        InvalidMessage::TooLarge(most) => ApiError::MessageTooLarge(most),
    })?;
    let draft = MessageDraft {
        id: MessageId::random(),
        client_id: message.message_id,
        sender: caller.id,
        socket: None,
        kind: MessageKind::Text,
        content: message.content,
        metadata: message.metadata,
    };
    app.admission.rates.message(&draft.sender).map_err(ApiError::RateLimited)?;
    let conversation = app.find(&ConversationId::from(id)).await?;
    let (message, duplicate) = conversation.post(draft).await.map_err(|error| app.refused(error))?;
    app.metrics.acked_over_rest(received.elapsed());
    let body = PostedBody {
        message_id: &message.id,
        client_message_id: message.client_id.as_ref(),
        sequence_id: message.sequence,
        duplicate,
    };
    Ok((StatusCode::CREATED, Json(body)).into_response())
}
