//! What handlers take from requests, with this server's errors.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::app::{ApiError, App};
use crate::domain::{MessageLimits, read_sites};

/// The path's parameters; a path that cannot be decoded is no path.
pub(super) struct InPath<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for InPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(value)| Self(value)).map_err(|_| ApiError::NotFound)
    }
}

/// The query's parameters; the last of several wins.
pub(super) struct InQuery(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for InQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let Query(pairs) =
            Query::try_from_uri(&parts.uri).map_err(|error| ApiError::InvalidRequest(error.body_text()))?;
        Ok(Self(pairs))
    }
}

impl InQuery {
    /// The text of a parameter.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A whole number, clamped to the range; the default when it is absent.
    pub(super) fn clamped(&self, name: &str, default: u64, least: u64, most: u64) -> Result<u64, ApiError> {
        let Some(text) = self.text(name) else {
            return Ok(default);
        };
        let digits = text.strip_prefix('-').or_else(|| text.strip_prefix('+')).unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ApiError::InvalidRequest(format!("{name} must be a number")));
        }
        let number = if text.starts_with('-') { 0 } else { u64::from_str(digits).unwrap_or(u64::MAX) };
        Ok(number.clamp(least, most))
    }
}

/// A body that is a JSON object.
pub(super) struct JsonObject(pub(super) Map<String, Value>);

impl FromRequest<Arc<App>> for JsonObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        object(json(request, app).await?).map(Self)
    }
}

async fn json(request: Request, app: &App) -> Result<Value, ApiError> {
    if !is_json(request.headers()) {
        return Err(ApiError::UnsupportedMediaType);
    }
    let limit = app.config.max_body_bytes;
    let period = Duration::from_millis(app.config.body_timeout_ms);
    let bytes = timeout(period, read(request.into_body(), limit)).await.map_err(|_| ApiError::RequestTimeout)??;
    serde_json::from_slice(&bytes).map_err(|error| ApiError::InvalidJson(format!("the body is not JSON: {error}")))
}

fn object(value: Value) -> Result<Map<String, Value>, ApiError> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(ApiError::InvalidRequest("the body must be a JSON object".to_owned())),
    }
}

/// A body that is a JSON object; none at all, or null, counts as an empty one.
pub(super) struct OptionalObject(pub(super) Map<String, Value>);

impl FromRequest<Arc<App>> for OptionalObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        use axum::body::HttpBody;
        if request.body().is_end_stream() {
            return Ok(Self(Map::new()));
        }
        match json(request, app).await? {
            Value::Null => Ok(Self(Map::new())),
            value => object(value).map(Self),
        }
    }
}

/// A missing content type is accepted, and everything that ends in JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Reads a body. What is beyond the limit is dropped as it comes, up to a point, so that the client gets to read
/// the answer.
async fn read(body: Body, limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut total = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| ApiError::InvalidRequest(format!("the body broke off: {error}")))?;
        total += chunk.len();
        if total <= limit {
            bytes.extend_from_slice(&chunk);
        } else if total > limit.saturating_mul(16) {
            break;
        }
    }
    if total > limit {
        return Err(ApiError::PayloadTooLarge(limit));
    }
    Ok(bytes)
}

/// A number without a fraction that is far from what a float cannot tell apart.
fn whole(number: f64) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let fits = number.fract() == 0.0 && (0.0..EXACT).contains(&number);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in range")]
    fits.then_some(number as u64)
}

/// Reads fields of an object, naming the one that is wrong.
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    place: &'a str,
}

fn wrong<T>(message: String) -> Result<T, ApiError> {
    Err(ApiError::InvalidRequest(message))
}

impl<'a> Fields<'a> {
    /// Of a body.
    pub(super) fn of(object: &'a Map<String, Value>) -> Self {
        Self { object, place: "" }
    }

    /// Of an object inside a body; `place` is put before the names of its fields.
    pub(super) fn inside(object: &'a Map<String, Value>, place: &'a str) -> Self {
        Self { object, place }
    }

    /// A field that may be absent or null.
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// Text of at most so many characters.
    pub(super) fn text(&self, name: &str, most: usize) -> Result<Option<&'a str>, ApiError> {
        let place = self.place;
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.chars().count() > most => {
                wrong(format!("{place}{name} must have at most {most} characters"))
            }
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => wrong(format!("{place}{name} must be a string")),
        }
    }

    /// Text that is there and says something, under the first of the names that is there.
    pub(super) fn filled(&self, names: &[&str], most: usize) -> Result<&'a str, ApiError> {
        let place = self.place;
        let name = names.iter().find(|name| self.get(name).is_some()).or(names.first());
        let name = name.copied().unwrap_or_default();
        match self.text(name, most)? {
            None => wrong(format!("{place}{name} is required")),
            Some(text) if text.trim().is_empty() => wrong(format!("{place}{name} must not be empty")),
            Some(text) => Ok(text),
        }
    }

    /// True or false.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => wrong(format!("{}{name} must be true or false", self.place)),
        }
    }

    /// A whole number in a range.
    pub(super) fn number(&self, name: &str, least: u64, most: u64) -> Result<Option<u64>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            // 5.0 is the same number as 5.
            Some(value) => match value.as_u64().or_else(|| whole(value.as_f64()?)) {
                Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
                _ => wrong(format!("{}{name} must be a whole number from {least} to {most}", self.place)),
            },
        }
    }

    /// A list.
    pub(super) fn list(&self, name: &str) -> Result<Option<&'a [Value]>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(_) => wrong(format!("{}{name} must be a list", self.place)),
        }
    }

    /// An object.
    pub(super) fn object(&self, name: &str) -> Result<Option<&'a Map<String, Value>>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => wrong(format!("{}{name} must be an object", self.place)),
        }
    }

    /// The list of sites.
    pub(super) fn sites(&self, limits: MessageLimits) -> Result<Option<Vec<String>>, ApiError> {
        let sites = self.get("sites").map(|sites| read_sites(sites, limits)).transpose();
        sites.map_err(|error| ApiError::InvalidRequest(error.to_string()))
    }
}
