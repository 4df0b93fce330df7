//! Joining, leaving and removing.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::sync::MutexGuard;

use super::answers::{ConversationBody, InviteBody, JoinedBody, LeftBody};
use super::conversations::person;
use super::extract::{Fields, InPath, JsonObject, OptionalObject};
use super::requests::{Accepting, Inviting, Joining};
use crate::app::{ApiError, App};
use crate::auth::Caller;
use crate::conversation::{ConversationHandle, ReadView};
use crate::core::Rejection;
use crate::domain::{ConversationId, InviteId, UserId};

/// Makes the caller, or by a participant somebody else, a participant.
#[utoipa::path(
    post, path = "/chat/{id}/join", tag = "membership", params(("id" = String, Path)), request_body = Joining,
    responses((status = 200, body = JoinedBody))
)]
pub(super) async fn join(
    State(app): State<Arc<App>>,
    caller: Caller,
    InPath(id): InPath<String>,
    JsonObject(body): JsonObject,
) -> Result<Response, ApiError> {
    let fields = Fields::of(&body);
    let entry =
        fields.object("participant")?.ok_or_else(|| ApiError::InvalidRequest("participant is required".to_owned()))?;
    let (user, name) = person(entry, "participant.", &app.config)?;
    app.check_is_no_ai(&user, "participant")?;
    let name = caller.name_of(&user, name);
    let conversation = app.find(&ConversationId::from(id)).await?;
    let _reserved = reserve(&app, &conversation, &caller.id, &user).await?;
    let view = conversation.join(caller.id, user, name).await;
    let view = view.map_err(|error| app.refused(error))?;
    Ok(joined(&view, app.config.page_bytes))
}

/// Checks that `user` may come to be in one more conversation. Where the join will be refused for another reason the
/// number is not looked at: that reason comes first, and a stranger learns nothing of it.
async fn reserve<'a>(
    app: &'a App,
    conversation: &ConversationHandle,
    by: &UserId,
    user: &UserId,
) -> Result<Option<MutexGuard<'a, ()>>, ApiError> {
    // Nobody uses up the number of somebody else.
    let is_own = by == user;
    if !is_own || conversation.newest_message(user.clone()).await.is_ok() {
        return Ok(None);
    }
    app.reserve_conversation(user).await
}

fn joined(view: &ReadView, bytes: usize) -> Response {
    Json(JoinedBody { success: true, conversation: ConversationBody::new(view, bytes) }).into_response()
}

/// Makes an invite, by which people may join who know it.
#[utoipa::path(
    post, path = "/chat/{id}/invites", tag = "membership", params(("id" = String, Path)),
    request_body = Option<Inviting>, responses((status = 201, body = InviteBody))
)]
pub(super) async fn invite(
    State(app): State<Arc<App>>,
    caller: Caller,
    InPath(id): InPath<String>,
    OptionalObject(body): OptionalObject,
) -> Result<Response, ApiError> {
    /// More would not be a limit.
    const MOST_USES: u64 = 1_000_000;
    let fields = Fields::of(&body);
    let lasts = fields.number("expires_in", 1, app.config.max_invite_seconds)?.unwrap_or(app.config.invite_seconds);
    let max_uses = fields.number("max_uses", 1, MOST_USES)?.and_then(|uses| u32::try_from(uses).ok());
    let conversation = app.find(&ConversationId::from(id)).await?;
    let invite = conversation.invite(caller.id, Duration::from_secs(lasts), max_uses).await;
    let invite = invite.map_err(|error| app.refused(error))?;
    Ok((StatusCode::CREATED, Json(InviteBody::from(&invite))).into_response())
}

/// Makes the caller a participant by an invite.
#[utoipa::path(
    post, path = "/chat/join/{invite}", tag = "membership", params(("invite" = String, Path)),
    request_body = Option<Accepting>, responses((status = 200, body = JoinedBody))
)]
pub(super) async fn accept(
    State(app): State<Arc<App>>,
    caller: Caller,
    InPath(invite): InPath<String>,
    OptionalObject(body): OptionalObject,
) -> Result<Response, ApiError> {
    let fields = Fields::of(&body);
    app.check_is_no_ai(&caller.id, "the caller")?;
    let name = match fields.text("name", app.config.max_name_chars)? {
        None => caller.name.clone(),
        Some(_) => fields.filled(&["name"], app.config.max_name_chars)?.to_owned(),
    };
    let name = caller.name_of(&caller.id, name);
    let invite = InviteId::from(invite);
    let conversation = app.running.registry.find_invite(&invite).await.map_err(|error| app.refused(error))?;
    let _reserved = reserve(&app, &conversation, &caller.id, &caller.id).await?;
    let view = conversation.accept(invite, caller.id, name).await;
    Ok(joined(&view.map_err(|error| app.refused(error))?, app.config.page_bytes))
}

/// Leaves. It tells nobody whether a conversation exists.
#[utoipa::path(
    delete, path = "/chat/{id}/leave", tag = "membership", params(("id" = String, Path)),
    responses((status = 200, body = LeftBody))
)]
pub(super) async fn leave(
    State(app): State<Arc<App>>,
    caller: Caller,
    InPath(id): InPath<String>,
) -> Result<Response, ApiError> {
    let id = ConversationId::from(id);
    // Leaving tells nobody whether a conversation exists.
    let hidden = |error| match error {
        Rejection::NotFound => Rejection::NotParticipant,
        error => error,
    };
    let conversation = app.running.registry.find(&id).await.map_err(|error| app.refused(hidden(error)))?;
    let remaining = conversation.leave(caller.id).await.map_err(|error| app.refused(error))?;
    Ok(left(&id, remaining, "Successfully left conversation"))
}

/// Takes somebody out; the creator may.
#[utoipa::path(
    delete, path = "/chat/{id}/participants/{user_id}", tag = "membership",
    params(("id" = String, Path), ("user_id" = String, Path)),
    responses((status = 200, body = LeftBody))
)]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    InPath((id, user)): InPath<(String, String)>,
) -> Result<Response, ApiError> {
    let id = ConversationId::from(id);
    let conversation = app.find(&id).await?;
    let remaining = conversation.remove(caller.id, UserId::from(user)).await;
    let remaining = remaining.map_err(|error| app.refused(error))?;
    Ok(left(&id, remaining, "Successfully removed participant"))
}

fn left(id: &ConversationId, remaining: usize, message: &str) -> Response {
    Json(LeftBody { success: true, message, conversation_id: id, remaining_participants: remaining }).into_response()
}
