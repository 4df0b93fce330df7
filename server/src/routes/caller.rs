//! Who asks, as handlers take it from a request.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::Method;
use axum::http::request::Parts;

use crate::app::{ApiError, App};
use crate::auth::{AuthError, Caller, token};

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let token = token(parts).ok_or(ApiError::AuthRequired)?;
        let is_safe = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
        if token.is_cookie && !is_safe && !app.admission.origins.proves_same_site(&parts.headers) {
            return Err(ApiError::CrossSite);
        }
        let caller = app.admission.tokens.caller(&token.text).await.map_err(|error| match error {
            AuthError::Invalid => ApiError::InvalidToken,
            AuthError::Expired => ApiError::TokenExpired,
            AuthError::Unavailable => ApiError::AuthUnavailable(app.retry_after()),
        })?;
        tracing::Span::current().record("participant", caller.id.as_str());
        app.admission.rates.request(&caller.id).map_err(ApiError::RateLimited)?;
        Ok(caller)
    }
}

/// For what everybody may ask, and callers with a token get more of: a bad token is none.
impl OptionalFromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Option<Self>, ApiError> {
        Ok(<Self as FromRequestParts<Arc<App>>>::from_request_parts(parts, app).await.ok())
    }
}
