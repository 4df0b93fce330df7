//! Stubs: what they do, what fails and how that is told.

use crate::courier;
use crate::project::{Project, Ran, snapshot};

/// A scenario in which `ann` and `ben` send the courier to the stub `shop`.
fn project(steps: &str) -> Project {
    with_stubs("shop: {}", steps)
}

fn with_stubs(stubs: &str, steps: &str) -> Project {
    let file = format!(
        "scenario: An errand\nuse: courier\nparticipants: {{ ann: {{}}, ben: {{}} }}\nstubs: {{ {stubs} }}\nsteps:\n  - all: enter\n{steps}"
    );
    Project::new().file("scenarios/protocols/courier.yaml", courier::PROTOCOL).file("scenarios/errand.yaml", &file)
}

#[track_caller]
fn passes(project: &Project) {
    let ran = project.play(&[]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

fn fails(project: &Project, name: &str) -> Ran {
    project.play(&[]).matches_snapshot(name)
}

#[test]
fn a_request_is_received_and_answered() {
    passes(&project(concat!(
        "  - ann: { asks: { url: '{{ shop.url }}/buy?what=tea&what=milk&for=me', json: { n: 2 }, headers: { x-who: ann, authorization: Bearer t } } }\n",
        "  - shop:\n",
        "      receive:\n",
        "        number: 1\n",
        "        method: POST\n",
        "        path: /buy\n",
        "        query: { what: [tea, milk], for: me }\n",
        "        headers: { x-who: ann, content-type: application/json, authorization: Bearer t }\n",
        "        json: { n: 2 }\n",
        "        text: { $absent: true }\n",
        "      capture: { count: $.json.n }\n",
        "  - shop: { reply: { status: 201, json: { sold: '{{ shop.count }}' } } }\n",
        "  - ann: { receive_in_order: [{ type: answer, status: 201, kind: application/json }, { type: piece, text: '{\"sold\":2}' }, { type: end }] }\n",
        "  - ann: { asks: { url: 'http://127.0.0.1:{{ shop.port }}/other', method: GET } }\n",
        "  - shop: { receive_next: { method: GET, number: 2, query: {}, json: { $absent: true } } }\n",
        "  - shop: { reply: { text: hello, headers: { content-type: null } } }\n",
        "  - ann: { receive_in_order: [{ type: answer, status: 200, kind: '' }, { text: hello }, { type: end }] }\n",
        "  - ann: { asks: { url: '{{ shop.url }}' } }\n",
        "  - shop: { receive: { path: /, number: 3 } }\n",
        "  - shop: { reply: 204 }\n",
        "  - ann: { receive_in_order: [{ type: answer, status: 204 }, { type: end }] }\n",
        "  - shop: { received: {}, times: 3, for: 1ms }\n",
    )));
}

#[test]
fn between_two_chunks_lie_the_steps_of_others() {
    passes(&project(concat!(
        "  - ann: { asks: { url: '{{ shop.url }}/a', errand: a } }\n",
        "  - shop: { receive: { path: /a } }\n",
        "  - shop: { reply: { stream: sse, headers: { x: y } } }\n",
        "  - ann: { receive: { type: answer, errand: a, kind: text/event-stream } }\n",
        "  - shop: { chunk: { word: one } }\n",
        "  - ann: { receive: { type: piece, text: \"data: {\\\"word\\\":\\\"one\\\"}\\n\\n\" } }\n",
        "  - ben: { asks: { url: '{{ shop.url }}/b', errand: b } }\n",
        "  - shop: { receive: { path: /b } }\n",
        "  - shop: { reply: { json: [] } }\n",
        "  - ben: { receive: { type: end, errand: b } }\n",
        "  - shop: { chunk: \"two\\nlines\" }\n",
        "  - ann: { receive: { type: piece, text: \"data: two\\ndata: lines\\n\\n\" } }\n",
        "  - shop: { chunk_event: { event: done, id: 7, data: { n: 1 } } }\n",
        "  - ann: { receive: { type: piece, text: \"event: done\\nid: 7\\ndata: {\\\"n\\\":1}\\n\\n\" } }\n",
        "  - shop: { chunk_text: 'data: {\"ha' }\n",
        "  - ann: { receive: { type: piece, text: 'data: {\"ha' } }\n",
        "  - shop: finish\n",
        "  - ann: { receive: { type: end, errand: a } }\n",
    )));
}

#[test]
fn streams_of_lines_and_of_anything() {
    passes(&project(concat!(
        "  - ann: { asks: { url: '{{ shop.url }}' } }\n",
        "  - shop: { receive: {} }\n",
        "  - shop: { reply: { status: 206, stream: lines } }\n",
        "  - shop: { chunk: { n: 1 } }\n",
        "  - ann: { receive_in_order: [{ status: 206, kind: application/x-ndjson }, { text: \"{\\\"n\\\":1}\\n\" }] }\n",
        "  - shop: finish\n",
        "  - ann: { receive: { type: end } }\n",
        "  - ann: { asks: { url: '{{ shop.url }}' } }\n",
        "  - shop: { receive: {} }\n",
        "  - shop: { reply: { stream: raw } }\n",
        "  - shop: { chunk: bits }\n",
        "  - ann: { receive_in_order: [{ kind: text/plain; charset=utf-8 }, { text: bits }] }\n",
        "  - shop: finish\n",
        "  - ann: { receive: { type: end } }\n",
    )));
}

#[test]
fn a_connection_ends_before_or_within_an_answer_and_may_be_refused() {
    passes(&project(concat!(
        "  - ann: { asks: { url: '{{ shop.url }}' } }\n",
        "  - shop: { receive: {} }\n",
        "  - shop: hang_up\n",
        "  - ann: { receive: { type: broken, why: no answer } }\n",
        "  - ann: { asks: { url: '{{ shop.url }}' } }\n",
        "  - shop: { receive: {} }\n",
        "  - shop: { reply: { stream: raw } }\n",
        "  - shop: { chunk: a word }\n",
        "  - shop: hang_up\n",
        "  - ann: { receive_in_order: [{ type: answer }, { text: a word }, { type: broken, why: half an answer }] }\n",
        "  - ann: { asks: { url: '{{ shop.url }}', errand: under way } }\n",
        "  - shop: { receive: {} }\n",
        "  - shop: stop_listening\n",
        "  - ben: { asks: { url: '{{ shop.url }}' } }\n",
        "  - ben: { receive: { type: broken, why: refused } }\n",
        "  - shop: { reply: { text: still here } }\n",
        "  - ann: { receive: { text: still here } }\n",
        "  - shop: resume_listening\n",
        "  - ben: { asks: { url: '{{ shop.url }}/again' } }\n",
        "  - shop: { receive: { path: /again } }\n",
        "  - shop: { reply: {} }\n",
        "  - ben: { receive: { type: answer, status: 200 } }\n",
    )));
}

#[test]
fn a_stub_may_begin_without_listening() {
    passes(&with_stubs(
        "shop: { listening: false }",
        concat!(
            "  - ann: { asks: { url: '{{ shop.url }}' } }\n",
            "  - ann: { receive: { type: broken, why: refused } }\n",
            "  - shop: resume_listening\n",
            "  - ann: { asks: { url: '{{ shop.url }}' } }\n",
            "  - shop: { receive: {} }\n",
            "  - shop: { reply: 503 }\n",
            "  - ann: { receive: { status: 503 } }\n",
        ),
    ));
}

#[test]
fn the_server_gives_a_request_up() {
    passes(&project(concat!(
        "  - ann: { asks: { url: '{{ shop.url }}' } }\n",
        "  - shop: { receive: {} }\n",
        "  - ann: calls_back\n",
        "  - shop: { closed: {} }\n",
        "  - ann: { asks: { url: '{{ shop.url }}', errand: 2 } }\n",
        "  - shop: { receive: { number: 2 } }\n",
        "  - shop: { reply: { stream: sse } }\n",
        "  - shop: { chunk: one }\n",
        "  - ann: { calls_back: { errand: 2 } }\n",
        "  - shop: { closed: {}, to: { number: 2 } }\n",
        // A client that has what it wants may leave before the end of a stream or behind it.
        "  - ann: { asks: { url: '{{ shop.url }}', errand: 3 } }\n",
        "  - shop: { receive: { number: 3 } }\n",
        "  - shop: { reply: { stream: sse } }\n",
        "  - shop: { chunk: one }\n",
        "  - ann: { calls_back: { errand: 3 } }\n",
        "  - shop: finish\n",
    )));
}

#[test]
fn of_several_requests_the_earliest_is_answered_or_the_one_that_is_named() {
    passes(&project(concat!(
        "  - ann: { asks: { url: '{{ shop.url }}/1', errand: 1 } }\n",
        "  - shop: { receive: { path: /1 } }\n",
        "  - ann: { asks: { url: '{{ shop.url }}/2', errand: 2 } }\n",
        "  - shop: { receive: { path: /2 }, capture: { second: $.number } }\n",
        "  - ann: { asks: { url: '{{ shop.url }}/3', errand: 3 } }\n",
        "  - shop: { receive: { path: /3 } }\n",
        "  - shop: { reply: { text: b }, to: { number: '{{ second }}' } }\n",
        "  - ann: { receive_in_order: [{ type: piece, errand: 2, text: b }, { type: end, errand: 2 }] }\n",
        "  - shop: { reply: { text: a } }\n",
        "  - ann: { receive_in_order: [{ type: piece, errand: 1, text: a }, { type: end, errand: 1 }] }\n",
        "  - shop: { hang_up: {}, to: { path: /3 } }\n",
        "  - ann: { receive: { type: broken, errand: 3 } }\n",
    )));
}

#[test]
fn requests_that_no_step_answers_may_have_an_answer_that_stands() {
    passes(&with_stubs(
        "shop: { answers: [{ to: { method: GET }, reply: { json: { open: true, at: '{{ shop.url }}' } } }, { to: { path: /closed }, reply: 503 }] }",
        concat!(
            "  - ann: { asks: { url: '{{ shop.url }}', method: GET } }\n",
            "  - ann: { receive: { text: { $contains: '\"open\":true' } } }\n",
            "  - ann: { asks: { url: '{{ shop.url }}/closed' } }\n",
            "  - ann: { receive: { status: 503 } }\n",
            "  - ann: { asks: { url: '{{ shop.url }}/buy' } }\n",
            "  - shop: { receive: { path: /buy } }\n",
            "  - shop: { reply: 200 }\n",
            "  - ann: { receive: { status: 200, type: answer } }\n",
            "  - ann: { receive_nothing: { type: broken } }\n",
        ),
    ));
}

#[test]
fn the_server_is_told_where_stubs_are_before_it_starts() {
    let file = concat!(
        "scenario: The address comes by the environment\nuse: courier\nparticipants: { ann: {} }\n",
        "stubs: { shop: {} }\n",
        "server: { env: { COURIER_ADDRESS: '{{ shop.url }}/{{ place }}' } }\n",
        "examples: [{ place: here }, { place: there }]\n",
        "steps:\n  - ann: enter\n  - ann: { asks: {} }\n",
        "  - shop: { receive: { path: '/{{ place }}' } }\n",
        "  - shop: { reply: { text: '{{ place }}' } }\n",
        "  - ann: { receive: { type: piece, text: '{{ place }}' } }\n",
        "  - snapshot: what ann got\n",
    );
    let project = Project::with_command()
        .file("scenarios/protocols/courier.yaml", courier::PROTOCOL)
        .file("scenarios/errand.yaml", file);
    let ran = project.run(&["run", "--update-snapshots"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    // A stub is no participant: snapshots don't show it.
    let stored = project.read("snapshots/errand/what-ann-got@here.snap");
    let stored = stored.unwrap_or_else(|| panic!("{:?}", std::fs::read_dir(project.path().join("snapshots"))));
    assert!(stored.contains("ann") && !stored.contains("shop"), "{stored}");
}

#[test]
fn a_stream_is_collected() {
    passes(&project(concat!(
        "  - ann: { asks: { url: '{{ shop.url }}', errand: one } }\n",
        "  - shop: { receive: {} }\n",
        "  - shop: { reply: { stream: raw } }\n",
        "  - shop: { chunk: 'You ' }\n",
        "  - ann: { receive: { type: answer } }\n",
        "  - ann: { asks: { url: 'http://127.0.0.1:1', errand: two } }\n",
        "  - ann: { receive: { type: broken, errand: two } }\n",
        "  - shop: { chunk: can }\n",
        "  - shop: finish\n",
        "  - ann: { collect: { type: piece, errand: one }, until: { type: end }, capture: { answer: $.text, whose: $.errand, kinds: $ } }\n",
        "  - check: answer == 'You can' and whose == 'oneone' ~ 'one' and kinds[-1].type == 'end'\n",
    )));
}

const ASKED: &str = "  - ann: { asks: { url: '{{ shop.url }}/buy', json: { n: 1 } } }\n";

#[test]
fn failures_of_receiving() {
    // The request has come when its answer has.
    let near = with_stubs(
        "shop: { answers: [{ to: {}, reply: 200 }] }",
        &format!(
            "{ASKED}  - ann: {{ receive: {{ type: end }} }}\n  - shop: {{ receive: {{ path: /buy, json: {{ n: 2 }} }}, within: 5ms }}\n"
        ),
    );
    fails(&near, "stub_near_miss");
    fails(&project("  - shop: { receive: { path: /buy }, within: 5ms }\n"), "stub_nothing_came");
    let next = project(&format!("{ASKED}  - shop: {{ receive_next: {{ path: /sell }} }}\n"));
    fails(&next, "stub_wrong_next");
    let forbidden = project(&format!(
        "{ASKED}  - shop: {{ receive: {{ path: /buy }} }}\n  - shop: {{ reply: 200 }}\n{ASKED}  - ann: {{ receive: {{ type: end }} }}\n  - shop: {{ receive_nothing: {{ path: /buy }}, for: 20s }}\n"
    ));
    let forbidden = forbidden.play(&["--timeout", "60s"]);
    forbidden.matches_snapshot("stub_forbidden");
}

#[test]
fn failures_of_answering() {
    fails(&project("  - shop: { reply: 200 }\n"), "stub_not_asked");
    // The second has come, and so has the first.
    let second = format!(
        "{ASKED}{ASKED}  - shop: {{ receive: {{ number: 2 }} }}\n  - shop: {{ reply: 200 }}\n  - shop: {{ reply: 200 }}\n"
    );
    fails(&project(&second), "stub_not_received");
    let twice =
        format!("{ASKED}  - shop: {{ receive: {{}} }}\n  - shop: {{ reply: 200 }}\n  - shop: {{ reply: 200 }}\n");
    fails(&project(&twice), "stub_answered_twice");
    let not_begun = format!("{ASKED}  - shop: {{ receive: {{}} }}\n  - shop: {{ chunk: x }}\n");
    fails(&project(&not_begun), "stub_stream_not_begun");
    let no_events = format!(
        "{ASKED}  - shop: {{ receive: {{}} }}\n  - shop: {{ reply: {{ stream: raw }} }}\n  - shop: {{ chunk_event: {{ data: x }} }}\n"
    );
    fails(&project(&no_events), "stub_no_events");
    let other = format!("{ASKED}  - shop: {{ receive: {{}} }}\n  - shop: {{ reply: 200, to: {{ path: /sell }} }}\n");
    fails(&project(&other), "stub_other_request");
    let gone = format!(
        "{ASKED}  - shop: {{ receive: {{}} }}\n  - shop: {{ reply: {{ stream: sse }} }}\n  - ann: calls_back\n  - shop: {{ closed: {{}} }}\n  - shop: {{ chunk: x }}\n"
    );
    fails(&project(&gone), "stub_client_gone");
    // Its end is known, and there is nothing left to finish.
    fails(&project(&gone.replace("{ chunk: x }", "finish")), "stub_nothing_to_finish");
    let status = format!("{ASKED}  - shop: {{ receive: {{}} }}\n  - shop: {{ reply: '{{{{ 100 + 1 }}}}' }}\n");
    fails(&project(&status), "stub_wrong_status");
}

#[test]
fn failures_of_giving_up() {
    let open = format!("{ASKED}  - shop: {{ receive: {{}} }}\n  - shop: {{ closed: {{}}, within: 5ms }}\n");
    fails(&project(&open), "stub_not_given_up");
    let answered =
        format!("{ASKED}  - shop: {{ receive: {{}} }}\n  - shop: {{ reply: 200 }}\n  - shop: {{ closed: {{}} }}\n");
    fails(&project(&answered), "stub_closed_by_itself");
}

#[test]
fn what_nobody_answered_is_told_beneath_a_failure() {
    let steps =
        format!("{ASKED}  - shop: {{ receive: {{}} }}\n  - ann: {{ receive: {{ type: answer }}, within: 5ms }}\n");
    fails(&project(&steps), "stub_unanswered");
}

#[test]
fn strict_scenarios_tell_requests_that_no_step_received() {
    let steps = format!(
        "{ASKED}{ASKED}  - shop: {{ receive: {{ number: 2 }} }}\n  - shop: {{ reply: 200 }}\n  - ann: {{ receive_all: [{{ type: answer }}, {{ type: end }}] }}\nstrict: true\n"
    );
    fails(&project(&steps), "stub_strict");
}

#[test]
fn failures_of_collecting() {
    let begun = format!("{ASKED}  - shop: {{ receive: {{}} }}\n  - shop: {{ reply: {{ stream: raw }} }}\n");
    let answered = "  - ann: { receive: { type: answer } }\n";
    let collect = "  - ann: { collect: { type: piece }, until: { type: end, errand: 1 }, capture: { text: $.text } }\n";
    let short = collect.replace(", capture", ", within: 5ms, capture");
    // Long enough for the chunk to come, which no other step can await without taking it.
    let long = collect.replace(", capture", ", within: 2s, capture");
    let no_end = format!("{begun}{answered}  - shop: {{ chunk: one }}\n{long}");
    fails(&project(&no_end), "collect_no_end");
    fails(&project(&format!("{begun}  - shop: finish\n{collect}")), "collect_nothing");
    let none = short.replace("type: piece", "type: peace");
    fails(&project(&format!("{begun}{answered}{none}")), "collect_never_began");
    let path = collect.replace("$.text", "$.texts");
    fails(&project(&format!("{begun}  - shop: {{ chunk: one }}\n  - shop: finish\n{path}")), "collect_no_capture");
}

#[test]
fn the_story_shows_stubs_in_lanes_of_their_own() {
    let steps = format!(
        "{ASKED}  - shop: {{ receive: {{ path: /buy }} }}\n  - shop: {{ reply: {{ stream: sse }} }}\n  - shop: {{ chunk: {{ n: 1 }} }}\n  - shop: finish\n  - ann: {{ receive: {{ type: end }} }}\n"
    );
    let ran = project(&steps).play(&["--debug"]);
    // What others do meanwhile has no fixed place among them.
    let own = ran.stdout.lines().filter(|line| line.contains("ms ")).filter_map(|line| line.split_once(" shop "));
    let own: Vec<&str> = own.map(|(_, what)| what).collect();
    snapshot("stub_story", &own.join("\n"));
}

#[test]
fn a_trace_has_a_lane_for_each_stub() {
    let steps = format!(
        "{ASKED}  - shop: {{ receive: {{}} }}\n  - shop: {{ reply: 200 }}\n  - ann: {{ receive: {{ type: end }} }}\n"
    );
    let project = project(&steps);
    let ran = project.play(&["--report", "json=events.jsonl", "--trace", "on"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let events = project.events("events.jsonl");
    let started = events.iter().find(|event| event["event"] == "scenario_started").unwrap();
    assert_eq!(started["stubs"], serde_json::json!(["shop"]));
    let of_shop = |kind: &str| events.iter().find(|one| one["event"] == kind && one["participant"] == "shop").unwrap();
    let (asked, taken) = (of_shop("received"), of_shop("taken"));
    assert_eq!((&asked["id"], &asked["number"]), (&taken["id"], &taken["numbers"][0]));
    assert_eq!(of_shop("sent")["id"], asked["id"]);
    assert_eq!(of_shop("closed")["end"]["reason"], "answered");
}
