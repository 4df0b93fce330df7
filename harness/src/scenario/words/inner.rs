//! The words of smaller maps: what stands in a barrier, a stream's acks, a snapshot, and so on.

use super::Place::Inside;
use super::table::{ANY, BOOLEAN, FIXED_PATH, MAP, NAMED, NAMES, PATTERN, PATTERNS, STEPS, STRING};
use super::{Word, needed, word};

/// A map that stands within another one.
#[derive(Debug, Clone, Copy)]
pub struct Inner {
    /// The name of its definition in the schema; its words are at [`super::Place::Inside`] this.
    pub name: &'static str,
    /// Where it stands, as people say it.
    pub at: &'static str,
    /// Whether it may have other keys too.
    pub open: bool,
    /// Whether nothing at all is right as well.
    pub nullable: bool,
}

const fn map(name: &'static str, at: &'static str) -> Inner {
    Inner { name, at, open: false, nullable: false }
}

/// Every such map, in the order of the reference.
pub const MAPS: &[Inner] = &[
    map("wishes", "`server`, in a scenario file"),
    map("quarantine", "`quarantine`"),
    map("redaction", "an element of `redact`"),
    map("race", "`race`"),
    map("snapshot", "`snapshot`, written as a map"),
    map("log", "`server`, as a step that waits"),
    Inner { name: "close", at: "`close`", open: false, nullable: true },
    map("refusal", "`refused`, written as a map"),
    Inner { name: "identity", at: "`identity`, in a protocol file", open: true, nullable: false },
    map("echo", "`barrier`: `echo`"),
    map("marker", "`barrier`: `marker`"),
    map("position", "`barrier`: `get`"),
    map("acks", "`acks` of a stream"),
    map("sending", "an element of `sends`"),
    map("membership", "`membership` of a stream"),
    map("member", "a rule of `join` or `leave`"),
    map("readback", "`readback` of a stream"),
    map("pieces", "an element of `coalesce`"),
];

const RULES: &str =
    r##"{"oneOf": [{"type": "array", "items": {"$ref": "#/$defs/member"}}, {"$ref": "#/$defs/member"}]}"##;
const ACTION: &str = r##"{"$ref": "#/$defs/action"}"##;

/// Every word of those maps.
pub const INNER: &[Word] = &[
    word(Inside("wishes"), "config", MAP, "{ queue_capacity: 3 }", "Keys of our server's configuration."),
    word(
        Inside("wishes"),
        "env",
        r#"{"type": "object", "additionalProperties": {"type": ["string", "number"]}}"#,
        "{ LOG: debug }",
        "Variables of the server's environment, where it is a command.",
    ),
    word(
        Inside("wishes"),
        "args",
        r#"{"type": ["array", "string"], "items": {"type": ["string", "number"]}}"#,
        "[--small]",
        "More arguments of the server's command.",
    ),
    word(
        Inside("wishes"),
        "own",
        BOOLEAN,
        "true",
        "Whether it needs a server of its own, because it would disturb others.",
    ),
    needed(word(
        Inside("quarantine"),
        "issue",
        r#"{"type": ["string", "integer"]}"#,
        "ROOM-12",
        "Where it is worked on.",
    )),
    needed(word(
        Inside("quarantine"),
        "until",
        r#"{"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}"#,
        "2999-12-31",
        "The last day on which a failure doesn't count.",
    )),
    needed(word(
        Inside("redaction"),
        "path",
        FIXED_PATH,
        "$.uptime",
        "Where the value stands in a frame or in a state's answer, a JSONPath.",
    )),
    needed(word(Inside("redaction"), "with", STRING, "'[uptime]'", "What is shown in its place.")),
    needed(word(Inside("race"), "of", STRING, "all", "Who races: a group, `all`, or those whom another race named.")),
    needed(word(Inside("race"), "do", ACTION, "{ get: / }", "What each of them does.")),
    word(
        Inside("race"),
        "outcomes",
        r##"{"type": "array", "items": {"$ref": "#/$defs/outcome"}}"##,
        "[{ as: winner, count: 1, status: 201 }, { as: loser, status: 409 }]",
        "How it may end; each answer is one of them, compared in this order.",
    ),
    needed(word(Inside("snapshot"), "name", STRING, "after the talk", "Its name, once in a scenario.")),
    word(Inside("snapshot"), "unordered", NAMED, "[messages]", "Kinds of frames or streams whose order was raced."),
    word(Inside("snapshot"), "of", NAMED, "[alice]", "Only these participants and groups are shown."),
    word(Inside("snapshot"), "without", NAMED, "[typing]", "These streams, kinds of frames and states are left out."),
    needed(word(
        Inside("log"),
        "logged",
        PATTERN,
        "room closed",
        "A text that a line of the server's log holds, or a pattern for the whole line.",
    )),
    word(Inside("log"), "within", STRING, "2s", "Another deadline than the default."),
    word(Inside("close"), "code", r#"{"type": ["integer", "string"]}"#, "1000", "The close code, 1000 to 4999."),
    word(Inside("close"), "reason", STRING, "bye", "The reason that is sent along."),
    needed(word(Inside("refusal"), "status", PATTERN, "403", "The status of the refusal.")),
    word(Inside("refusal"), "expect", PATTERN, "{ error: full }", "What its body must match."),
    word(Inside("refusal"), "expect_headers", MAP, "{ retry-after: { $any: true } }", "What its headers must match."),
    word(Inside("refusal"), "capture", NAMES, "{ why: $.error }", "Names for values of its body."),
    word(Inside("identity"), "id", STRING, "'{{ key }}_{{ run }}'", "What the server knows the participant by."),
    word(
        Inside("identity"),
        "token",
        STRING,
        "'token_of_{{ id }}'",
        "What it proves itself with; reports never show it.",
    ),
    word(Inside("identity"), "name", STRING, "'{{ key | title }}'", "Its display name."),
    word(
        Inside("identity"),
        "steps",
        STEPS,
        "[{ me: { post: /login, json: { user: '{{ me.key }}' }, capture: { id: $.id } } }]",
        "Steps by which it logs in; what they capture belongs to it.",
    ),
    needed(word(Inside("echo"), "send", ANY, "{ type: ping }", "The frame that is sent.")),
    needed(word(
        Inside("echo"),
        "receive",
        PATTERN,
        "{ type: pong }",
        "The answer, which the server sends behind all deliveries.",
    )),
    needed(word(
        Inside("marker"),
        "do",
        ACTION,
        "{ send: { text: '{{ marker }}' } }",
        "What somebody else on the stream does; `marker` is a value that stands once.",
    )),
    needed(word(Inside("marker"), "receive", PATTERN, "{ text: '{{ marker }}' }", "What the watcher sees of it.")),
    word(
        Inside("marker"),
        "hides",
        PATTERNS,
        "[{ type: stored, text: '{{ marker }}' }]",
        "What else it causes: frames that stay out of every inbox.",
    ),
    needed(word(Inside("position"), "get", STRING, "'/rooms/a/position'", "What is asked, as the watcher.")),
    needed(word(Inside("position"), "offset", FIXED_PATH, "$.position", "Where the answer has the position.")),
    needed(word(Inside("position"), "frame", PATTERN, "{ type: said }", "Which frames move the watcher's position.")),
    needed(word(Inside("position"), "passed", FIXED_PATH, "$.position", "Where such a frame has its position.")),
    word(
        Inside("position"),
        "answers",
        PATTERN,
        "{ type: ack }",
        "Frames of which one answers each frame that is sent; without it nothing is proven behind a send.",
    ),
    needed(word(Inside("acks"), "frame", PATTERN, "{ type: ack }", "Which frames are acks.")),
    needed(word(Inside("acks"), "id", FIXED_PATH, "$.id", "Where an ack has the delivery's id.")),
    needed(word(Inside("acks"), "order", FIXED_PATH, "$.seq", "Where an ack has the delivery's place in the order.")),
    word(
        Inside("acks"),
        "stream",
        FIXED_PATH,
        "$.room",
        "Where an ack names its stream; without it the connection's is meant.",
    ),
    word(Inside("acks"), "client_id", FIXED_PATH, "$.client_id", "Where an ack repeats the sender's own id."),
    word(
        Inside("acks"),
        "repeated",
        PATTERN,
        "{ duplicate: true }",
        "Which acks answer a repeated sending, and are no delivery of their own.",
    ),
    word(Inside("sending"), "frame", PATTERN, "{ type: say }", "Frames that send a delivery; with `client_id`."),
    word(Inside("sending"), "client_id", FIXED_PATH, "$.client_id", "Where such a frame has the sender's own id."),
    word(
        Inside("sending"),
        "request",
        PATTERN,
        "{ method: POST, status: 201 }",
        "Requests that send a delivery, over {method, path, segments, query, json, status, answer}; with `stream`, `id` and `order`.",
    ),
    word(
        Inside("sending"),
        "stream",
        FIXED_PATH,
        "$.segments[1]",
        "Where such a request has its stream; needed where deliveries name theirs.",
    ),
    word(Inside("sending"), "id", FIXED_PATH, "$.answer.id", "Where its answer has the delivery's id."),
    word(Inside("sending"), "order", FIXED_PATH, "$.answer.seq", "Where its answer has the place in the order."),
    word(
        Inside("membership"),
        "join",
        RULES,
        "[{ request: { method: POST, status: 200 }, stream: '$.segments[1]' }]",
        "Requests after whose answer somebody is a member.",
    ),
    word(
        Inside("membership"),
        "leave",
        RULES,
        "[{ request: { method: DELETE, status: 200 }, stream: '$.segments[1]' }]",
        "Requests after whose answer somebody is none.",
    ),
    word(
        Inside("membership"),
        "connected",
        BOOLEAN,
        "true",
        "Whether an open connection is a membership: the handshake joins, the end of the last one leaves.",
    ),
    needed(word(
        Inside("member"),
        "request",
        PATTERN,
        "{ method: POST, status: 200 }",
        "Which requests, over {method, path, segments, query, json, status, answer}.",
    )),
    word(
        Inside("member"),
        "stream",
        FIXED_PATH,
        "$.segments[1]",
        "Where the stream stands in it; needed where deliveries name theirs.",
    ),
    word(
        Inside("member"),
        "member",
        FIXED_PATH,
        "$.json.user",
        "Where the members' ids stand; the default is whoever asked.",
    ),
    needed(word(
        Inside("readback"),
        "get",
        STRING,
        "'/rooms/{{ stream }}?after={{ after }}'",
        "What is asked, page by page; `after` is the last order that was read.",
    )),
    needed(word(Inside("readback"), "items", FIXED_PATH, "'$.items[*]'", "Where an answer has its items.")),
    needed(word(Inside("readback"), "id", FIXED_PATH, "$.id", "Where an item has its id.")),
    needed(word(Inside("readback"), "order", FIXED_PATH, "$.seq", "Where an item has its place in the order.")),
    word(Inside("readback"), "more", FIXED_PATH, "$.has_more", "Where an answer tells whether more follows."),
    needed(word(Inside("pieces"), "frames", PATTERN, "{ type: chunk }", "Which frames are pieces.")),
    needed(word(Inside("pieces"), "by", FIXED_PATH, "$.answer", "Where a piece names what it belongs to.")),
    needed(word(Inside("pieces"), "join", FIXED_PATH, "$.text", "Where it has the text that is joined.")),
];
