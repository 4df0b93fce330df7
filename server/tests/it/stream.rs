//! What a socket receives, and in which order.

use serde_json::{Value, json};

use crate::client::{Server, Socket, places, types};

#[tokio::test]
async fn the_handshake_has_its_order() {
    let server = Server::start(json!({"history_limit": 2})).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.connect("ann", &talk).await;
    let connected = ann.receive("connected").await;
    assert_eq!((&connected["mode"], &connected["input_timeout"]), (&json!("multi"), &json!(2000)));
    let list = ann.receive("participant_list").await;
    let online = |frame: &Value| {
        frame["participants"].as_array().unwrap().iter().map(|seat| seat["isOnline"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(online(&list), [true, false]);
    for number in 1..=3 {
        ann.say("x", &number.to_string()).await;
    }
    ann.ping().await;

    let mut ben = server.connect("ben", &talk).await;
    let frames = ben.ping().await;
    assert_eq!(types(&frames), ["connected", "participant_list", "message", "message"]);
    assert_eq!(places(&frames), [2, 3]);
    let mut back = server.try_connect("ben", &talk, "?last_sequence_id=1").await.unwrap();
    assert_eq!(places(&back.ping().await), [2, 3]);
    let mut caught_up = server.try_connect("ben", &talk, "?last_sequence_id=3").await.unwrap();
    assert_eq!(types(&caught_up.ping().await), ["connected", "participant_list"]);
    assert_eq!(types(&ann.ping().await), ["participant_update"], "only the first socket");
}

/// Everything up to the message at this place.
async fn up_to(socket: &mut Socket, place: u64) -> Vec<u64> {
    let mut seen = Vec::new();
    while seen.last() != Some(&place) {
        seen.extend(places(&[socket.next().await.unwrap()]));
    }
    seen
}

async fn no_gap_and_no_repeat() {
    const TOTAL: u64 = 600;
    let server = Server::start(json!({})).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    let sending = async {
        for number in 1..=TOTAL {
            ann.say("x", &number.to_string()).await;
            tokio::task::yield_now().await;
        }
        up_to(&mut ann, TOTAL).await
    };
    let connecting = async {
        let mut seams = Vec::new();
        for _ in 0..12 {
            let path = format!("/chat/conversations/{talk}/messages?limit=1");
            let page = server.ask("ben", "GET", &path, Value::Null).await;
            let known = page["current_sequence_id"].as_u64().unwrap() / 2;
            let query = format!("?last_sequence_id={known}");
            let mut socket = server.try_connect("ben", &talk, &query).await.unwrap();
            // The start is read now, the rest when everything has been said.
            let start = places(&socket.ping().await);
            seams.push((known, start, socket));
        }
        seams
    };
    let (acked, seams) = tokio::join!(sending, connecting);
    assert_eq!(acked, (1..=TOTAL).collect::<Vec<_>>());
    for (known, mut seen, mut socket) in seams {
        if seen.last() != Some(&TOTAL) {
            seen.extend(up_to(&mut socket, TOTAL).await);
        }
        assert_eq!(seen, (known + 1..=TOTAL).collect::<Vec<_>>());
        assert_eq!(socket.ping().await, Vec::<Value>::new());
    }
}

#[tokio::test]
async fn the_seam_holds_on_one_thread() {
    no_gap_and_no_repeat().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_seam_holds_on_two_threads() {
    no_gap_and_no_repeat().await;
}

#[tokio::test]
async fn a_long_history_is_read_from_the_log_and_syncs_in_pages() {
    let server = Server::start(json!({"sync_page": 200})).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    for number in 1..=500 {
        ann.say("x", &number.to_string()).await;
    }
    assert_eq!(places(&ann.ping().await), (1..=500).collect::<Vec<_>>());
    // There is no time limit on recognising a resend.
    ann.say("x", "1").await;
    let again = ann.receive("message_ack").await;
    assert_eq!((&again["sequence_id"], &again["duplicate"]), (&json!(1), &json!(true)));
    let mut ben = server.try_connect("ben", &talk, "?last_sequence_id=0").await.unwrap();
    assert_eq!(places(&ben.ping().await), (1..=500).collect::<Vec<_>>());
    let mut after = 0;
    let mut pages = Vec::new();
    loop {
        ben.send(json!({"type": "sync", "last_sequence_id": after})).await;
        let page = ben.receive("sync").await;
        let messages = page["messages"].as_array().unwrap();
        pages.push(messages.len());
        after = messages.last().unwrap()["sequence_id"].as_u64().unwrap();
        assert_eq!(page["current_sequence_id"], 500);
        if page["has_more"] == false {
            break;
        }
    }
    assert_eq!((pages.as_slice(), after), (&[200, 200, 100][..], 500));
    for impossible in [json!(-1), json!(501), json!("1"), Value::Null] {
        ben.send(json!({"type": "sync", "last_sequence_id": impossible})).await;
        assert_eq!(ben.receive("error").await["error"], "invalid_sync");
    }
}

#[tokio::test]
async fn all_sockets_see_one_order() {
    let server = Server::start(json!({})).await;
    let talk = server.conversation(&["ann", "ben", "cat"]).await;
    let mut sockets = Vec::new();
    for user in ["ann", "ben", "cat"] {
        sockets.push(server.enter(user, &talk).await);
    }
    for number in 0..100 {
        for socket in &mut sockets {
            socket.say("x", &number.to_string()).await;
        }
    }
    let mut orders = Vec::new();
    for socket in &mut sockets {
        let mut order = Vec::new();
        while order.len() < 300 {
            let frame = socket.next().await.unwrap();
            if !places(std::slice::from_ref(&frame)).is_empty() {
                let message = if frame["type"] == "message" { &frame["message"] } else { &frame };
                order.push((message["sequence_id"].clone(), message["message_id"].clone()));
            }
        }
        orders.push(order);
    }
    assert!(orders.iter().all(|order| *order == orders[0]));
    let places: Vec<u64> = orders[0].iter().map(|(place, _)| place.as_u64().unwrap()).collect();
    assert_eq!(places, (1..=300).collect::<Vec<_>>());
}

#[tokio::test]
async fn typing_is_relayed_throttled_and_ended_by_a_message() {
    let server = Server::start(json!({"typing_interval_ms": 3_600_000})).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    let mut ben = server.enter("ben", &talk).await;
    ann.ping().await;
    for typing in [true, true, false, false] {
        ann.send(json!({"type": "typing", "isTyping": typing})).await;
    }
    assert_eq!(types(&ann.ping().await), Vec::<&str>::new());
    let seen: Vec<Value> = ben.ping().await.iter().map(|frame| frame["isTyping"].clone()).collect();
    assert_eq!(seen, [true, false, false]);
    ben.send(json!({"type": "typing", "isTyping": true})).await;
    ben.say("done", "1").await;
    ben.ping().await;
    let frames = ann.ping().await;
    assert_eq!(types(&frames), ["typing", "message", "typing"]);
    assert_eq!((&frames[0]["isTyping"], &frames[2]["isTyping"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn behind_an_impossible_start_the_error_is_told_then_the_newest_messages() {
    let server = Server::start(json!({})).await;
    let talk = server.conversation(&["ann"]).await;
    let mut ann = server.enter("ann", &talk).await;
    ann.say("only one", "1").await;
    ann.ping().await;
    for known in ["-1", "2", "x", "", "18446744073709551616"] {
        let query = format!("?last_sequence_id={known}");
        let frames = server.try_connect("ann", &talk, &query).await.unwrap().ping().await;
        assert_eq!(types(&frames), ["connected", "participant_list", "error", "message"], "{known:?}");
        assert_eq!((&frames[2]["error"], &frames[2]["code"]), (&json!("invalid_sync"), &json!(400)));
    }
}

#[tokio::test]
async fn of_a_flood_of_typing_the_last_state_is_told() {
    let server = Server::start(json!({"typing_interval_ms": 300})).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    let mut ben = server.enter("ben", &talk).await;
    ann.receive("participant_update").await;
    for typing in [true, false, true] {
        ann.send(json!({"type": "typing", "isTyping": typing})).await;
    }
    ann.ping().await;
    // The second beginning comes too soon; it is told when it may be, without another frame.
    let told = [ben.receive("typing").await, ben.receive("typing").await, ben.receive("typing").await];
    assert_eq!(told.map(|frame| frame["isTyping"].clone()), [json!(true), json!(false), json!(true)]);
    // What a message ends need not be told any more.
    for typing in [false, true] {
        ann.send(json!({"type": "typing", "isTyping": typing})).await;
    }
    ann.say("hello", "1").await;
    ann.ping().await;
    let frames = ben.ping().await;
    assert_eq!(types(&frames), ["typing", "message"]);
}
