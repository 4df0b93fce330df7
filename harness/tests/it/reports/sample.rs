//! An event file with everything that reports have to tell, hostile texts included.

use serde_json::{Value, json};

/// What no report may take for anything but text.
pub(crate) const HOSTILE: &str =
    "</script><img src=x onerror=\"window.taken=1\"> ]]> <!-- \u{0}\u{1b}[31mred\u{1b}[0m \u{fffe} & | `x` %0A";

/// The first line.
pub(crate) fn started(shard: Option<&str>, scenarios: usize) -> Value {
    json!({
        "at_us": 0, "event": "run_started", "version": 2, "roundtable": "0.1.0", "started": "2026-03-04T05:06:07.5Z",
        "seed": 7, "scenarios": scenarios, "jobs": 2, "server": "in process", "shard": shard,
    })
}

/// The last line.
pub(crate) fn finished(passed: usize, failed: usize) -> Value {
    json!({
        "at_us": 2_000_000, "event": "run_finished", "passed": passed, "failed": failed, "skipped": 0, "no_server": 0,
        "not_begun": 0, "interrupted": false, "unproven": 0, "unknown": 0, "updated": 0, "orphans": [],
        "took_us": 2_000_000,
    })
}

/// A scenario's beginning.
pub(crate) fn begins(label: &str) -> Value {
    json!({
        "scenario": instance(label), "at_us": 0, "event": "scenario_started", "title": format!("About {label}"),
        "file": format!("scenarios/{label}.yaml"), "tags": ["one", "two"], "participants": ["ann", "ben"],
        "server": "http://127.0.0.1:1",
    })
}

/// A scenario's end.
pub(crate) fn ends(label: &str, took_ms: u64, outcome: &Value) -> Value {
    json!({
        "scenario": instance(label), "at_us": 1_000_000, "event": "scenario_finished", "label": label,
        "title": format!("About {label}"), "file": format!("scenarios/{label}.yaml"), "repetition": 1, "attempt": 1,
        "outcome": outcome, "took_us": took_ms * 1000, "unproven": 0, "unknown": [],
        "log": [{ "at_us": 1500, "text": "INFO the server says hello" }],
        "snapshots": [], "updated": 0, "idle_redactions": [], "server": "http://127.0.0.1:1", "people": [],
    })
}

fn instance(label: &str) -> Value {
    json!({ "label": label, "repetition": 1, "attempt": 1 })
}

pub(crate) fn passed() -> Value {
    json!({ "status": "passed" })
}

pub(crate) fn failed(failures: &[Value]) -> Value {
    json!({ "status": "failed", "failures": failures })
}

/// A failure at line 9 of a scenario.
pub(crate) fn failure(label: &str, kind: &str, headline: &str) -> Value {
    json!({
        "kind": kind, "headline": headline,
        "place": { "file": format!("scenarios/{label}.yaml"), "line": 9, "column": 5, "text": "- ben: { sees: hello }" },
        "inside": [{ "file": "scenarios/protocols/chat.yaml", "line": 66, "column": 9, "text": "- me: receive" }],
        "participant": "ben", "expected": "{\"type\":\"message\",\"text\":\"hello\"}",
        "nearest": {
            "what": "frame 3 on main: {\"type\":\"message\"…", "entry": 4,
            "whole": "{\"type\":\"message\",\"text\":\"hullo\",\"more\":[1,2]}",
            "differences": ["$.text: expected \"hello\", got \"hullo\""],
        },
        "came": [{ "at_us": 2500, "frame": "{\"type\":\"other\"}", "taken_by": null }], "late": "it never came", "details": ["one more line"],
        "diff": [], "step": 3, "entries": [], "snapshot": null,
    })
}

/// A failure all of whose texts are hostile.
fn hostile(label: &str) -> Value {
    let mut failure = failure(label, "expectation", HOSTILE);
    failure["inside"][0]["text"] = HOSTILE.into();
    failure["came"][0]["frame"] = HOSTILE.into();
    failure["details"] = json!([HOSTILE]);
    failure
}

/// A failure of a snapshot.
pub(crate) fn changed(label: &str) -> Value {
    let mut failure = failure(label, "snapshot", "the snapshot `end` changed its shape");
    failure["expected"] = Value::Null;
    failure["nearest"] = Value::Null;
    failure["diff"] = json!([
        { "kind": "shape", "text": "ann.state.people[1]: an object became a string" },
        { "kind": "hunk", "text": "@@ -1,2 +1,2 @@" },
        { "kind": "removed", "text": "  - {name: Ben}" },
        { "kind": "added", "text": "  - Ben" },
    ]);
    failure["snapshot"] = json!({ "name": "end", "file": "talk/x/end.snap", "old": "a", "new": "b" });
    failure
}

/// Every way to end, among so many scenarios that passed.
pub(crate) fn everything(plain: usize) -> Vec<Value> {
    let mut lines = vec![started(None, plain + 9)];
    let mut scenario = |label: &str, took: u64, outcome: Value, more: Value| {
        lines.push(begins(label));
        let mut end = ends(label, took, &outcome);
        for (key, value) in more.as_object().into_iter().flatten() {
            end[key] = value.clone();
        }
        lines.push(end);
    };
    let none = json!({});
    for number in 0..plain {
        scenario(&format!("plain/number_{number:03}"), 3 + number as u64 % 40, passed(), none.clone());
    }
    let odd = "talk/a_hostile@a b";
    scenario(odd, 900, failed(&[hostile(odd)]), json!({ "title": HOSTILE, "owner": "chat" }));
    scenario("talk/changed", 30, failed(&[changed("talk/changed")]), none.clone());
    scenario("talk/late", 40, failed(&[failure("talk/late", "late", "ben got it late")]), none.clone());
    scenario("talk/died", 50, failed(&[failure("talk/died", "server_died", "the server ended")]), none.clone());
    let before =
        json!([{ "took_us": 7000, "failures": [failure("talk/flaky", "expectation", "ben never got it")], "log": [] }]);
    let said =
        |invariant: &str, verdict: Value| json!({ "invariant": invariant, "stream": "talk", "verdict": verdict });
    let why = "nothing that was sent was acknowledged";
    let invariants = [
        said("same_order", json!({ "status": "held", "judged": 12 })),
        said("no_gaps", json!({ "status": "not_asked" })),
        said("reaches_all", json!({ "status": "unknown", "why": why })),
        said("acked_not_lost", json!({ "status": "unknown", "why": why, "excepted": "the server is killed" })),
    ];
    scenario(
        "talk/flaky",
        60,
        passed(),
        json!({ "attempt": 2, "earlier": before, "invariants": invariants, "unknown": [why] }),
    );
    let quarantine = json!({ "issue": "CHAT-7", "until": "2030-01-01", "expired": false });
    scenario(
        "talk/quarantined",
        70,
        failed(&[failure("talk/quarantined", "expectation", "known")]),
        json!({ "quarantine": quarantine }),
    );
    scenario("rest/skipped", 0, json!({ "status": "skipped", "reason": "no python3" }), none.clone());
    let gone = "the server ended with code 3 while talk/died was played";
    scenario("rest/gone", 0, json!({ "status": "not_run", "reason": gone, "class": "server_died" }), none.clone());
    let waiting = json!([{ "participant": "ann", "what": "a frame", "waited_us": 3_000_000, "place": null }]);
    scenario("rest/stopped", 80, json!({ "status": "interrupted", "waiting": waiting }), none);
    let mut end = finished(plain + 1, 4);
    for (key, value) in [("skipped", 1), ("not_run", 1), ("flaky", 1), ("quarantined", 1)] {
        end[key] = value.into();
    }
    end["classes"] = json!({ "product": 2, "late": 1, "server_died": 1 });
    lines.push(end);
    lines
}

/// The lines as a file.
pub(crate) fn text(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}
