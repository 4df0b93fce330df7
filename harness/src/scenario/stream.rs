//! What a protocol file declares about its streams: which frames are deliveries, which are acks, who is a member.
//! Invariants and snapshots know nothing else of a protocol.

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::pattern::Pattern;

/// One stream of deliveries that all its members see in the same order, for example a chat's messages.
///
/// All JSONPaths are RFC 9535. Where a path finds nothing, the frame has no such property.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Its name in the protocol file; also its heading in snapshots.
    pub name: String,
    /// Which frames are deliveries.
    pub frame: Pattern,
    /// Where a delivery names its stream (`$.conversation_id`): several streams may share a connection. Without it
    /// there is one stream, and everything belongs to it.
    pub stream: Option<JsonPath>,
    /// Where a connection's request names its stream, over `{path, segments, query}` (`$.segments[2]`).
    /// Needed for acks that don't name theirs.
    pub connection: Option<JsonPath>,
    /// Where a delivery has its id.
    pub id: JsonPath,
    /// Where a delivery has its place in the order, an integer that grows by one.
    pub order: JsonPath,
    /// Where a delivery has the id that its sender gave it.
    pub client_id: Option<JsonPath>,
    /// The query parameter with which a connection resumes behind a position (`last_sequence_id`): its first
    /// delivery must be the one after that.
    pub resume: Option<String>,
    /// Which frames acknowledge a sending; unless they say otherwise an ack is the sender's delivery, at that place in
    /// its stream.
    pub acks: Option<Acks>,
    /// What sends a delivery: by it the sending step is known.
    pub sends: Vec<Send>,
    /// How participants become members, and how they leave.
    pub membership: Option<Membership>,
    /// How to read the stream back from the server.
    pub readback: Option<Readback>,
}

impl Stream {
    /// The stream that is named at this path; where there is only one, that one, by its name in the protocol file.
    pub fn named(&self, path: Option<&JsonPath>, value: &Value) -> Option<String> {
        match &self.stream {
            Some(_) => path.and_then(|path| text_at(path, value)),
            None => Some(self.name.clone()),
        }
    }
}

/// Which frames acknowledge a sent one.
#[derive(Debug, Clone)]
pub struct Acks {
    /// Which frames are acks.
    pub frame: Pattern,
    /// Where an ack has the delivery's id.
    pub id: JsonPath,
    /// Where an ack has the delivery's place in the order.
    pub order: JsonPath,
    /// Where an ack names its stream; without it the connection's stream is meant.
    pub stream: Option<JsonPath>,
    /// Where an ack repeats the sender's own id.
    pub client_id: Option<JsonPath>,
    /// Which acks answer a repeated sending, so that they are no delivery of their own (`{duplicate: true}`).
    pub repeated: Option<Pattern>,
    /// Whether an ack is its sender's delivery. Where it isn't, the sender gets the delivery as everybody does.
    pub delivers: bool,
}

/// Frames that refuse a frame of a client.
#[derive(Debug, Clone)]
pub struct Refusals {
    /// Which frames are refusals.
    pub frame: Pattern,
    /// Where they repeat the sender's own id of what is refused.
    pub client_id: JsonPath,
}

/// Something that sends a delivery.
#[derive(Debug, Clone)]
pub enum Send {
    /// A frame; its id is the sender's own (`client_id`).
    Frame {
        /// Which frames.
        frame: Pattern,
        /// Where it has the sender's own id.
        client_id: JsonPath,
        /// What refuses one, so that it has sent nothing.
        refused: Option<Refusals>,
    },
    /// A request, seen as `{method, path, segments, query, json, status, answer}`; its answer acknowledges the delivery.
    Request {
        /// Which requests (with the answer's status).
        request: Pattern,
        /// Where its stream stands; not needed where there is only one.
        stream: Option<JsonPath>,
        /// Where the delivery's id stands.
        id: JsonPath,
        /// Where the delivery's place in the order stands.
        order: JsonPath,
    },
}

/// What makes a member, and what ends a membership.
#[derive(Debug, Clone)]
pub struct Membership {
    /// Whether an open connection to the stream is a membership: the handshake joins, the last one's end leaves.
    pub connected: bool,
    /// Requests that make somebody a member, once answered.
    pub join: Vec<MemberRule>,
    /// Requests after whose answer somebody is no longer a member.
    pub leave: Vec<MemberRule>,
}

/// A request that changes who is a member.
#[derive(Debug, Clone)]
pub struct MemberRule {
    /// Which requests, seen as in [`Send::Request`].
    pub request: Pattern,
    /// Where the stream stands in the exchange; not needed where there is only one.
    pub stream: Option<JsonPath>,
    /// Where the members' identity ids stand (one or more); the default is the requesting participant's own.
    pub member: Option<JsonPath>,
}

/// How to read a stream back: pages of a GET, asked as a member.
#[derive(Debug, Clone)]
pub struct Readback {
    /// The path, a template in which `stream` is the stream's value and `after` the last order read (0 at first).
    pub get: String,
    /// Where an answer has its items.
    pub items: JsonPath,
    /// Where an item has its id.
    pub id: JsonPath,
    /// Where an item has its place in the order.
    pub order: JsonPath,
    /// Where an answer says whether more pages follow.
    pub more: Option<JsonPath>,
}

/// What the server itself has of a stream, read back at the end of a scenario.
#[derive(Debug, Clone)]
pub struct StoredStream {
    /// The stream's name in the protocol file.
    pub name: String,
    /// Its value in this scenario (`conv_…`).
    pub stream: String,
    /// The items' ids and orders, in the order in which they were read; an error's text where it couldn't be read.
    pub items: Result<Vec<(String, i64)>, String>,
}

/// The invariants that a protocol can ask for, by their names in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Invariant {
    /// Deliveries ascend within every connection, and everybody has the same id at the same place.
    SameOrder,
    /// No connection got a delivery twice.
    NoDuplicates,
    /// No place between two deliveries of a connection is missing.
    NoGaps,
    /// What was acknowledged before a barrier was asked is on the connection before the barrier's answer.
    ReachesAll,
    /// Nobody got a delivery that was sent after its leave was answered.
    MembersOnly,
    /// What was acknowledged is in the stream that the server gives back, once and at that place.
    AckedNotLost,
}

impl Invariant {
    /// All of them, with their names in protocol files and what they promise.
    pub const ALL: [(Self, &'static str, &'static str); 6] = [
        (
            Self::SameOrder,
            "same_order",
            "deliveries ascend within a connection, and everybody has the same id at the same place",
        ),
        (Self::NoDuplicates, "no_duplicates", "no connection gets a delivery twice"),
        (Self::NoGaps, "no_gaps", "no place between two deliveries of a connection is missing for its participant"),
        (
            Self::ReachesAll,
            "reaches_all",
            "what was acknowledged before a barrier was asked reaches every member's connection before its answer",
        ),
        (Self::MembersOnly, "members_only", "nobody gets a delivery that was sent after its leave was answered"),
        (
            Self::AckedNotLost,
            "acked_not_lost",
            "what was acknowledged is in the stream that the server gives back, once",
        ),
    ];

    /// What a protocol must declare for it, beside a stream's `frame`, `id` and `order`, as text for people.
    pub fn needs(self) -> &'static str {
        match self {
            Self::SameOrder | Self::NoDuplicates | Self::NoGaps => "nothing more",
            Self::ReachesAll => {
                "`membership`, an `echo` barrier, and `sends` with `acks`: an ack with `client_id`, or the answer of a request"
            }
            Self::MembersOnly => "`membership`; `acks` or `sends`, to know when something was sent",
            Self::AckedNotLost => "`readback`, and `acks` or a request in `sends`",
        }
    }

    /// Its name in protocol files.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(which, ..)| *which == self).map_or("", |(_, name, _)| name)
    }
}

/// The first value at a path, as text: strings as they are, numbers in decimal.
pub fn text_at(path: &JsonPath, value: &Value) -> Option<String> {
    match path.query(value).first()? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The first value at a path, as an integer.
pub fn integer_at(path: &JsonPath, value: &Value) -> Option<i64> {
    order_at(path, value).ok()?
}

/// The first value at a path, as a place in an order: an integer, however it is written (`7`, `7.0`). None where there is
/// no value, or an integer beyond 64 bits.
///
/// # Errors
/// The value that can't be a place, as JSON: a string, a fraction, null.
pub fn order_at(path: &JsonPath, value: &Value) -> Result<Option<i64>, String> {
    /// From here on not every integer is a floating-point number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let Some(found) = path.query(value).first() else {
        return Ok(None);
    };
    let whole = |number: &f64| number.fract() == 0.0 && number.abs() < EXACT;
    match found {
        Value::Number(number) if number.as_i64().is_some() => Ok(number.as_i64()),
        Value::Number(number) => match number.as_f64().filter(whole) {
            Some(whole) => Ok(Some(whole as i64)),
            None if number.to_string().bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()) => Ok(None),
            None => Err(found.to_string()),
        },
        _ => Err(found.to_string()),
    }
}
