//! Joining, leaving and removing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::conversations::person;
use super::extract::{Fields, InPath, JsonObject};
use super::wire::ConversationBody;
use crate::app::App;
use crate::auth::Caller;
use crate::domain::{ConversationId, UserId};
use crate::error::ApiError;

/// `POST /chat/{id}/join`
pub(super) async fn join(
    State(app): State<Arc<App>>,
    caller: Caller,
    InPath(id): InPath<String>,
    JsonObject(body): JsonObject,
) -> Result<Json<Value>, ApiError> {
    let fields = Fields::of(&body);
    let entry =
        fields.object("participant")?.ok_or_else(|| ApiError::InvalidRequest("participant is required".to_owned()))?;
    let (user, name) = person(entry, "participant.", &app.config)?;
    let conversation = app.find(&ConversationId::from(id)).await?;
    let view = conversation.join(caller.id, user, name).await;
    let view = view.map_err(|error| app.refused(error))?;
    Ok(Json(json!({"success": true, "conversation": ConversationBody::from(&view)})))
}

/// `DELETE /chat/{id}/leave`
pub(super) async fn leave(
    State(app): State<Arc<App>>,
    caller: Caller,
    InPath(id): InPath<String>,
) -> Result<Json<Value>, ApiError> {
    use crate::conversation::command::Rejection;
    let id = ConversationId::from(id);
    // Leaving tells nobody whether a conversation exists.
    let hidden = |error| match error {
        Rejection::NotFound => Rejection::NotParticipant,
        error => error,
    };
    let conversation = app.registry.find(&id).await.map_err(|error| app.refused(hidden(error)))?;
    let remaining = conversation.leave(caller.id).await.map_err(|error| app.refused(error))?;
    Ok(left(&id, remaining, "Successfully left conversation"))
}

/// `DELETE /chat/{id}/participants/{user_id}`
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    InPath((id, user)): InPath<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let id = ConversationId::from(id);
    let conversation = app.find(&id).await?;
    let remaining = conversation.remove(caller.id, UserId::from(user)).await;
    let remaining = remaining.map_err(|error| app.refused(error))?;
    Ok(left(&id, remaining, "Successfully removed participant"))
}

fn left(id: &ConversationId, remaining: usize, message: &str) -> Json<Value> {
    Json(json!({
        "success": true,
        "message": message,
        "conversation_id": id,
        "remaining_participants": remaining,
    }))
}
