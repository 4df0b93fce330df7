//! Requests and their errors.

use serde_json::{Value, json};

use crate::client::{Answer, Server};

#[tokio::test]
async fn every_error_has_a_body_and_every_answer_forbids_guessing() {
    let server = Server::start(json!({})).await;
    let talk = server.conversation(&["ann"]).await;
    let no_token = server.call("", "GET", "/chat/my-conversations", Value::Null).await;
    assert_eq!(no_token.error(), (401, "AUTH_REQUIRED"));
    assert_eq!(no_token.body["error"], "Authentication required");
    assert!(no_token.head.contains("www-authenticate: bearer"));
    assert!(no_token.head.contains("x-content-type-options: nosniff"));
    let cases = [
        ("GET", "/nothing".to_owned(), 404),
        ("PUT", "/chat/create".to_owned(), 405),
        ("GET", format!("/chat/conversations/{talk}x"), 404),
        ("GET", "/chat/conversations/%ff".to_owned(), 404),
        ("GET", "/chat/my-conversations?limit=x".to_owned(), 400),
        ("GET", format!("/chat/conversations/{talk}/messages?after=1.5"), 400),
    ];
    for (method, path, status) in cases {
        let answer = server.call("ann", method, &path, Value::Null).await;
        assert_eq!(answer.error().0, status, "{method} {path}");
    }
    for path in ["", "/messages"] {
        let path = format!("/chat/conversations/{talk}{path}");
        assert_eq!(server.call("eve", "GET", &path, Value::Null).await.error(), (404, "NOT_FOUND"));
    }
}

#[tokio::test]
async fn a_creation_is_checked_field_by_field() {
    let server = Server::start(json!({})).await;
    let ann = json!({"user_id": "ann", "name": "Ann"});
    let many = |count: usize| -> Vec<Value> {
        (0..count).map(|number| json!({"user_id": format!("p{number}"), "name": "P"})).collect()
    };
    let cases = [
        (json!([]), "object"),
        (json!({}), "title"),
        (json!({"title": 1, "participants": [ann]}), "title"),
        (json!({"title": "t"}), "participants"),
        (json!({"title": "t", "participants": []}), "participants"),
        (json!({"title": "t", "participants": {}}), "participants"),
        (json!({"title": "t", "participants": ["ann"]}), "participants[0]"),
        (json!({"title": "t", "participants": [ann, {"name": "B"}]}), "participants[1].user_id"),
        (json!({"title": "t", "participants": [{"user_id": "b"}]}), "participants[0].name"),
        (json!({"title": "t", "participants": [{"user_id": 5, "name": "B"}]}), "participants[0].user_id"),
        (json!({"title": "t", "participants": [ann, ann]}), "twice"),
        (json!({"title": "t", "participants": many(10)}), "10"),
        (json!({"title": "t", "participants": [ann], "sites": "x"}), "sites"),
        (json!({"title": "t", "participants": [ann], "enable_ai": "no"}), "enable_ai"),
    ];
    for (body, named) in cases {
        let answer = server.call("ann", "POST", "/chat/create", body.clone()).await;
        assert_eq!(answer.error(), (400, "INVALID_REQUEST"), "{body}");
        assert!(answer.body["error"].as_str().unwrap().contains(named), "{answer:?}");
    }
    let body = json!({"title": "t", "participants": many(9), "unknown": 1, "mode": "any", "sites": ["a"]});
    let created = server.ask("ann_lee", "POST", "/chat/create", body).await;
    let last = json!({"id": "ann_lee", "name": "Ann Lee", "type": "human"});
    assert_eq!((&created["participants"][9], &created["mode"]), (&last, &json!("any")));
    let url = format!("/chat/ws/{}", created["conversation_id"].as_str().unwrap());
    assert_eq!(created["websocket_url"], url);
}

#[tokio::test]
async fn my_conversations_come_newest_first_and_in_pages() {
    let server = Server::start(json!({})).await;
    let mut talks = Vec::new();
    for _ in 0..3 {
        talks.push(server.conversation(&["ann", "ben"]).await);
    }
    server.conversation(&["eve"]).await;
    let say = format!("/chat/{}/messages", talks[0]);
    server.ask("ben", "POST", &say, json!({"content": "newest"})).await;
    let listed = async |query: &str| {
        let page = server.ask("ann", "GET", &format!("/chat/my-conversations{query}"), Value::Null).await;
        assert_eq!(page["total"], 3);
        let ids = page["conversations"].as_array().unwrap().iter();
        ids.map(|entry| entry["conversation_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed("").await, [&*talks[0], &*talks[2], &*talks[1]]);
    assert_eq!(listed("?limit=1&offset=1").await, [&*talks[2]]);
    assert_eq!(listed("?limit=0&offset=-5").await, [&*talks[0]]);
    assert_eq!(listed("?offset=99999999999999999999999").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_preflight_says_what_a_page_may_do() {
    let server = Server::start(json!({"allowed_origins": ["https://app.example"]})).await;
    let ask = async |origin: &str| {
        let request = format!(
            "OPTIONS /chat/create HTTP/1.1\r\nhost: localhost\r\norigin: {origin}\r\n\
             access-control-request-method: POST\r\naccess-control-request-headers: authorization\r\n\
             connection: close\r\n\r\n"
        );
        Answer::parse(&server.raw(&request).await)
    };
    let allowed = ask("https://app.example").await;
    assert_eq!(allowed.status, 204);
    for line in [
        "access-control-allow-origin: https://app.example",
        "access-control-allow-methods: get, post, patch, delete",
        "access-control-allow-headers: authorization, content-type",
        "access-control-allow-credentials: true",
        "vary: origin",
        "cache-control: no-store",
    ] {
        assert!(allowed.head.contains(line), "{line}: {}", allowed.head);
    }
    let refused = ask("https://evil.example").await;
    assert_eq!(refused.error(), (403, "ORIGIN_NOT_ALLOWED"));
    assert!(!refused.head.contains("access-control-allow-origin"), "{}", refused.head);
    // Without an origin it is no preflight.
    let plain = "OPTIONS /chat/create HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    assert_eq!(Answer::parse(&server.raw(plain).await).error(), (405, "METHOD_NOT_ALLOWED"));
}
