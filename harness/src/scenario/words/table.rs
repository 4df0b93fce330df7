//! The table.

use super::Place::{Action, Control, ControlModifier, File, Modifier, Outcome, Participant, Protocol, Stream, Verb};
use super::{Doer, Word, beside, by, needed, word};

pub(super) const ANY: &str = "{}";
pub(super) const PATTERN: &str = r##"{"$ref": "#/$defs/pattern"}"##;
pub(super) const PATTERNS: &str = r##"{"type": "array", "items": {"$ref": "#/$defs/pattern"}, "minItems": 1}"##;
pub(super) const STEPS: &str = r##"{"type": "array", "items": {"$ref": "#/$defs/step"}}"##;
pub(super) const STRING: &str = r#"{"type": "string"}"#;
pub(super) const STRINGS: &str = r#"{"type": "array", "items": {"type": "string"}}"#;
/// A list, or one alone.
pub(super) const NAMED: &str = r#"{"type": ["array", "string"], "items": {"type": "string"}}"#;
pub(super) const MAP: &str = r#"{"type": "object"}"#;
/// A JSONPath.
pub(super) const FIXED_PATH: &str = r#"{"type": "string", "pattern": "^\\$"}"#;
pub(super) const BOOLEAN: &str = r#"{"type": "boolean"}"#;
pub(super) const DURATION: &str =
    r#"{"type": ["string", "integer"], "pattern": "^([0-9]+(\\.[0-9]+)?(ms|s|m)|\\{\\{.*\\}\\})$"}"#;
/// A length of time that is known before the run.
pub(super) const FIXED_DURATION: &str = r#"{"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(ms|s|m|h)$"}"#;
pub(super) const EXAMPLES: &str = r#"{"oneOf": [{"type": "array", "items": {"type": "object"}, "minItems": 1}, {"type": "string", "pattern": "\\.([cC][sS][vV]|[jJ][sS][oO][nN])$"}]}"#;
pub(super) const REDACT: &str = r##"{"type": "array", "items": {"$ref": "#/$defs/redaction"}}"##;
pub(super) const QUARANTINE: &str = r##"{"$ref": "#/$defs/quarantine"}"##;
pub(super) const NAMES: &str = r#"{"type": "object", "additionalProperties": {"type": "string"}}"#;
pub(super) const COUNT: &str = r#"{"type": ["integer", "string"], "minimum": 0}"#;
/// The schema of a word that takes nothing.
pub const NOTHING: &str = r#"{"type": ["object", "null"], "maxProperties": 0}"#;
pub(super) const WISHES: &str = r##"{"$ref": "#/$defs/wishes"}"##;
pub(super) const REFUSED: &str = r##"{"oneOf": [{"type": ["integer", "string"]}, {"$ref": "#/$defs/refusal"}]}"##;

const HTTP: &[&str] = &[
    "query",
    "headers",
    "json",
    "text",
    "form",
    "status",
    "expect",
    "expect_headers",
    "capture",
    "gives_up",
    "within",
    "main",
];
const HTTP_READ: &[&str] =
    &["query", "headers", "status", "expect", "expect_headers", "capture", "eventually", "gives_up", "within", "main"];
const EXPECT: &[&str] = &["within", "since", "via", "capture"];
const COUNTED: &[&str] = &["since", "via", "times", "for"];
const NONE: &[&str] = &["within", "since", "via", "for"];
/// Every word.
pub const WORDS: &[Word] = &[
    needed(word(
        File,
        "scenario",
        STRING,
        "Two people talk",
        "The scenario's title, one line that says what it shows.",
    )),
    word(File, "use", STRING, "chat", "The protocol file: protocols/NAME.yaml in this folder or the nearest above."),
    word(File, "tags", NAMED, "[membership]", "Words by which `--tag` selects scenarios."),
    needed(word(
        File,
        "participants",
        MAP,
        "{ alice: {}, bob: { name: Bob } }",
        "Who takes part, in the order in which groups and `all` act.",
    )),
    needed(word(File, "steps", STEPS, "[{ note: hello }]", "What happens, one step after another.")),
    word(
        File,
        "examples",
        EXAMPLES,
        "[{ mode: a }]",
        "A table: the scenario runs once a row, and its templates see the row's columns. Rows, or the path of a .csv or .json file from this file's folder.",
    ),
    word(
        File,
        "server",
        WISHES,
        "{ config: { queue_capacity: 3 } }",
        "What this scenario asks of its server: `config` (keys of our server's configuration), `env` and `args` (of a command); `own: true` where it disturbs others on a shared one. Templates see the stubs and the row.",
    ),
    word(
        File,
        "stubs",
        r##"{"type": "object", "additionalProperties": {"$ref": "#/$defs/stub"}}"##,
        "{ llm: {} }",
        "HTTP servers that the scenario answers for, in place of those that the server under test asks. Each listens before that starts: `server` tells it where, `{{ llm.url }}`. Its steps receive requests and reply.",
    ),
    word(File, "strict", BOOLEAN, "true", "Whether frames that no step took fail the scenario at its end."),
    word(File, "ignore", PATTERNS, "[{ type: typing }]", "With `strict`: frames that may be left untaken."),
    word(File, "always", STEPS, "[{ note: bye }]", "Steps that run at the end, also after a failure."),
    word(
        File,
        "expect_failure",
        STRING,
        "known defect",
        "The reason for which this scenario fails today; an unexpected pass fails.",
    ),
    word(
        File,
        "redact",
        REDACT,
        "[{ path: $.uptime, with: '[uptime]' }]",
        "Values that this scenario's snapshots don't keep, besides those of its protocol.",
    ),
    word(File, "owner", STRING, "team-rooms", "Who looks after this scenario; reports show it beside a failure."),
    word(
        File,
        "quarantine",
        QUARANTINE,
        "{ issue: ROOM-12, until: 2999-12-31 }",
        "The scenario is played and its failure doesn't count, until this day; `issue` says where it is worked on.",
    ),
    word(File, "timeout", FIXED_DURATION, "30s", "How long the whole scenario may take; then it fails."),
    word(Participant, "name", STRING, "Alice Lidell", "The display name; the default is the key in title case."),
    word(
        Participant,
        "count",
        r#"{"type": "integer", "minimum": 1, "maximum": 1000}"#,
        "3",
        "Makes a group: `member` with count 3 is member_1, member_2, member_3.",
    ),
    word(Participant, "use", STRING, "backoffice", "Another protocol file for this participant."),
    word(
        Participant,
        "identity",
        MAP,
        "{ id: x, token: y }",
        "Values that take the place of the protocol's identity templates.",
    ),
    word(
        Participant,
        "headers",
        MAP,
        "{ x-device: phone }",
        "Headers on all of its requests and handshakes; null removes one of the protocol's.",
    ),
    beside(
        word(
            Control,
            "parallel",
            r##"{"oneOf": [{"type": "array", "items": {"$ref": "#/$defs/step"}}, {"type": "object", "additionalProperties": {"type": "array", "items": {"$ref": "#/$defs/action"}}}]}"##,
            "[{ note: a }, { note: b }]",
            "Runs its steps at once, or each participant's lane of actions beside the others. All branches finish.",
        ),
        &[],
    ),
    beside(
        word(
            Control,
            "race",
            r##"{"$ref": "#/$defs/race"}"##,
            "{ of: all, do: { get: / } }",
            "Everybody in a group does one thing at one release instant; `outcomes` says who may end how, and names them, in snapshots too.",
        ),
        &[],
    ),
    beside(word(Control, "repeat", COUNT, "3", "Runs `steps` so many times; `index` counts from 1."), &["steps"]),
    beside(
        word(
            Control,
            "for_each",
            r#"{"type": "object", "minProperties": 1, "maxProperties": 1}"#,
            "{ x: [1, 2] }",
            "Runs `steps` once for each value, under the name given.",
        ),
        &["steps"],
    ),
    beside(
        word(
            Control,
            "snapshot",
            r##"{"oneOf": [{"type": "string"}, {"$ref": "#/$defs/snapshot"}]}"##,
            "after the talk",
            "Compares every participant's state and inboxes with the stored snapshot. Kinds of frames that were raced stand in `unordered`; `of` leaves out everybody else, `without` leaves out streams, kinds of frames and states.",
        ),
        &["unordered", "of", "without"],
    ),
    beside(
        word(
            Control,
            "check",
            STRING,
            "alice.id != bob.id",
            "An expression that must be true; a failure shows its parts.",
        ),
        &[],
    ),
    beside(word(Control, "note", STRING, "halfway", "A line in the report."), &[]),
    beside(
        word(
            Control,
            "server",
            r##"{"oneOf": [{"enum": ["restart", "stop", "start", "kill"]}, {"$ref": "#/$defs/log"}]}"##,
            "restart",
            "Acts on the server: `restart`, `stop`, `start`, `kill` (no farewell), or `logged: TEXT` waits for a line of its log.",
        ),
        &[],
    ),
    word(ControlModifier, "steps", STEPS, "[{ note: x }]", "What is repeated."),
    word(
        ControlModifier,
        "without",
        r#"{"type": ["array", "string"], "items": {"type": "string"}}"#,
        "[messages]",
        "With `snapshot`: these streams, kinds of frames and states are left out.",
    ),
    word(
        ControlModifier,
        "of",
        r#"{"type": ["array", "string"], "items": {"type": "string"}}"#,
        "[alice]",
        "With `snapshot`: only these participants and groups are shown.",
    ),
    word(ControlModifier, "unordered", NAMED, "[messages]", "Kinds of frames or streams whose order was raced."),
    beside(word(Action, "get", STRING, "/health", "An HTTP GET."), HTTP_READ),
    beside(word(Action, "post", STRING, "/things", "An HTTP POST."), HTTP),
    beside(word(Action, "put", STRING, "/things/1", "An HTTP PUT."), HTTP),
    beside(word(Action, "patch", STRING, "/things/1", "An HTTP PATCH."), HTTP),
    beside(word(Action, "delete", STRING, "/things/1", "An HTTP DELETE."), HTTP),
    beside(
        word(Action, "connect", STRING, "/ws", "Opens a WebSocket; its inbox keeps every frame from the handshake on."),
        &["as", "query", "headers", "subprotocols", "receive_buffer", "refused", "expect_headers", "within", "main"],
    ),
    beside(word(Action, "send", ANY, "{ type: hello }", "Sends a JSON frame."), &["via"]),
    beside(word(Action, "send_text", STRING, "not json", "Sends a text frame as it is."), &["via"]),
    beside(word(Action, "send_binary", STRING, "00ff", "Sends a binary frame, given in hexadecimal digits."), &["via"]),
    beside(
        word(
            Action,
            "close",
            r##"{"$ref": "#/$defs/close"}"##,
            "{ code: 1000 }",
            "Closes the connection with a close frame and waits for the server's.",
        ),
        &["via", "within"],
    ),
    beside(
        word(Action, "drop", NOTHING, "{}", "Ends the connection without a close frame, as a lost network does."),
        &["via"],
    ),
    by(
        Doer::Both,
        beside(
            word(
                Action,
                "closed",
                PATTERN,
                "{ code: 1000 }",
                "Waits until the server closes the connection; the pattern sees `{code, reason}`. At a stub: that the server gives up a request before its answer has ended.",
            ),
            &["via", "within", "to"],
        ),
    ),
    beside(
        word(Action, "stop_reading", NOTHING, "{}", "Leaves what the server sends in the network's buffers."),
        &["via"],
    ),
    beside(word(Action, "resume_reading", NOTHING, "{}", "Reads again."), &["via"]),
    by(
        Doer::Both,
        beside(
            word(
                Action,
                "receive",
                PATTERN,
                "{ type: hello }",
                "Waits for a frame and takes the earliest that matches; the others stay.",
            ),
            EXPECT,
        ),
    ),
    by(
        Doer::Both,
        beside(
            word(
                Action,
                "receive_next",
                PATTERN,
                "{ type: hello }",
                "The very next frame that no step took must match.",
            ),
            EXPECT,
        ),
    ),
    by(
        Doer::Both,
        beside(
            word(
                Action,
                "receive_in_order",
                PATTERNS,
                "[{ n: 1 }, { n: 2 }]",
                "Takes frames that match one behind the other; others may lie between.",
            ),
            EXPECT,
        ),
    ),
    by(
        Doer::Both,
        beside(
            word(
                Action,
                "receive_all",
                PATTERNS,
                "[{ n: 1 }, { n: 2 }]",
                "Takes a frame for each pattern, in any order.",
            ),
            EXPECT,
        ),
    ),
    beside(
        word(
            Action,
            "collect",
            PATTERN,
            "{ type: chunk }",
            "Takes every frame that matches, in order, up to one that matches `until`, which is taken too; at least one must match. A capture joins the texts that its path finds in them, and makes a list of anything else.",
        ),
        &["until", "within", "since", "via", "capture"],
    ),
    by(
        Doer::Both,
        beside(
            word(
                Action,
                "receive_nothing",
                PATTERN,
                "{ type: secret }",
                "No untaken frame up to the barrier may match.",
            ),
            NONE,
        ),
    ),
    by(
        Doer::Both,
        beside(
            word(
                Action,
                "received",
                PATTERN,
                "{ type: hello }",
                "Counts all frames that match up to the barrier, taken or not; `times` says how many there must be.",
            ),
            COUNTED,
        ),
    ),
    beside(
        word(
            Action,
            "mark",
            STRING,
            "before",
            "Runs the barrier and notes the place in the inbox; `since: NAME` looks only behind it.",
        ),
        &["via", "for"],
    ),
    by(
        Doer::Stub,
        beside(
            word(
                Action,
                "reply",
                r##"{"oneOf": [{"type": ["integer", "string"]}, {"$ref": "#/$defs/reply"}]}"##,
                "{ json: { answer: 4 } }",
                "Answers the earliest request that a step received and that has no answer yet: a status, or {status, headers, json, text, stream}. With `stream` the answer begins, and `chunk` goes on.",
            ),
            &["to"],
        ),
    ),
    by(
        Doer::Stub,
        beside(
            word(
                Action,
                "chunk",
                ANY,
                "{ delta: { content: Hello } }",
                "Sends a piece of the earliest stream that is open: JSON, or text as it is; in a `stream: sse` as the data of an event.",
            ),
            &["to"],
        ),
    ),
    by(
        Doer::Stub,
        beside(
            word(
                Action,
                "chunk_text",
                STRING,
                "'data: {\"ha'",
                "Sends text as it is, whatever the stream makes of chunks: half an event, or rubbish.",
            ),
            &["to"],
        ),
    ),
    by(
        Doer::Stub,
        beside(
            word(
                Action,
                "chunk_event",
                r##"{"$ref": "#/$defs/event"}"##,
                "{ event: done, data: { total: 3 } }",
                "Sends a server-sent event with its fields.",
            ),
            &["to"],
        ),
    ),
    by(
        Doer::Stub,
        beside(
            word(
                Action,
                "finish",
                NOTHING,
                "{}",
                "Ends a stream as it should end; a server that has left it by then has missed nothing.",
            ),
            &["to"],
        ),
    ),
    by(
        Doer::Stub,
        beside(
            word(
                Action,
                "hang_up",
                NOTHING,
                "{}",
                "Ends the connection of a request without the rest of its answer, or without any.",
            ),
            &["to"],
        ),
    ),
    by(
        Doer::Stub,
        beside(
            word(
                Action,
                "stop_listening",
                NOTHING,
                "{}",
                "Connections are refused from here on; requests that have come are still answered.",
            ),
            &[],
        ),
    ),
    by(
        Doer::Stub,
        beside(word(Action, "resume_listening", NOTHING, "{}", "Takes connections again, on the same port."), &[]),
    ),
    word(
        Modifier,
        "query",
        MAP,
        "{ limit: 5 }",
        "The query of the request. A list repeats the parameter; null leaves it out.",
    ),
    word(
        Modifier,
        "headers",
        MAP,
        "{ x-test: yes }",
        "Headers of the request; null removes one that the protocol sets.",
    ),
    word(Modifier, "json", ANY, "{ title: x }", "The body, as JSON."),
    word(Modifier, "text", STRING, "hello", "The body, as it is."),
    word(Modifier, "form", MAP, "{ user: a }", "The body, as a form."),
    word(Modifier, "status", PATTERN, "201", "The answer's status; the default is any of 200 to 299."),
    word(Modifier, "expect", PATTERN, "{ ok: true }", "What the answer's body must match."),
    word(
        Modifier,
        "expect_headers",
        MAP,
        "{ content-type: { $regex: json } }",
        "What the answer's headers must match, names in lower case.",
    ),
    word(
        Modifier,
        "capture",
        NAMES,
        "{ thing: $.id }",
        "Names for values of the answer or frame, by JSONPath; each must match exactly one value.",
    ),
    word(Modifier, "eventually", DURATION, "2s", "On GET only: asks again until the checks hold, at most so long."),
    word(
        Modifier,
        "gives_up",
        DURATION,
        "50ms",
        "The client drops the connection after so long, as one that ran out of patience; an answer before that fails the step.",
    ),
    word(Modifier, "within", DURATION, "2s", "Another deadline than the default."),
    word(Modifier, "since", STRING, "before", "Looks only at frames behind this mark."),
    word(Modifier, "via", STRING, "phone", "Which of several connections."),
    word(Modifier, "as", STRING, "phone", "The connection's name; without it there is one, `main`."),
    word(Modifier, "subprotocols", NAMED, "[chat]", "Subprotocols that the handshake offers."),
    word(
        Modifier,
        "receive_buffer",
        r#"{"type": "integer", "minimum": 1024}"#,
        "4096",
        "The socket's receive buffer, in bytes.",
    ),
    word(
        Modifier,
        "refused",
        REFUSED,
        "403",
        "The call must be refused like this; it takes the place of the call's own checks.",
    ),
    word(Modifier, "until", PATTERN, "{ type: chunk, last: true }", "With `collect`: the frame that ends the stream."),
    word(
        Modifier,
        "to",
        PATTERN,
        "{ path: /ask }",
        "Which of a stub's requests is meant: the earliest that fits, of those that a step received and that are open. Without it the earliest of all.",
    ),
    word(Modifier, "times", PATTERN, "1", "How many frames must match: a number or a pattern such as `{ $gte: 1 }`."),
    word(
        Modifier,
        "for",
        DURATION,
        "200ms",
        "Without a barrier: how long to listen before nothing counts as nothing. It is reported as unproven.",
    ),
    word(Modifier, "main", BOOLEAN, "true", "In a verb: the step that `refused` and the outcomes of a race speak of."),
    word(
        Outcome,
        "as",
        STRING,
        "winner",
        "The name under which those who ended so act from here on. Of one, `winner.id` is a value; of several, the list of theirs.",
    ),
    word(Outcome, "count", COUNT, "1", "How many must end so."),
    word(Outcome, "status", PATTERN, "201", "The answer's status."),
    word(Outcome, "expect", PATTERN, "{ ok: true }", "What the answer's body must match."),
    word(Outcome, "expect_headers", MAP, "{ retry-after: { $any: true } }", "What the answer's headers must match."),
    word(
        Outcome,
        "capture",
        NAMES,
        "{ order: $.id }",
        "Names for values of the answer; they belong to each participant that ended so.",
    ),
    needed(word(Protocol, "protocol", STRING, "chat", "The protocol's name.")),
    word(
        Protocol,
        "include",
        NAMED,
        "[common.yaml]",
        "Other protocol files, by their paths from this file's folder. Their verbs, streams, states and ids stand beside this file's own; identity, headers, barrier and fails are taken where this file has none.",
    ),
    word(Protocol, "server", STRING, "lobby", "Which server of roundtable.toml speaks it; the default is `[server]`."),
    word(
        Protocol,
        "identity",
        r##"{"$ref": "#/$defs/identity"}"##,
        "{ id: '{{ key }}', steps: [] }",
        "Who a participant is: templates for `id`, `token`, `name`, and `steps` that log in and capture more.",
    ),
    word(
        Protocol,
        "headers",
        MAP,
        "{ Authorization: 'Bearer {{ me.token }}' }",
        "Headers of every request and handshake.",
    ),
    word(
        Protocol,
        "barrier",
        r##"{"type": "object", "oneOf": [{"title": "echo", "required": ["echo"]}, {"title": "marker", "required": ["marker"]}, {"title": "get", "required": ["get"]}], "properties": {"echo": {"$ref": "#/$defs/echo"}, "marker": {"$ref": "#/$defs/marker"}, "get": {"$ref": "#/$defs/position"}}, "additionalProperties": false}"##,
        "{ echo: { send: { type: ping }, receive: { type: pong } } }",
        "How to know that everything caused before has arrived: `echo`, `marker` or `get`.",
    ),
    word(Protocol, "fails", PATTERN, "{ type: error }", "Frames that fail a scenario unless a step expects them."),
    word(
        Protocol,
        "verbs",
        MAP,
        "{ enter: { doc: Opens a socket., steps: [{ me: { connect: /ws } }] } }",
        "What participants can do, made of steps.",
    ),
    word(
        Protocol,
        "streams",
        MAP,
        "{ talk: { frame: { type: said }, stream: $.room, id: $.id, order: $.seq } }",
        "What the invariants and snapshots are about: frames that all members of a stream get in one order.",
    ),
    word(
        Protocol,
        "invariants",
        r#"{"type": "array", "items": {"enum": ["same_order", "no_duplicates", "no_gaps", "reaches_all", "members_only", "acked_not_lost"]}}"#,
        "[same_order]",
        "What must hold of every scenario's record.",
    ),
    word(
        Protocol,
        "state",
        r##"{"type": "object", "additionalProperties": {"$ref": "#/$defs/action"}}"##,
        "{ room: { get: '/rooms/{{ room }}' } }",
        "What a snapshot asks as each participant: a name and a GET.",
    ),
    word(
        Protocol,
        "kind",
        STRING,
        "$.type",
        "Where a frame names its kind, by which snapshots group it; the default is `$.type`.",
    ),
    word(
        Protocol,
        "ids",
        NAMES,
        "{ msg: 'msg_[0-9a-f]{12,}' }",
        "Kinds of ids, by regular expression; snapshots show placeholders for them.",
    ),
    word(Protocol, "ephemeral", PATTERNS, "[{ type: typing }]", "Frames that snapshots leave out."),
    word(
        Protocol,
        "coalesce",
        r##"{"type": "array", "items": {"$ref": "#/$defs/pieces"}}"##,
        "[{ frames: { type: chunk }, by: $.id, join: $.text }]",
        "Streamed pieces that snapshots show as one.",
    ),
    word(Protocol, "redact", REDACT, "[{ path: $.version, with: '[version]' }]", "Values that snapshots don't keep."),
    word(
        Protocol,
        "unordered",
        STRINGS,
        "['$.rooms']",
        "JSONPaths of lists whose order means nothing; snapshots sort them.",
    ),
    word(
        Verb,
        "takes",
        r#"{"type": ["string", "array", "object"]}"#,
        "text",
        "Its parameters: one name, a list of names, or a map of names with defaults. Of one that names a participant, `participants[NAME].id` is the id.",
    ),
    word(Verb, "gives", NAMED, "[last_seq]", "Captures that belong to the actor; the others belong to the scenario."),
    word(Verb, "doc", STRING, "Says something", "What it does, for people and editors."),
    needed(word(Verb, "steps", STEPS, "[{ me: close }]", "What it does; `me` is the actor.")),
    needed(word(Stream, "frame", PATTERN, "{ type: message }", "Which frames are deliveries.")),
    word(
        Stream,
        "stream",
        STRING,
        "$.room",
        "Where a delivery names its stream; without it there is one stream, of everybody.",
    ),
    word(
        Stream,
        "connection",
        STRING,
        "$.segments[1]",
        "Where a connection's request names its stream, over {path, segments, query}.",
    ),
    needed(word(Stream, "id", STRING, "$.id", "Where a delivery has its id.")),
    needed(word(
        Stream,
        "order",
        STRING,
        "$.seq",
        "Where a delivery has its place in the order. Whatever takes places from the same counter belongs to the same stream.",
    )),
    word(Stream, "client_id", STRING, "$.client_id", "Where a delivery has its sender's own id."),
    word(Stream, "resume", STRING, "after", "The query parameter with which a connection resumes behind a position."),
    word(
        Stream,
        "acks",
        r##"{"$ref": "#/$defs/acks"}"##,
        "{ frame: { type: ack }, id: $.id, order: $.seq }",
        "Which frames acknowledge a sending: {frame, id, order, stream?, client_id?, repeated?}.",
    ),
    word(
        Stream,
        "sends",
        r##"{"type": "array", "items": {"$ref": "#/$defs/sending"}}"##,
        "[{ frame: { type: say }, client_id: $.client_id }]",
        "What sends a delivery: {frame, client_id} or {request, stream, id, order}.",
    ),
    word(
        Stream,
        "membership",
        r##"{"$ref": "#/$defs/membership"}"##,
        "{ join: [], leave: [] }",
        "What begins and ends a membership: requests, as lists of {request, stream, member?}, or `connected: true`.",
    ),
    word(
        Stream,
        "readback",
        r##"{"$ref": "#/$defs/readback"}"##,
        "{ get: '/rooms/{{ stream }}', items: '$.items[*]', id: $.id, order: $.seq }",
        "How the stream is read back: {get, items, id, order, more?}.",
    ),
];
