use serde_json::Map;

use super::*;
use crate::ai::provider::tests::{ask, message};
use crate::domain::MessageKind::{NlwebResponse, Text};

#[test]
fn the_query_says_what_was_said_before_and_by_whom() {
    let last = message(3, "Assistant", NlwebResponse, "try cumin");
    let mut question = ask(&[message(2, "Ann", Text, "curry?"), message(4, "Bob", Text, "and \"rice\"?")], Some(last));
    let all = |question: &Question| parameters(question, Some("recipes"), Budget::ALL);
    let get = |name: &str, all: &[(&str, String)]| all.iter().find(|(key, _)| *key == name).unwrap().1.clone();
    let given = all(&question);
    assert_eq!(get("query", &given), "and \"rice\"?");
    assert_eq!((get("site", &given), get("generate_mode", &given)), ("recipes".to_owned(), "list".to_owned()));
    assert_eq!(get("prev", &given), r#"["curry?"]"#);
    let previous: Value = serde_json::from_str(&get("prev_queries", &given)).unwrap();
    assert_eq!((&previous[0]["query"], &previous[0]["user_name"]), (&json!("curry?"), &json!("Ann")));
    assert_eq!((previous.as_array().unwrap().len(), &previous[0]["user_id"]), (1, &json!("ann")));
    let answers: Value = serde_json::from_str(&get("last_answers", &given)).unwrap();
    assert_eq!(answers[0]["content"], "try cumin");
    // The conversation's sites before the configuration's, the message's own before those.
    question.sites = vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(get("site", &all(&question)), "a,b");
    let own = std::sync::Arc::make_mut(&mut question.message);
    own.metadata = Map::from_iter([("sites".to_owned(), json!(["c"])), ("mode".to_owned(), json!("summarize"))]);
    let given = all(&question);
    assert_eq!((get("site", &given), get("generate_mode", &given)), ("c".to_owned(), "summarize".to_owned()));
}

#[test]
fn an_address_stays_below_the_limit_and_every_message_in_it() {
    let config = serde_json::json!({"ai_provider": "nlweb", "ai_url": "http://127.0.0.1:1", "ai_site": "s"});
    let provider = |bytes: usize| {
        let mut config = config.clone();
        config["ai_url_bytes"] = bytes.into();
        let config = Config::from_value(config).unwrap();
        NlwebProvider::new(&config, &config.ai_endpoint().unwrap()).unwrap()
    };
    let long = "🙂\"".repeat(5_000);
    let name = "Ünïcode ".repeat(25);
    let human: Vec<_> = (1..=5).map(|place| message(place, &name, Text, &format!("{place}{long}"))).collect();
    let mut question = ask(&human, Some(message(6, "Assistant", NlwebResponse, &long)));
    question.sites = vec!["site".repeat(25); 100];
    for most in [3_000, 7_500, 100_000] {
        let url = provider(most).url(&question);
        assert!(url.as_str().len() <= most, "{} of {most}", url.as_str().len());
        let pairs: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
        let previous: Vec<Value> = serde_json::from_str(&pairs["prev_queries"]).unwrap();
        let begins: Vec<_> = previous.iter().map(|one| &one["query"].as_str().unwrap()[..1]).collect();
        assert_eq!((begins, &pairs["query"][..1]), (vec!["1", "2", "3", "4"], "5"));
        assert!(pairs["last_answers"].contains('🙂'));
    }
    let short = ask(&[message(1, "Ann", Text, "hello")], None);
    assert!(provider(7_500).url(&short).as_str().contains("query=hello"));
}

#[test]
fn an_event_becomes_a_piece() {
    let piece = |data: Value| match read_event(&data.to_string()).unwrap() {
        StreamEvent::Piece(piece) => (piece.message_type, piece.content, piece.data),
        other => panic!("{other:?}"),
    };
    let named = |name: &str, content: &str, data| (name.to_owned(), content.to_owned(), data);
    assert_eq!(
        piece(json!({ "message_type": "summary", "content": "two", "query_id": "q" })),
        named("summary", "two", None)
    );
    let results = json!([{ "name": "Curry", "url": "https://x/1" }]);
    assert_eq!(
        piece(json!({ "message_type": "result_batch", "results": results })),
        named("result_batch", "", Some(json!({ "results": results })))
    );
    assert_eq!(
        piece(json!({ "message_type": "nlws", "answer": "yes", "items": [] })),
        named("nlws", "yes", Some(json!({ "answer": "yes", "items": [] })))
    );
    assert_eq!(read_event(r#"{"message_type": "complete"}"#).unwrap(), StreamEvent::Complete);
    assert_eq!(read_event(r#"{"message_type": "tool_selection", "tool": "search"}"#).unwrap(), StreamEvent::Nothing);
    for data in ["", "hello", "[]", "{}", r#"{"message_type": 3}"#] {
        assert!(read_event(data).is_err(), "{data}");
    }
}

#[test]
fn the_whole_is_what_was_said_or_what_was_found() {
    let whole = |pieces: &[Value]| {
        let mut whole = AnswerText::default();
        for piece in pieces {
            let StreamEvent::Piece(piece) = read_event(&piece.to_string()).unwrap() else { panic!("{piece}") };
            whole.take(&piece);
        }
        whole.text()
    };
    let found = json!({ "message_type": "result_batch", "results": [{ "name": "Curry", "url": "https://x" }, { "name": "Dal" }, {}] });
    assert_eq!(whole(std::slice::from_ref(&found)).unwrap(), "Curry (https://x)\nDal");
    let chunk = |text: &str| json!({ "message_type": "ai_chunk", "content": text });
    assert_eq!(whole(&[chunk("It "), chunk("rains"), found.clone()]).unwrap(), "It rains");
    let summary = json!({ "message_type": "summary", "content": "Two dishes." });
    assert_eq!(whole(&[chunk("So:"), summary]).unwrap(), "So:\nTwo dishes.");
    assert_eq!(whole(&[]), None);
}
