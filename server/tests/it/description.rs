//! /openapi.json and docs/asyncapi.yaml held against what the server really says: every operation and every frame
//! is provoked, and must have exactly the fields that are described.

use std::collections::BTreeSet;

use boon::{Compiler, Schemas};
use serde_json::{Value, json};

use crate::client::{Answer, Server, types};

/// Schemas of a document, with every object closed: a field that is not described fails.
struct Described {
    document: Value,
}

impl Described {
    fn new(mut document: Value) -> Self {
        close(&mut document);
        Self { document }
    }

    /// Whether a value is as the schema at this pointer says.
    fn check(&self, pointer: &str, value: &Value, what: &str) {
        assert!(self.document.pointer(pointer).is_some(), "{what}: nothing describes it at {pointer}");
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        compiler.add_resource("mem:///document", self.document.clone()).unwrap();
        let schema = compiler.compile(&format!("mem:///document#{pointer}"), &mut schemas).unwrap();
        if let Err(error) = schemas.validate(value, schema) {
            panic!("{what} is not as described: {error}\n{value:#}");
        }
    }
}

fn close(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object.contains_key("properties") {
                object.insert("additionalProperties".to_owned(), json!(false));
            }
            object.values_mut().for_each(close);
        }
        Value::Array(list) => list.iter_mut().for_each(close),
        _ => {}
    }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Operations with the statuses that were seen.
#[derive(Default)]
struct Seen(BTreeSet<(String, String, u16)>);

impl Seen {
    /// Checks an answer to an operation.
    fn take(&mut self, described: &Described, method: &str, path: &str, answer: &Answer) {
        let status = answer.status;
        let what = format!("{method} {path} {status}");
        let responses = format!("/paths/{}/{}/responses/{status}", escaped(path), method.to_ascii_lowercase());
        let answers = described.document.pointer(&format!("{responses}/content"));
        let kinds = answers.and_then(Value::as_object).unwrap_or_else(|| panic!("{what}: not described"));
        let kind = kinds.keys().next().unwrap();
        assert!(answer.head.contains(&format!("content-type: {kind}")), "{what}: {}", answer.head);
        if kind == "application/json" {
            described.check(&format!("{responses}/content/{}/schema", escaped(kind)), &answer.body, &what);
        }
        self.0.insert((method.to_owned(), path.to_owned(), status));
    }
}

#[tokio::test]
async fn every_operation_answers_as_openapi_tells() {
    let config = json!({"max_participants": 4, "testing": true, "retry_after_ms": 1000});
    let server = Server::start(config).await;
    let document = server.ask("", "GET", "/openapi.json", Value::Null).await;
    assert_eq!(document["openapi"], "3.1.0");
    let described = Described::new(document);
    let mut seen = Seen::default();
    let talk = server.conversation(&["ann", "ben"]).await;
    let invite = server.ask("ann", "POST", &format!("/chat/{talk}/invites"), json!({"max_uses": 1})).await;
    let invite = invite["invite"].as_str().unwrap().to_owned();
    let person = |id: &str| json!({"user_id": id, "name": id});
    let join = |id: &str| json!({"participant": person(id)});
    let create = |people: Value| json!({"title": "t", "participants": people});
    let steps = [
        ("", "GET", "/", Value::Null, 200),
        ("", "GET", "/health", Value::Null, 200),
        ("", "GET", "/ready", Value::Null, 200),
        ("", "GET", "/health/chat", Value::Null, 200),
        ("", "GET", "/metrics", Value::Null, 200),
        ("", "GET", "/openapi.json", Value::Null, 200),
        ("ann", "POST", "/chat/create", create(json!([person("ann")])), 201),
        ("ann", "POST", "/chat/create", create(json!([])), 400),
        ("", "POST", "/chat/create", create(json!([])), 401),
        ("ann", "GET", "/chat/my-conversations", Value::Null, 200),
        ("", "GET", "/chat/my-conversations", Value::Null, 401),
        ("ann", "POST", "/chat/{id}/messages", json!({"content": "a", "message_id": "1"}), 201),
        ("ann", "POST", "/chat/{id}/messages", json!({"content": "b", "message_id": "1"}), 409),
        ("ann", "POST", "/chat/{id}/messages", json!({"content": "x".repeat(10_001)}), 413),
        ("eve", "POST", "/chat/{id}/messages", json!({"content": "a"}), 404),
        ("ann", "POST", "/chat/{id}/message", json!({"content": "a"}), 201),
        ("ann", "GET", "/chat/conversations/{id}", Value::Null, 200),
        ("eve", "GET", "/chat/conversations/{id}", Value::Null, 404),
        ("ann", "GET", "/chat/conversations/{id}/messages", Value::Null, 200),
        ("ann", "PATCH", "/chat/{id}", json!({"mode": "m"}), 200),
        ("ann", "PATCH", "/chat/{id}", json!({"mode": 1}), 400),
        ("ann", "POST", "/chat/{id}/invites", Value::Null, 201),
        ("eve", "POST", "/chat/{id}/invites", Value::Null, 404),
        ("ann", "POST", "/chat/{id}/invites", json!({"max_uses": 0}), 400),
        ("cat", "POST", "/chat/join/{invite}", Value::Null, 200),
        ("dan", "POST", "/chat/join/{invite}", Value::Null, 410),
        ("dan", "POST", "/chat/{id}/join", join("dan"), 200),
        ("dan", "POST", "/chat/{id}/join", join("dan"), 409),
        ("eve", "POST", "/chat/{id}/join", join("fay"), 403),
        ("eve", "POST", "/chat/{id}/join", join("eve"), 429),
        ("ben", "DELETE", "/chat/{id}/participants/{user_id}", Value::Null, 403),
        ("ann", "DELETE", "/chat/{id}/participants/{user_id}", Value::Null, 200),
        ("ben", "DELETE", "/chat/{id}/leave", Value::Null, 200),
        ("ben", "DELETE", "/chat/{id}/leave", Value::Null, 404),
    ];
    for (user, method, path, body, status) in steps {
        let real = path.replace("{id}", &talk).replace("{invite}", &invite).replace("{user_id}", "dan");
        let answer = server.call(user, method, &real, body).await;
        assert_eq!(answer.status, status, "{user} {method} {path}: {answer:?}");
        seen.take(&described, method, path, &answer);
    }
    server.store(json!({"fail_next": 2})).await;
    let answer = server.call("ann", "POST", "/chat/create", create(json!([person("ann")]))).await;
    seen.take(&described, "POST", "/chat/create", &answer);
    let answer = server.call("", "GET", "/ready", Value::Null).await;
    seen.take(&described, "GET", "/ready", &answer);
    assert_eq!(answer.status, 503);

    // Each operation ended well at least once.
    for (path, operations) in described.document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let method = method.to_ascii_uppercase();
            let well = |(seen_method, seen_path, status): &(String, String, u16)| {
                *seen_method == method && seen_path == path && *status < 300
            };
            assert!(seen.0.iter().any(well), "{method} {path} was never answered");
        }
    }
}

fn asyncapi() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/asyncapi.yaml");
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test]
async fn every_frame_is_as_asyncapi_tells() {
    let described = Described::new(asyncapi());
    let config = json!({"ai_script": [{"match": "", "chunks": ["well", {"type": "summary", "content": "s", "data": {"a": 1}}]}], "typing_interval_ms": 0});
    let mut server = Server::start(config).await;
    let talk = server.conversation(&["ann"]).await;
    let mut ann = server.connect("ann", &talk).await;
    let mut frames = ann.ping().await;
    let who = json!({"participant": {"user_id": "ben", "name": "Ben"}});
    server.ask("ben", "POST", &format!("/chat/{talk}/join"), who).await;
    let mut ben = server.enter("ben", &talk).await;
    ben.send(json!({"type": "typing", "isTyping": true})).await;
    ben.say("hello", "1").await;
    frames.extend(ben.ping().await);
    while !types(&frames).contains(&"ai_response")
        || !frames.iter().any(|frame| frame["message"]["message_type"] == "nlweb_response")
    {
        frames.push(ann.next().await.unwrap());
    }
    server.ask("ann", "PATCH", &format!("/chat/{talk}"), json!({"title": "New"})).await;
    ann.send(json!({"type": "sync", "last_sequence_id": 0})).await;
    ann.send(json!({"type": "message", "content": ""})).await;
    ann.send(json!({"type": "message", "content": "other", "message_id": "2"})).await;
    ann.send(json!({"type": "message", "content": "another", "message_id": "2"})).await;
    server.ask("ben", "DELETE", &format!("/chat/{talk}/leave"), Value::Null).await;
    frames.extend(ann.ping().await);
    frames.push(json!({"type": "pong"}));
    server.begin_shutdown();
    frames.extend(ann.until_close().await.0);
    let mut seen = BTreeSet::new();
    for frame in &frames {
        let kind = frame["type"].as_str().unwrap();
        described.check(&format!("/components/messages/{kind}/payload"), frame, kind);
        seen.insert(kind.to_owned());
    }
    let told = described.document["operations"]["told"]["messages"].as_array().unwrap();
    let name = |message: &Value| message["$ref"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(seen, told.iter().map(name).collect(), "frames seen against frames described");
}

#[tokio::test]
async fn every_described_frame_of_a_client_is_understood_and_needs_its_fields() {
    let document = asyncapi();
    let described = Described::new(document.clone());
    let server = Server::start(json!({"typing_interval_ms": 0})).await;
    let talk = server.conversation(&["ann"]).await;
    let mut ann = server.enter("ann", &talk).await;
    for message in document["operations"]["heard"]["messages"].as_array().unwrap() {
        let name = message["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        let message = &document["components"]["messages"][name];
        for example in message["examples"].as_array().unwrap() {
            let payload = &example["payload"];
            described.check(&format!("/components/messages/{name}/payload"), payload, name);
            ann.send(payload.clone()).await;
            let answers = ann.ping().await;
            assert!(!types(&answers).contains(&"error"), "{name}: {answers:?}");
            if name == "ping" {
                // Its own pong ended the waiting; the other one is still to come.
                ann.until_pong().await;
            }
            for field in message["payload"]["required"].as_array().unwrap() {
                let mut without = payload.clone();
                without.as_object_mut().unwrap().remove(field.as_str().unwrap());
                ann.send(without).await;
                assert!(types(&ann.ping().await).contains(&"error"), "{name} without {field} is accepted");
            }
        }
    }
}

/// Where a document has a null that nobody means: in OpenAPI a member that is not there is left out.
fn nulls(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Null => found.push(at.to_owned()),
        Value::Object(object) => {
            for (key, value) in
                object.iter().filter(|(key, _)| !matches!(key.as_str(), "example" | "examples" | "enum"))
            {
                nulls(value, &format!("{at}/{}", escaped(key)), found);
            }
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| nulls(value, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

#[tokio::test]
async fn nothing_in_the_description_is_null() {
    let server = Server::start(json!({})).await;
    let mut found = Vec::new();
    nulls(&server.ask("", "GET", "/openapi.json", Value::Null).await, "", &mut found);
    assert_eq!(found, Vec::<String>::new());
}
