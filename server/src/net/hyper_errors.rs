//! Answers that the HTTP library gives by itself, to what it can't read: they get the body that every error has.

/// The answer in this server's form, if these bytes are one of the library's.
///
/// The library writes such an answer at once, without a body and without what every answer of this server has.
pub(super) fn with_body(written: &[u8]) -> Option<Vec<u8>> {
    let head = written.strip_prefix(b"HTTP/1.1 ")?.strip_suffix(b"\r\n\r\n")?;
    let head = std::str::from_utf8(head).ok()?.to_ascii_lowercase();
    let is_bare = head.contains("content-length: 0") && !head.contains("x-request-id");
    let status = head.split(' ').next().filter(|status| is_bare && status.starts_with('4'))?;
    let (reason, code, problem) = match status {
        "414" => ("URI Too Long", "URI_TOO_LONG", "the address is too long"),
        "431" => ("Request Header Fields Too Large", "HEADERS_TOO_LARGE", "the head of the request is too large"),
        _ => ("Bad Request", "INVALID_REQUEST", "the request is not HTTP/1.1"),
    };
    let body = format!(r#"{{"error":"{problem}","code":"{code}"}}"#);
    let answer = format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         x-content-type-options: nosniff\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    Some(answer.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bare_answers_are_the_librarys() {
        let bare = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let answer = String::from_utf8(with_body(bare).unwrap()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 431 ") && answer.ends_with(r#""code":"HEADERS_TOO_LARGE"}"#), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{answer}");
        for ours in [
            &b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nx-request-id: 1\r\n\r\n"[..],
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 9\r\n\r\n",
            b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n",
            b"{\"content\": \"HTTP/1.1 400\"}",
        ] {
            assert_eq!(with_body(ours), None);
        }
    }
}
