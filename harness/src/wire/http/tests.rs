//! Requests to listeners that answer by hand.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::super::url::join;
use super::*;

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// Reads a request without a body, and gives it.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

async fn post(url: &str, route: &Route, heard: &AnswerSoFar) -> Result<Response, WireError> {
    let (url, headers) = (join(url, "/rooms", &[]).unwrap(), HeaderMap::new());
    Request { method: "POST", url: &url, headers: &headers, body: None }.answer(route, heard).await
}

#[tokio::test]
async fn no_request_meets_the_end_of_a_connection_that_was_kept() {
    let (listener, url) = listener().await;
    // Ends each connection behind its first answer, without having said so.
    let server = async {
        for number in 0..20 {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(head(&mut stream).await.starts_with("POST /rooms HTTP/1.1\r\n"));
            let answer = format!("HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{number:02}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    };
    let client = async {
        for number in 0..20 {
            let answer = post(&url, &Route::default(), &AnswerSoFar::default()).await.unwrap();
            assert_eq!((answer.status, &answer.body[..]), (201, format!("{number:02}").as_bytes()));
        }
    };
    tokio::join!(server, client);
}

#[tokio::test]
async fn what_came_of_an_answer_is_known_when_it_breaks_off() {
    let (listener, url) = listener().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nx-kind: slow\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
    };
    let heard = AnswerSoFar::default();
    let route = Route::default();
    let ((), answer) = tokio::join!(server, post(&url, &route, &heard));
    assert!(answer.is_err(), "{answer:?}");
    let begun = heard.so_far().unwrap();
    assert_eq!((begun.status, &begun.body[..]), (200, &b"half"[..]));
    assert_eq!(begun.headers["x-kind"], "slow");
}

#[tokio::test]
async fn a_server_that_answers_nothing_has_begun_nothing() {
    let (listener, url) = listener().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        head(&mut stream).await;
    };
    let (heard, route) = (AnswerSoFar::default(), Route::default());
    let ((), answer) = tokio::join!(server, post(&url, &route, &heard));
    assert!(answer.is_err() && heard.so_far().is_none(), "{answer:?}");
}

#[tokio::test]
async fn a_proxy_is_told_the_whole_address_and_loopback_is_reached_without() {
    let (proxy, proxy_url) = listener().await;
    let route = Route::through(Some(&proxy_url)).unwrap();
    let at_proxy = async {
        let (mut stream, _) = proxy.accept().await.unwrap();
        let asked = head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        asked
    };
    let heard = AnswerSoFar::default();
    let (asked, answer) = tokio::join!(at_proxy, post("http://rooms.invalid:8080/api", &route, &heard));
    assert_eq!(answer.unwrap().status, 204);
    assert!(asked.starts_with("POST http://rooms.invalid:8080/api/rooms HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("host: rooms.invalid:8080\r\n"), "{asked}");

    let (listener, url) = listener().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let asked = head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        asked
    };
    let (asked, answer) = tokio::join!(server, post(&url, &route, &heard));
    assert_eq!(answer.unwrap().status, 204);
    assert!(asked.starts_with("POST /rooms HTTP/1.1\r\n"), "{asked}");
}
