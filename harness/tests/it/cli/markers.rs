//! Barriers by markers, on a board that tells the others alone what somebody says.

use crate::project::Project;

/// A board that tells the others alone what somebody says, and tells whoever is called deaf nothing.
fn board(participants: &str, steps: &str) -> Project {
    let protocol = concat!(
        "protocol: board\nbarrier:\n  marker:\n    do: { send: { type: say, text: '{{ marker }}', key: '{{ marker }}' } }\n",
        "    receive: { type: message, text: '{{ marker }}' }\n    hides: [{ type: stored, key: '{{ marker }}' }]\n",
    );
    let people = participants.split(' ').map(|who| format!("{who}: {{}}")).collect::<Vec<_>>().join(", ");
    let scenario = format!(
        "scenario: A board\nuse: board\nparticipants: {{ {people} }}\nsteps:\n{steps}  - ann: {{ receive_nothing: {{ type: secret }}, via: main }}\n"
    );
    Project::new()
        .file("roundtable.toml", "deadline = \"2s\"\nlate = \"10ms\"\n")
        .file("scenarios/protocols/board.yaml", protocol)
        .file("scenarios/board.yaml", &scenario)
}

/// Somebody's connection to the board.
fn board_of(who: &str, name: &str) -> String {
    format!("  - {who}: {{ connect: /board, as: {name}, query: {{ who: {who} }} }}\n")
}

#[test]
fn an_own_marker_may_be_seen_by_anybody() {
    let says = "  - ann: { send: { type: say, text: hi, key: k } }\n";
    let enter = |people: &[&str]| people.iter().map(|who| board_of(who, "main")).collect::<String>();
    let others = board("deaf ann ben", &format!("{}{says}", enter(&["deaf", "ann", "ben"]))).play(&[]);
    assert_eq!(others.code, Some(0), "{}", others.stdout);
    let nobody = board("deaf ann", &format!("{}{says}", enter(&["deaf", "ann"]))).play(&[]);
    assert_eq!(nobody.code, Some(1));
    assert!(nobody.stdout.contains("broke: the marker of `ann`: it did not come within 2s"), "{}", nobody.stdout);
    assert!(nobody.stdout.contains("it came to none of ann, deaf"), "{}", nobody.stdout);
    // Whoever is alone can't know whether the server hands things to the others only: that breaks nothing.
    let alone = board("ann", &format!("{}{says}", enter(&["ann"]))).play(&[]);
    let why = "nothing can be proven here: the marker of `ann` did not come back to it, and nobody else is there who could see it";
    assert!(alone.stdout.contains(why), "{}", alone.stdout);
}

#[test]
fn whoever_is_alone_waits_for_no_marker_that_stays_away() {
    // Where one waited for it as long as for anything else, this would take ten minutes.
    let alone = |steps: &str| {
        let says = "  - ann: { send: { type: say, text: hi, key: k } }\n";
        let project = board("ann", &format!("{}{says}", board_of("ann", "main")));
        let scenario = project.read("scenarios/board.yaml").unwrap();
        let (kept, _) = scenario.split_once("  - ann: { receive_nothing").unwrap();
        let protocol = project.read("scenarios/protocols/board.yaml").unwrap();
        project
            .file("scenarios/board.yaml", &format!("{kept}{steps}"))
            .file("scenarios/protocols/board.yaml", &format!("{protocol}fails: {{ type: error }}\n"))
    };
    let why = "ann: the marker of `ann` did not come back to it, and nobody else is there who could see it";
    let ended = alone("").file("roundtable.toml", "deadline = \"10m\"\n").play(&[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert!(ended.stdout.contains(&format!("unproven: at the end: {why}")), "{}", ended.stdout);
    let listens = "  - ann: { receive_nothing: { type: secret }, for: 10ms }\n";
    let project = alone(&format!("{listens}{listens}"));
    let ran = project.play(&["--report", "json=events.jsonl", "--trace", "on"]);
    assert_eq!(ran.stdout.matches(why).count(), 2, "{}", ran.stdout);
    let events = project.events("events.jsonl");
    let marked =
        events.iter().filter(|event| event["event"] == "sent" && event["frame"].as_str().unwrap().contains("marker-"));
    assert_eq!(marked.count(), 1, "once it stayed away nobody sends another: {events:?}");
}

#[test]
fn a_marker_that_its_hides_would_hide_is_refused() {
    let steps = format!("{}{}", board_of("ann", "main"), board_of("ben", "main"));
    let hiding = |hides: &str| {
        let project = board("ann ben", &steps);
        let protocol = project.read("scenarios/protocols/board.yaml").unwrap();
        let protocol = protocol.replace("{ type: stored, key: '{{ marker }}' }", hides);
        project.file("scenarios/protocols/board.yaml", &protocol).play(&[])
    };
    for hides in ["{ text: { $regex: ^marker- } }", "{ type: message }", "{ text: '{{ marker }}' }"] {
        let refused = hiding(hides);
        assert_eq!(refused.code, Some(1), "{hides}: {}", refused.stdout);
        let why = "`hides` of the marker of `ben` fits the marker itself, which would then be hidden";
        assert!(refused.stdout.contains(why), "{hides}: {}", refused.stdout);
    }
    let other = hiding("{ key: { $regex: ^marker- } }");
    assert_eq!(other.code, Some(0), "what else the action causes: {}", other.stdout);
}

#[test]
fn a_marker_goes_over_the_connection_that_has_sent() {
    let steps = format!(
        "{}{}{}  - ann: {{ send: {{ type: say, text: hi, key: k }}, via: phone }}\n",
        board_of("ann", "main"),
        board_of("ann", "phone"),
        board_of("ben", "main")
    );
    let project = board("ann ben", &steps);
    let played = project.play(&["--debug"]);
    assert_eq!(played.code, Some(0), "{}", played.stdout);
    assert!(played.stdout.contains("ann  [phone] say key=marker-"), "{}", played.stdout);
}

#[test]
fn a_marker_by_request_proves_nothing_of_what_was_sent_over_a_connection() {
    let protocol = concat!(
        "protocol: board\nbarrier:\n  marker:\n    do: { get: /ready, query: { m: '{{ marker }}' } }\n",
        "    receive: { type: message, text: '{{ marker }}' }\n",
    );
    let steps = format!("{}  - ann: {{ send: {{ type: say, text: hi, key: k }} }}\n", board_of("ann", "main"));
    let played = board("ann", &steps).file("scenarios/protocols/board.yaml", protocol).play(&[]);
    assert_eq!(played.code, Some(1));
    let why = "nothing can be proven here: ann has sent over its connection, and the marker of `board` is a request, which may overtake that";
    assert!(played.stdout.contains(why), "{}", played.stdout);
}
