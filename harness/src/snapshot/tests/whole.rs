//! From a history to the text.

use std::collections::BTreeMap;

use proptest::prelude::*;
use regex::Regex;
use serde_json::{Value, json};

use crate::history::{ConnectionId, Entry, EntryKind, History, Member, Payload};
use crate::invariant::simulator::{Chat, members, messages, path, pattern};
use crate::scenario::snapshot_rules::{Coalesce, IdKind, IdRule, Redaction, SnapshotRules};
use crate::snapshot::{Material, Normalised, StateAnswer, normalise};

/// 2026-01-15 at 10:30, which is what the made-up frames say.
const NOW: f64 = 1_768_473_000.0;
const KEYS: [&str; 3] = ["alice", "bob", "carol"];

fn rules() -> SnapshotRules {
    SnapshotRules {
        ids: vec![
            IdKind { name: "msg".to_owned(), rule: IdRule::Looks(Regex::new("msg_[0-9a-f]{12,}").expect("a kind")) },
            IdKind { name: "conv".to_owned(), rule: IdRule::Looks(Regex::new("conv_[0-9a-f]+").expect("a kind")) },
        ],
        ..SnapshotRules::default()
    }
}

struct Story {
    history: History,
    members: Vec<Member>,
    captures: BTreeMap<String, Value>,
    state: Vec<StateAnswer>,
    rules: SnapshotRules,
    unordered: Vec<String>,
    roles: Vec<(String, String)>,
    raced_from: usize,
    without: Vec<String>,
}

impl Story {
    fn new(chat: &Chat) -> Self {
        Self {
            history: chat.history.clone(),
            members: members(&KEYS),
            captures: BTreeMap::from([("conversation".to_owned(), json!("conv_1"))]),
            state: Vec::new(),
            rules: rules(),
            unordered: Vec::new(),
            roles: Vec::new(),
            raced_from: 0,
            without: Vec::new(),
        }
    }

    fn normalised(&self) -> Normalised {
        normalise(&Material {
            history: &self.history,
            members: &self.members,
            roles: &self.roles,
            raced_from: self.raced_from,
            began: NOW - 1.0,
            now: NOW,
            captures: &self.captures,
            run: "4711",
            state: &self.state,
            streams: &[messages()],
            rules: &self.rules,
            unordered_kinds: &self.unordered,
            without: &self.without,
            shown: &self.members.iter().map(|member| member.key.clone()).collect::<Vec<_>>(),
        })
    }

    fn text(&self) -> String {
        self.normalised().text
    }

    fn asked(&mut self, who: &str, answer: Value) {
        self.state.push(StateAnswer { participant: who.to_owned(), name: "conversation".to_owned(), answer });
    }
}

/// Two participants, alice with two devices, who said something each.
fn chat() -> Chat {
    let mut chat = Chat::new();
    chat.join("alice").join("bob").connect("alice", "main", None).connect("bob", "main", None);
    chat.say("alice", "hello").connect("alice", "phone", None).say("bob", "hi");
    chat
}

#[test]
fn whoever_wins_a_race_is_shown_as_the_winner() {
    let told = |winner: &str, loser: &str| {
        let mut chat = Chat::new();
        chat.join("alice").join("bob").connect("alice", "main", None).connect("bob", "main", None).say(winner, "first");
        let mut story = Story::new(&chat);
        story.roles = vec![(winner.to_owned(), "winner".to_owned()), (loser.to_owned(), "loser".to_owned())];
        for who in [winner, loser] {
            story.asked(who, json!({ "won": format!("{winner}_4711"), "by": format!("{winner} 4711 won") }));
        }
        story.text()
    };
    let text = told("alice", "bob");
    assert_eq!(text, told("bob", "alice"));
    insta::assert_snapshot!(text);
}

#[test]
fn what_one_participant_does_at_once_is_numbered_by_the_scenario_and_not_by_the_race() {
    const IDS: [&str; 2] = ["msg_aaaaaaaaaaaa", "msg_bbbbbbbbbbbb"];
    // Two branches each open a connection and send something over it; `began` says which of them came first.
    let told = |began: [u32; 2]| {
        let mut history = History::default();
        let mut note = |step: Option<usize>, what: EntryKind| {
            let entry = Entry { at: std::time::Duration::ZERO, participant: "alice".to_owned(), step, what };
            history.entries.push(entry);
        };
        for (number, branch) in began.into_iter().enumerate() {
            let (connection, name) = (ConnectionId(number), ["first", "second"][branch as usize].to_owned());
            let path = "/socket".to_owned();
            note(Some(number), EntryKind::Opened { connection, name, path, query: BTreeMap::new() });
            let frame = Payload::json(json!({ "type": "seen", "id": IDS[branch as usize] }));
            note(Some(number), EntryKind::Sent { connection, frame: frame.clone(), barrier: false });
            note(None, EntryKind::Received { connection, frame, barrier: false });
        }
        history.step_places = began.iter().enumerate().map(|(number, branch)| (number, vec![0, *branch])).collect();
        Story { history, ..Story::new(&Chat::new()) }.text()
    };
    let text = told([0, 1]);
    assert_eq!(text, told([1, 0]));
    insta::assert_snapshot!(text);
}

#[test]
fn what_came_before_a_race_has_no_roles() {
    let told = |winner: &str, loser: &str| {
        let mut chat = Chat::new();
        chat.join("alice").join("bob").connect("alice", "main", None).connect("bob", "main", None);
        chat.say("alice", "before the race");
        let raced_from = chat.history.entries.len();
        chat.say(winner, "won");
        let mut story = Story::new(&chat);
        (story.roles, story.raced_from) =
            (vec![(winner.to_owned(), "winner".to_owned()), (loser.to_owned(), "loser".to_owned())], raced_from);
        story.text()
    };
    let text = told("alice", "bob");
    assert_eq!(text, told("bob", "alice"));
    insta::assert_snapshot!(text);
}

#[test]
fn a_kind_of_a_stream_can_be_left_out() {
    let mut story = Story::new(&chat());
    story.without = vec!["message_ack".to_owned()];
    insta::assert_snapshot!(story.text());
}

#[test]
fn times_are_told_by_their_distance_from_the_scenario() {
    let mut story = Story::new(&chat());
    story.asked(
        "alice",
        json!({ "at": 1_768_473_000.25, "expires": "2026-01-15T11:30:00Z", "since": "2020-02-29T00:00:00Z", "seq": 4 }),
    );
    let text = story.text();
    assert!(text.contains(r#"{at: "[time]", expires: "[time +1h]", seq: 4, since: "2020-02-29T00:00:00Z"}"#), "{text}");
}

#[test]
fn ids_that_are_numbers_stand_for_their_participants() {
    let mut story = Story::new(&chat());
    (story.members[0].id, story.members[1].id, story.members[2].id) = (json!(101), json!(102), json!(7));
    story.asked("alice", json!({ "by": 101, "others": [102, 103], "text": "102 and 7 came", "n": 7, "from": 7 }));
    let text = story.text();
    for line in [r#"by: "[alice]""#, "from: 7", "n: 7", r#"others: ["[bob]", 103]"#, r#"text: "[bob] and 7 came""#] {
        assert!(text.contains(&format!("      {line}\n")), "{line} in {text}");
    }
    // A number that is too short to be told from others is an id where a path says so.
    story.rules.ids.push(IdKind { name: "user".to_owned(), rule: IdRule::At(path("$.from")) });
    let text = story.text();
    assert!(text.contains("      from: \"[carol]\"\n      n: 7\n"), "{text}");
}

#[test]
fn ids_at_declared_paths_are_numbered_by_who_sent_them() {
    let mut chat = chat();
    for id in [5001, 5002] {
        let frame = Payload::json(json!({ "type": "order", "order": id }));
        let what = EntryKind::Sent { connection: ConnectionId(1), frame, barrier: false };
        chat.history.entries.push(Entry { at: Default::default(), participant: "bob".to_owned(), step: None, what });
    }
    let mut story = Story::new(&chat);
    story.rules.ids.push(IdKind { name: "order".to_owned(), rule: IdRule::At(path("$..order")) });
    story.asked("alice", json!({ "orders": [{ "order": 5002 }, { "order": 5001 }, { "order": "abcdefghijk" }], "price": 5001, "last": "abcdefghijk" }));
    let text = story.text();
    assert!(text.contains(r#"- {order: "[bob.order.2]"}"#) && text.contains(r#"- {order: "[bob.order.1]"}"#), "{text}");
    assert!(text.contains(r#"- {order: "[order.1]"}"#) && text.contains(r#"last: "[order.1]""#), "{text}");
    assert!(text.contains("price: 5001"), "{text}");
}

#[test]
fn every_participant_has_a_block() {
    let mut story = Story::new(&chat());
    story.asked(
        "alice",
        json!({ "id": "conv_1", "title": "Alice 4711's chat", "participants": [
            { "participantId": "alice_4711", "displayName": "alice 4711", "isOnline": true, "joinedAt": "2026-01-15T10:30:00.123Z" },
            { "participantId": "bob_4711", "displayName": "bob 4711", "isOnline": true, "joinedAt": "2026-01-15T10:30:00Z" } ],
            "messages": [{ "id": "msg_000000000001" }, { "id": "msg_000000000002" }] }),
    );
    insta::assert_snapshot!(story.text(), @r#"
    alice:
      state:
        conversation:
          id: "[conversation]"
          messages:
            - {id: "[alice.msg.1]"}
            - {id: "[bob.msg.1]"}
          participants:
            - {displayName: alice, isOnline: true, joinedAt: "[time]", participantId: "[alice]"}
            - {displayName: bob, isOnline: true, joinedAt: "[time]", participantId: "[bob]"}
          title: Alice's chat
      messages:
        - message_ack 1 (main):
            client_message_id: "[alice.uuid.1]"
            duplicate: false
            message_id: "[alice.msg.1]"
            sequence_id: 1
        - message 1 (phone):
            conversation_id: "[conversation]"
            message:
              client_message_id: "[alice.uuid.1]"
              content: hello
              message_id: "[alice.msg.1]"
              sender_id: "[alice]"
              sequence_id: 1
              timestamp: "[time]"
        - message 2 (main + phone):
            conversation_id: "[conversation]"
            message:
              client_message_id: "[bob.uuid.1]"
              content: hi
              message_id: "[bob.msg.1]"
              sender_id: "[bob]"
              sequence_id: 2
              timestamp: "[time]"
      frames (main):
        connected: [{}]
      frames (phone):
        connected: [{}]
    bob:
      messages:
        - message 1:
            conversation_id: "[conversation]"
            message:
              client_message_id: "[alice.uuid.1]"
              content: hello
              message_id: "[alice.msg.1]"
              sender_id: "[alice]"
              sequence_id: 1
              timestamp: "[time]"
        - message_ack 2: {client_message_id: "[bob.uuid.1]", duplicate: false, message_id: "[bob.msg.1]", sequence_id: 2}
      frames:
        connected: [{}]
    carol: {}
    "#);
}

#[test]
fn a_new_message_renumbers_only_its_authors() {
    let mut before = Chat::new();
    before.join("alice").join("bob").connect("alice", "main", None).connect("bob", "main", None);
    before.say("alice", "one").say("alice", "two").say("bob", "three");
    let mut after = Chat::new();
    after.join("alice").join("bob").connect("alice", "main", None).connect("bob", "main", None);
    after.say("bob", "new").say("alice", "one").say("alice", "two").say("bob", "three");
    let placeholders = |text: &str, of: &str| {
        let kind = Regex::new(&format!(r"\[{of}\.msg\.\d+\]")).expect("an expression");
        kind.find_iter(text).map(|found| found.as_str().to_owned()).collect::<Vec<_>>()
    };
    let (before, after) = (Story::new(&before).text(), Story::new(&after).text());
    assert_eq!(placeholders(&before, "alice"), placeholders(&after, "alice"));
    assert_eq!(placeholders(&before, "bob"), ["[bob.msg.1]"; 2]);
    assert_eq!(placeholders(&after, "bob"), ["[bob.msg.1]", "[bob.msg.2]", "[bob.msg.1]", "[bob.msg.2]"]);
}

#[test]
fn what_nobody_sent_is_numbered_in_stream_order() {
    let mut chat = chat();
    for (order, id) in [(4, "msg_ffffffffffff"), (3, "msg_eeeeeeeeeeee")] {
        let frame = json!({ "type": "message", "conversation_id": "conv_1", "message": { "message_id": id, "sequence_id": order } });
        chat.received("bob", ConnectionId(1), frame);
    }
    let mut story = Story::new(&chat);
    story.asked("alice", json!({ "last": "msg_ffffffffffff", "other": "see msg_dddddddddddd, msg_ffffffffffff" }));
    story.asked("bob", json!({ "room": "dm_0f0e0d0c-0000-4000-8000-00000000abcd" }));
    insta::assert_snapshot!(story.text());
}

#[test]
fn a_change_of_shape_shows() {
    let mut story = Story::new(&chat());
    story.asked("alice", json!({ "participants": [{ "id": "alice_4711" }] }));
    let old = story.text();
    story.state[0].answer = json!({ "participants": ["alice_4711"] });
    let lines = crate::snapshot::diff_lines(&old, &story.text());
    assert_eq!(lines[0].text, "alice.state.conversation.participants[0]: an object became a string");
}

#[test]
fn ephemeral_and_barrier_frames_are_left_out_and_pieces_joined() {
    let mut chat = chat();
    let before = Story::new(&chat).text();
    let bob = ConnectionId(1);
    chat.received("bob", bob, json!({ "type": "typing" }));
    chat.received("bob", bob, json!({ "type": "pong" }));
    let pong = chat.history.entries.len() - 1;
    if let EntryKind::Received { barrier, .. } = &mut chat.history.entries[pong].what {
        *barrier = true;
    }
    let mut story = Story::new(&chat);
    story.rules.ephemeral = vec![pattern(&json!({ "type": "typing" }))];
    assert_eq!(story.text(), before);
    for (text, last) in [("Once ", false), ("upon ", false), ("a time", true)] {
        chat.received("bob", bob, json!({ "type": "ai", "to": "x", "text": text, "final": last }));
        chat.received("bob", bob, json!({ "type": "ai", "to": "y", "text": "-", "final": last }));
    }
    let mut story = Story::new(&chat);
    story.rules.ephemeral = vec![pattern(&json!({ "type": "typing" }))];
    story.rules.coalesce =
        vec![Coalesce { frames: pattern(&json!({ "type": "ai" })), by: path("$.to"), join: path("$.text") }];
    insta::assert_snapshot!(story.text());
}

#[test]
fn redactions_replace_and_those_without_a_match_are_told() {
    let redaction = |source: &str| Redaction {
        path: path(source),
        with: "[gone]".to_owned(),
        source: source.to_owned(),
        place: String::new(),
    };
    let mut story = Story::new(&chat());
    story.asked("bob", json!({ "uptime": 12, "nested": { "uptime": { "s": 1 } } }));
    story.rules.redact = vec![redaction("$..uptime"), redaction("$.nowhere"), redaction("$.message.content")];
    let normalised = story.normalised();
    assert_eq!(normalised.unmatched_redactions, ["$.nowhere"]);
    insta::assert_snapshot!(normalised.text);
}

#[test]
fn unordered_lists_are_sorted_as_they_are_shown() {
    let mut story = Story::new(&chat());
    story.rules.unordered = vec![path("$.online")];
    story.asked("alice", json!({ "online": ["bob_4711", "alice_4711"], "ordered": ["b", "a"] }));
    insta::assert_snapshot!(story.text());
}

#[test]
fn raced_deliveries_have_no_order() {
    let race = |first: &str, second: &str| {
        let mut chat = Chat::new();
        chat.join("alice").join("bob").join("carol").connect("carol", "main", None);
        chat.connect("alice", "main", None).connect("bob", "main", None);
        chat.say(first, &format!("from {first}")).say(second, &format!("from {second}"));
        let history: Vec<Value> =
            chat.log.iter().map(|(id, order)| json!({ "id": id, "sequence_id": order })).collect();
        let mut story = Story::new(&chat);
        story.unordered = vec!["message".to_owned()];
        story.asked("carol", json!({ "messages": history, "count": 2 }));
        story.text()
    };
    let text = race("alice", "bob");
    assert_eq!(text, race("bob", "alice"));
    insta::assert_snapshot!(text);
}

#[test]
fn raced_kinds_are_sorted_by_content() {
    let presence = |names: [&str; 2]| {
        let mut chat = chat();
        for name in names {
            chat.received("bob", ConnectionId(1), json!({ "type": "presence", "who": format!("{name}_4711") }));
        }
        let mut story = Story::new(&chat);
        story.unordered = vec!["presence".to_owned()];
        story.text()
    };
    assert_eq!(presence(["carol", "alice"]), presence(["alice", "carol"]));
}

#[test]
fn kinds_come_from_the_declared_path() {
    let mut chat = Chat::new();
    chat.join("alice").connect("alice", "main", None);
    chat.received("alice", ConnectionId(0), json!({ "event": { "name": "ready" }, "n": 1 }));
    let mut story = Story::new(&chat);
    story.rules.kind = Some(path("$.event.name"));
    insta::assert_snapshot!(story.text());
}

#[test]
fn ids_without_a_declared_kind_are_found_by_where_they_stand() {
    let mut story = Story::new(&chat());
    story.rules.ids.clear();
    story.asked("alice", json!({ "last": "msg_000000000001", "chat": "conv_1" }));
    let text = story.text();
    assert!(text.contains(r#"last: "[alice.messages.1]""#), "{text}");
    // A stream's value is an id where the scenario captured it.
    assert!(text.contains(r#"{chat: "[conversation]""#), "{text}");
    story.captures = BTreeMap::from([("word".to_owned(), json!("hello"))]);
    assert!(story.text().contains("content: hello") && story.text().contains("chat: conv_1"), "{}", story.text());
    // Nothing else that was captured is: neither what has digits, as prices and versions have, nor what has none.
    for captured in ["19.9900", "v2.10.3-rc1", "match-0815", "abcdefghijk"] {
        story.captures.insert("captured".to_owned(), json!(captured));
        story.state[0].answer = json!({ "path": format!("/things/{captured}"), "own": captured });
        let text = story.text();
        assert!(text.contains(&format!("path: /things/{captured}")) && !text.contains("[captured]"), "{text}");
    }
    story.rules.ids =
        vec![IdKind { name: "match".to_owned(), rule: IdRule::Looks(Regex::new("match-[0-9]+").expect("a kind")) }];
    story.captures = BTreeMap::from([("match".to_owned(), json!("match-0815"))]);
    story.state[0].answer = json!({ "path": "/matches/match-0815/players", "more": "match-0816" });
    let text = story.text();
    assert!(text.contains(r#"{more: "[match.1]", path: "/matches/[match]/players"}"#), "{text}");
}

#[test]
fn the_runs_suffix_is_removed_and_other_numbers_are_kept() {
    let mut story = Story::new(&chat());
    story.asked(
        "alice",
        json!({ "a": "room_4711", "b": "14711", "c": "x 47112", "d": "4711", "e": "Alice 4711, Bob 4711", "f": "e2e_alice_4711", "g": 4711 }),
    );
    insta::assert_snapshot!(story.text());
}

type Lane = (String, Option<ConnectionId>);

/// Who did what where: entries of different lanes have no order among each other.
fn lane(entry: &Entry) -> Lane {
    let connection = match &entry.what {
        EntryKind::Received { connection, .. } => Some(*connection),
        _ => None,
    };
    (entry.participant.clone(), connection)
}

proptest! {
    // Each case makes many snapshots.
    #![proptest_config(proptest::test_runner::Config::with_cases(48))]

    #[test]
    fn the_interleaving_of_participants_does_not_show(
        acts in prop::collection::vec((0..3_usize, 0..5_u8), 0..40),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 400),
    ) {
        let mut chat = chat();
        chat.join("carol").connect("carol", "main", None);
        for (who, act) in acts {
            match act {
                0 => chat.connect(KEYS[who], "main", None),
                1 => chat.post(KEYS[who], "posted"),
                2 => chat.hang_up(KEYS[who]),
                _ => chat.say(KEYS[who], "said"),
            };
        }
        let mut story = Story::new(&chat);
        let ids: Vec<Value> = chat.log.iter().map(|(id, _)| json!(id)).collect();
        story.asked("carol", json!({ "messages": ids }));
        let text = story.text();
        let mut lanes: Vec<(Lane, Vec<Entry>)> = Vec::new();
        for entry in &story.history.entries {
            match lanes.iter_mut().find(|(other, _)| *other == lane(entry)) {
                Some((_, entries)) => entries.push(entry.clone()),
                None => lanes.push((lane(entry), vec![entry.clone()])),
            }
        }
        let mut shuffled = Vec::new();
        for (_, lane) in &mut lanes {
            lane.reverse();
        }
        let mut picks = picks.into_iter().cycle();
        while let Some(pick) = picks.next().filter(|_| !lanes.is_empty()) {
            let place = pick.index(lanes.len());
            shuffled.extend(lanes[place].1.pop());
            if lanes[place].1.is_empty() {
                lanes.remove(place);
            }
        }
        prop_assert_eq!(shuffled.len(), story.history.entries.len());
        story.history.entries = shuffled;
        prop_assert_eq!(story.text(), text);
    }
}
