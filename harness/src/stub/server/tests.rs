use std::io;
use std::net::Ipv4Addr;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::*;
use crate::pattern::Pattern;
use crate::scenario::stub::StubReply;

fn given_text(text: &str) -> RenderedReply {
    let reply = StubReply {
        body: Some(crate::scenario::stub::ReplyBody::Text(crate::scenario::template::Template::literal(
            Default::default(),
            json!(text),
        ))),
        ..StubReply::default()
    };
    RenderedReply::of(&reply, &std::collections::BTreeMap::new()).unwrap()
}

fn port(stub: &RunningStub) -> u16 {
    stub.object()["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap()
}

async fn asks(stub: &RunningStub, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port(stub))).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: stub\r\n\r\n").as_bytes()).await.unwrap();
    stream
}

async fn reads(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn what_is_asked_before_anybody_listens_to_it_is_kept() {
    let stub = RunningStub::bind("shop").unwrap();
    let to = Pattern::compile(&json!({ "path": "/ready" })).unwrap();
    stub.answers.set(vec![(to, given_text("yes"))]).unwrap_or_else(|_| panic!("set twice"));
    stub.listen().await.unwrap();
    // A server that asks before it is ready.
    let answer = reads(asks(&stub, "/ready").await).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nyes"), "{answer}");
    let (tell, mut told) = mpsc::unbounded_channel();
    stub.tell(Box::new(move |one| {
        let _ = tell.send(match one {
            StubEvent::Asked(exchange) => exchange.request["path"].clone(),
            StubEvent::Answered(_, given) => given.value(),
            StubEvent::Ended(_, end) => json!(end.reason),
        });
    }));
    for expected in [json!("/ready"), json!({ "status": 200, "text": "yes" }), json!("answered")] {
        assert_eq!(told.recv().await.unwrap(), expected);
    }
    drop(asks(&stub, "/left").await);
    assert_eq!(told.recv().await.unwrap(), "/left");
    assert!(told.recv().await.unwrap().is_string());
}

#[tokio::test]
async fn a_port_that_is_shut_refuses_and_stays_ones_own() {
    let stub = RunningStub::bind("shop").unwrap();
    let connects = async || TcpStream::connect((Ipv4Addr::LOCALHOST, port(&stub))).await.map_err(|error| error.kind());
    let refused = Some(io::ErrorKind::ConnectionRefused);
    assert_eq!(connects().await.err(), refused);
    stub.listen().await.unwrap();
    stub.listen().await.unwrap();
    let mut idle = connects().await.unwrap();
    stub.stop_listening().await.unwrap();
    assert_eq!(connects().await.err(), refused);
    // Who has asked nothing is sent away.
    assert!(matches!(idle.read(&mut [0]).await, Ok(0) | Err(_)));
    stub.listen().await.unwrap();
    connects().await.unwrap();
}
