//! The table of routes. Handlers extract a command, hand it to a conversation, and turn the reply into JSON.

mod conversations;
mod description;
mod extract;
mod health;
mod membership;
mod messages;
mod observe;
mod requests;
mod testing;
mod upgrade;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::{get, put};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::config::Config;
use crate::error::ApiError;

/// Everything that the description tells.
fn described() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(description::frame())
        .routes(routes!(health::index))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(health::chat))
        .routes(routes!(health::metrics))
        .routes(routes!(health::openapi))
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

/// The description of the REST interface, as JSON.
pub(crate) fn openapi(config: &Config) -> String {
    description::finish(described().into_openapi(), config)
}

/// Everything that the server answers.
pub(crate) fn router(app: Arc<App>) -> Router {
    let (routes, _) = described().split_for_parts();
    // WebSocket is described in docs/asyncapi.yaml.
    let mut routes = routes.route("/chat/ws/{id}", get(upgrade::connect));
    if app.faults.is_some() {
        routes = routes
            .route("/testing/store", get(testing::read).put(testing::change))
            .route("/testing/clock", put(testing::clock));
    }
    routes
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), observe::observe))
        .with_state(app)
}
