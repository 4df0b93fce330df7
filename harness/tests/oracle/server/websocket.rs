//! As much of RFC 6455 and HTTP/1.1 as the simulated server speaks, with bytes in its own hands so that it can break
//! them off anywhere.

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
const TEXT: u8 = 1;
const CLOSE: u8 = 8;

/// A frame of a client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FromClient {
    Text(String),
    Close,
    Other,
}

/// The bytes of a text frame.
pub(crate) fn text(text: &str) -> Vec<u8> {
    frame(TEXT, text.as_bytes())
}

/// The bytes of a close frame; an empty one without a code.
pub(crate) fn close(code: Option<u16>, reason: &str) -> Vec<u8> {
    let mut payload = Vec::new();
    if let Some(code) = code {
        payload.extend(code.to_be_bytes());
        payload.extend(reason.as_bytes());
    }
    frame(CLOSE, &payload)
}

fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![FIN | opcode];
    match u8::try_from(payload.len()) {
        Ok(short) if short < 126 => bytes.push(short),
        _ => {
            bytes.push(126);
            // Nothing here is longer than 64 KiB.
            bytes.extend(u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    bytes.extend(payload);
    bytes
}

/// Takes the first whole frame out of what has come.
pub(crate) fn take(bytes: &mut Vec<u8>) -> Option<FromClient> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (size, head) = match second & !MASKED {
        126 => (usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])), 4),
        short => (usize::from(short), 2),
    };
    let mask: [u8; 4] = bytes.get(head..head + 4)?.try_into().ok()?;
    let payload = bytes.get(head + 4..head + 4 + size)?;
    let payload: Vec<u8> = payload.iter().enumerate().map(|(place, byte)| byte ^ mask[place % 4]).collect();
    bytes.drain(..head + 4 + size);
    Some(match first & 0x0f {
        TEXT => FromClient::Text(String::from_utf8_lossy(&payload).into_owned()),
        CLOSE => FromClient::Close,
        _ => FromClient::Other,
    })
}

/// A request's head and body.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Without the query.
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    /// What `Sec-WebSocket-Key` says.
    pub(crate) key: Option<String>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Takes the first whole request out of what has come.
pub(crate) fn take_request(bytes: &mut Vec<u8>) -> Option<Request> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(bytes.get(..end)?).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let header = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let size = header("content-length").and_then(|size| size.parse().ok()).unwrap_or(0);
    let body = String::from_utf8_lossy(bytes.get(end..end + size)?).into_owned();
    bytes.drain(..end + size);
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let query = query.split('&').filter_map(|pair| pair.split_once('='));
    Some(Request {
        method,
        path: path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect(),
        query: query.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        key: header("sec-websocket-key"),
        body,
    })
}

/// The answer to a handshake, with what it says too much and without what it lacks.
pub(crate) fn accepted(key: &str, upgrade: bool, more: &str) -> Vec<u8> {
    let upgrade = if upgrade { "upgrade: websocket\r\n" } else { "" };
    let accept = derive_accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n{upgrade}sec-websocket-accept: {accept}\r\n{more}\r\n"
    )
    .into_bytes()
}

/// An answer with a JSON body.
pub(crate) fn answer(status: u16, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} Answer\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_frame_is_taken_when_it_is_whole() {
        let mut bytes = vec![0x81, 0x82, 1, 2, 3, 4, b'h' ^ 1];
        assert_eq!(take(&mut bytes), None);
        bytes.push(b'i' ^ 2);
        bytes.push(0x88);
        assert_eq!(take(&mut bytes), Some(FromClient::Text("hi".to_owned())));
        assert_eq!(bytes, [0x88]);
    }

    #[test]
    fn a_request_is_taken_with_its_body() {
        let mut bytes = b"POST /a/b?c=d HTTP/1.1\r\nContent-Length: 2\r\n\r\n{".to_vec();
        assert!(take_request(&mut bytes).is_none());
        bytes.extend(b"}GET");
        let request = take_request(&mut bytes).unwrap();
        assert_eq!((request.method.as_str(), request.body.as_str(), request.query("c")), ("POST", "{}", Some("d")));
        assert_eq!(request.path, ["a", "b"]);
        assert_eq!(bytes, b"GET");
    }
}
