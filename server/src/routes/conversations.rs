//! Creating, listing, reading and editing conversations.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::answers::{ConversationBody, CreatedBody, ListBody, ListedBody};
use super::extract::{Fields, InPath, InQuery, JsonObject};
use super::requests::{Creation, Editing};
use crate::app::{ApiError, App};
use crate::auth::Caller;
use crate::config::Config;
use crate::conversation::NewConversation;
use crate::domain::{ConversationId, UserId};
use crate::log::Edit;

/// The free-form mode of a conversation that names none.
const DEFAULT_MODE: &str = "list";

/// Creates a conversation; the caller is in it.
#[utoipa::path(
    post, path = "/chat/create", tag = "conversations", request_body = Creation,
    responses((status = 201, body = CreatedBody))
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    JsonObject(body): JsonObject,
) -> Result<Response, ApiError> {
    let config = &app.config;
    let fields = Fields::of(&body);
    let title = fields.filled(&["title"], config.max_title_chars)?;
    let mut people = people(&fields, config)?;
    if people.iter().all(|(id, _)| *id != caller.id) {
        people.push((caller.id.clone(), caller.name.clone()));
    }
    let most = config.max_participants_at_creation;
    if people.len() > most {
        let message = format!("participants must be at most {most}, the creator included");
        return Err(ApiError::InvalidRequest(message));
    }
    for (id, name) in &mut people {
        app.check_is_no_ai(id, "participants")?;
        *name = caller.name_of(id, std::mem::take(name));
    }
    let new = NewConversation {
        title: title.to_owned(),
        sites: fields.sites(app.message_limits)?.unwrap_or_default(),
        mode: fields.text("mode", config.max_mode_chars)?.unwrap_or(DEFAULT_MODE).to_owned(),
        creator: caller.id,
        people,
        with_ai: fields.flag("enable_ai")?.unwrap_or(true),
    };
    let _reserved = app.reserve_conversation(&new.creator).await?;
    let created = app.running.registry.create(new).await.map_err(|error| app.refused(error))?;
    Ok((StatusCode::CREATED, Json(CreatedBody::from(&created))).into_response())
}

/// The `participants` of a creation, in order.
fn people(fields: &Fields<'_>, config: &Config) -> Result<Vec<(UserId, String)>, ApiError> {
    let wrong = |message: String| Err(ApiError::InvalidRequest(message));
    let list = fields.list("participants")?.unwrap_or_default();
    if list.is_empty() {
        return wrong("participants must name at least one participant".to_owned());
    }
    // More are refused whoever they are; of so many there is no need to know whether one stands twice.
    if list.len() > config.max_participants_at_creation {
        let most = config.max_participants_at_creation;
        return wrong(format!("participants must be at most {most}, the creator included"));
    }
    let mut people: Vec<(UserId, String)> = Vec::with_capacity(list.len());
    let mut known = HashSet::new();
    for (index, entry) in list.iter().enumerate() {
        let Value::Object(entry) = entry else {
            return wrong(format!("participants[{index}] must be an object with user_id and name"));
        };
        let (id, name) = person(entry, &format!("participants[{index}]."), config)?;
        if !known.insert(id.clone()) {
            return wrong(format!("participants names {id} twice"));
        }
        people.push((id, name));
    }
    Ok(people)
}

/// A participant in a request.
pub(super) fn person(entry: &Map<String, Value>, place: &str, config: &Config) -> Result<(UserId, String), ApiError> {
    let fields = Fields::inside(entry, place);
    let id = fields.filled(&["user_id", "participantId"], config.max_id_chars)?;
    let name = fields.filled(&["name", "displayName"], config.max_name_chars)?;
    Ok((UserId::from(id), name.to_owned()))
}

/// The caller's conversations, newest activity first.
#[utoipa::path(
    get, path = "/chat/my-conversations", tag = "conversations",
    params(
        ("limit" = Option<i64>, Query, description = "Clamped to 1 to 100; 20 without it"),
        ("offset" = Option<i64>, Query, description = "Clamped to 0 and above"),
    ),
    responses((status = 200, body = ListBody))
)]
pub(super) async fn mine(State(app): State<Arc<App>>, caller: Caller, query: InQuery) -> Result<Response, ApiError> {
    let limit = query.clamped("limit", 20, 1, 100)?;
    let offset = query.clamped("offset", 0, 0, u64::MAX)?;
    let at = |number| usize::try_from(number).unwrap_or(usize::MAX);
    let page = app.running.registry.of_user(&caller.id, at(offset), at(limit)).await;
    let page = page.map_err(|error| app.refused(error))?;
    let conversations: Vec<ListedBody<'_>> = page.conversations.iter().map(Into::into).collect();
    Ok(Json(ListBody { conversations, total: page.total, limit, offset }).into_response())
}

/// A conversation as the caller sees it, with its last 100 messages.
#[utoipa::path(
    get, path = "/chat/conversations/{id}", tag = "conversations", params(("id" = String, Path)),
    responses((status = 200, body = ConversationBody))
)]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    InPath(id): InPath<String>,
) -> Result<Response, ApiError> {
    let conversation = app.find(&ConversationId::from(id)).await?;
    let view = conversation.view(caller.id).await.map_err(|error| app.refused(error))?;
    Ok(Json(ConversationBody::new(&view, app.config.page_bytes)).into_response())
}

/// Changes title, sites or mode; everybody in it is told.
#[utoipa::path(
    patch, path = "/chat/{id}", tag = "conversations", params(("id" = String, Path)), request_body = Editing,
    responses((status = 200, body = ConversationBody))
)]
pub(super) async fn edit(
    State(app): State<Arc<App>>,
    caller: Caller,
    InPath(id): InPath<String>,
    JsonObject(body): JsonObject,
) -> Result<Response, ApiError> {
    let config = &app.config;
    let fields = Fields::of(&body);
    let title = match fields.text("title", config.max_title_chars)? {
        None => None,
        Some(_) => Some(fields.filled(&["title"], config.max_title_chars)?.to_owned()),
    };
    let edit = Edit {
        title,
        sites: fields.sites(app.message_limits)?,
        mode: fields.text("mode", config.max_mode_chars)?.map(str::to_owned),
    };
    let conversation = app.find(&ConversationId::from(id)).await?;
    let view = conversation.edit(caller.id, edit).await.map_err(|error| app.refused(error))?;
    Ok(Json(ConversationBody::new(&view, app.config.page_bytes)).into_response())
}
