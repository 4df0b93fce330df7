//! The table of routes. Handlers extract a command, hand it to a conversation, and turn the reply into JSON.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use tokio::sync::watch;
use tower_service::Service as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{conversations, description, faults, health, membership, messages, observe, upgrade};
use crate::app::{ApiError, App};

/// Everything that the description tells.
fn described() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(description::frame())
        .routes(routes!(health::index))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(health::chat))
        .routes(routes!(health::metrics))
        .routes(routes!(openapi))
        .routes(routes!(conversations::create))
        .routes(routes!(conversations::mine))
        .routes(routes!(conversations::read))
        .routes(routes!(conversations::edit))
        .routes(routes!(messages::list))
        .routes(routes!(messages::say))
        .routes(routes!(messages::say_by_its_older_name))
        .routes(routes!(membership::join))
        .routes(routes!(membership::invite))
        .routes(routes!(membership::accept))
        .routes(routes!(membership::leave))
        .routes(routes!(membership::remove))
}

/// The description of this interface.
#[utoipa::path(get, path = "/openapi.json", tag = "server", responses((status = 200, body = serde_json::Value)))]
pub(super) async fn openapi(State(app): State<Arc<App>>) -> Response {
    let described = app.openapi.get_or_init(|| description::finish(described().into_openapi(), &app.config).into());
    ([(CONTENT_TYPE, "application/json")], Bytes::clone(described)).into_response()
}

/// Everything that the server answers.
pub(crate) fn router(app: Arc<App>) -> Router {
    let (routes, _) = described().split_for_parts();
    // WebSocket is described in docs/asyncapi.yaml.
    let mut routes = routes.route("/chat/ws/{id}", get(upgrade::connect));
    if app.running.faults.is_some() {
        routes = routes
            .route("/testing/store", get(faults::read).put(faults::change))
            .route("/testing/clock", put(faults::clock));
    }
    routes
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), observe::observe))
        .with_state(app)
}

/// What the server answers from the moment that it listens: it is not ready until `begun` has the routes, and whatever
/// else is asked waits for them.
pub(crate) fn from_the_start(begun: watch::Receiver<Option<Router>>, retry_after: Duration) -> Router {
    Router::new().fallback(async move |request: Request| {
        let is_about_readiness = matches!(request.uri().path(), "/ready" | "/health");
        let mut begun = begun.clone();
        if is_about_readiness && begun.borrow().is_none() {
            let mut response = ApiError::NotReady(retry_after).into_response();
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            return response;
        }
        let routes = begun.wait_for(Option::is_some).await.ok().and_then(|routes| routes.clone());
        match routes {
            // A router is always ready.
            Some(mut routes) => routes.call(request).await.unwrap_or_else(|never| match never {}),
            // It could not start.
            None => ApiError::NotReady(retry_after).into_response(),
        }
    })
}
