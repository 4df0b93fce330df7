//! The OpenAPI 3.1 description. Paths and bodies come from the handlers; what all of them share is added here: who
//! may ask, the errors, and the limits that the configuration sets.

use serde_json::{Map, Value, json};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};

use crate::config::Config;

/// What stands around the paths.
pub(super) fn frame() -> OpenApi {
    let info = InfoBuilder::new().title("Roundtable chat").version(env!("CARGO_PKG_VERSION")).description(Some(
        "Conversations of several people and AIs. The WebSocket is described in docs/asyncapi.yaml.",
    ));
    OpenApiBuilder::new().info(info).build()
}

/// The document as JSON.
pub(super) fn finish(document: OpenApi, config: &Config) -> String {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, operations) in paths {
            for (method, operation) in operations.as_object_mut().into_iter().flatten() {
                complete(method, path, operation, config);
            }
        }
    }
    let components = &mut document["components"];
    components["schemas"]["Error"] = json!({
        "type": "object",
        "required": ["error", "code"],
        "properties": {
            "error": {"type": "string", "description": "For people."},
            "code": {"type": "string", "pattern": "^[A-Z][A-Z_]*$", "description": "For programs."},
        },
    });
    components["securitySchemes"] = json!({
        "bearer": {"type": "http", "scheme": "bearer"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "auth_token"},
    });
    limit(&mut components["schemas"], config);
    link(&mut document["paths"]);
    document.to_string()
}

/// Adds security and errors to an operation.
fn complete(method: &str, path: &str, operation: &mut Value, config: &Config) {
    let has_body = operation.get("requestBody").is_some();
    let needs_token = path.starts_with("/chat/") || (path == "/metrics" && !config.metrics_public);
    let mut statuses = vec![421, 431];
    if needs_token {
        operation["security"] = json!([{"bearer": []}, {"cookie": []}]);
        statuses.extend([401, 429, 503]);
        if method != "get" {
            // A cookie alone, from a page of another site.
            statuses.push(403);
        }
    }
    if matches!(path, "/health" | "/ready") {
        statuses.push(503);
    }
    if has_body {
        statuses.extend([400, 408, 413, 415]);
    }
    if path.contains('{') {
        statuses.push(404);
    }
    statuses.extend_from_slice(match (method, path) {
        ("get", "/chat/my-conversations" | "/chat/conversations/{id}/messages") => &[400],
        ("post", "/chat/{id}/messages" | "/chat/{id}/message") => &[409],
        ("post", "/chat/{id}/join") => &[403, 409],
        ("post", "/chat/join/{invite}") => &[409, 410],
        ("delete", "/chat/{id}/participants/{user_id}") => &[403],
        _ => &[],
    });
    // Any whole number is taken and clamped, however large.
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        if let Some(schema) = parameter.get_mut("schema").and_then(Value::as_object_mut) {
            schema.remove("format");
        }
    }
    for status in statuses {
        let mut answer = json!({
            "description": meaning(status),
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        });
        if status == 401 {
            answer["headers"] = json!({"WWW-Authenticate": {"schema": {"type": "string"}}});
        }
        if matches!(status, 429 | 503) {
            answer["headers"] = json!({"Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}}});
        }
        operation["responses"][status.to_string()] = answer;
    }
    for (status, answer) in operation["responses"].as_object_mut().into_iter().flatten() {
        if answer["description"].as_str().is_none_or(str::is_empty) {
            answer["description"] = json!(if status == "201" { "Created" } else { "Done" });
        }
    }
}

/// Tells where the ids of one answer belong in another request.
fn link(paths: &mut Value) {
    let id = json!({"id": "$response.body#/conversation_id"});
    let to = |operation: &str| (operation.to_owned(), json!({"operationId": operation, "parameters": id}));
    let operations = ["read", "edit", "list", "say", "say_by_its_older_name", "join", "invite", "leave"];
    let created = &mut paths["/chat/create"]["post"]["responses"]["201"];
    created["links"] = Value::Object(operations.iter().map(|operation| to(operation)).collect());
    let parameters = json!({"id": "$response.body#/conversation_id", "user_id": "$response.body#/participants/0/id"});
    created["links"]["remove"] = json!({"operationId": "remove", "parameters": parameters});
    let invited = &mut paths["/chat/{id}/invites"]["post"]["responses"]["201"];
    let parameters = json!({"invite": "$response.body#/invite"});
    invited["links"] = json!({"accept": {"operationId": "accept", "parameters": parameters}});
}

fn meaning(status: u16) -> &'static str {
    match status {
        400 => "A field or parameter is wrong, or the body is no JSON",
        401 => "No token, or one that is not valid",
        403 => "Acting for somebody else, or by a cookie alone from a page of another site",
        421 => "This server is not the host that was asked",
        404 => "Not there, or not for the caller",
        408 => "The body did not arrive in time",
        409 => "It is so already, or contradicts what is so",
        410 => "The invite has expired or was used up",
        413 => "Too large",
        415 => "The body is announced as something else than JSON",
        429 => "Too often or too many",
        431 => "The head of the request is too large",
        _ => "Storage or the server is not available now",
    }
}

/// Sets the limits of texts and lists.
fn limit(schemas: &mut Value, config: &Config) {
    // Text that says something: not only spaces.
    let filled = |most: usize| json!({"minLength": 1, "maxLength": most, "pattern": "\\S"});
    let at_most = |most: usize| json!({"maxLength": most});
    let sites = json!({"maxItems": config.max_sites, "items": {"type": "string", "maxLength": config.max_mode_chars}});
    let most = config.max_participants_at_creation;
    let limits = [
        ("Person", "user_id", filled(config.max_id_chars)),
        ("Person", "name", filled(config.max_name_chars)),
        ("Creation", "title", filled(config.max_title_chars)),
        (
            "Creation",
            "participants",
            json!({
                "maxItems": most,
                "uniqueItems": true,
                "description": format!(
                    "No `user_id` twice. The caller is appended where it is missing, and is one of the at most {most}. \
                     What breaks either is 400."
                ),
            }),
        ),
        ("Creation", "mode", at_most(config.max_mode_chars)),
        ("Creation", "sites", sites.clone()),
        ("Editing", "title", filled(config.max_title_chars)),
        ("Editing", "mode", at_most(config.max_mode_chars)),
        ("Editing", "sites", sites.clone()),
        // Beyond it the answer is 413 and not 400, which no keyword of a schema means.
        (
            "Saying",
            "content",
            json!({"description": format!("At most {} characters; more are 413.", config.max_message_chars)}),
        ),
        ("Saying", "message_id", filled(config.max_id_chars)),
        ("Saying", "mode", at_most(config.max_mode_chars)),
        ("Saying", "sites", sites),
        ("Accepting", "name", filled(config.max_name_chars)),
        ("Inviting", "expires_in", json!({"maximum": config.max_invite_seconds})),
    ];
    for (schema, property, limit) in limits {
        let property = &mut schemas[schema]["properties"][property];
        if let (Some(property), Value::Object(limit)) = (property.as_object_mut(), limit) {
            property.extend::<Map<String, Value>>(limit);
        }
    }
}
