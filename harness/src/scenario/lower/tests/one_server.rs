//! Participants of other servers than the scenario's.

use std::sync::Arc;

use super::{Loaded, nothing, protocol, scenario, told};
use crate::scenario::error::Findings;
use crate::scenario::model::Protocol;
use crate::scenario::yaml;
use crate::source::Source;

fn of_server(name: &str, server: &str) -> Arc<Protocol> {
    let text = format!("protocol: {name}\n{server}verbs: {{ asks: {{ steps: [{{ me: {{ get: / }} }}] }} }}\n");
    let mut findings = Findings::new(Source::new(format!("protocols/{name}.yaml"), text));
    let root = yaml::parse(&mut findings).unwrap();
    let read = protocol(&root, &mut findings, &mut nothing);
    assert!(findings.list.is_empty(), "{:?}", findings.list);
    Arc::new(read.unwrap())
}

fn said_of(head: &str) -> Vec<String> {
    let protocols = [of_server("a", "server: a\n"), of_server("b", "server: b\n"), of_server("plain", "")];
    let text = format!("scenario: x\n{head}steps: [{{ all: asks }}]\n");
    let mut findings = Findings::new(Source::new("story.yaml", text));
    let root = yaml::parse(&mut findings).unwrap();
    let mut find = |name: &str| match protocols.iter().find(|protocol| protocol.name == name) {
        Some(protocol) => Loaded::Found(Arc::clone(protocol)),
        None => Loaded::Missing(Vec::new()),
    };
    let _ = scenario(&root, &mut findings, "suite/story", &mut find);
    told(&findings)
}

#[test]
fn a_participant_of_another_server_is_refused() {
    let one = "a scenario has one server, that of the protocol which its own `use` names";
    assert_eq!(
        said_of("use: a\nparticipants: { ann: {}, ben: { use: b } }\n"),
        [format!(
            "3:26 `ben` speaks `b` of the server `b`, and the scenario is played on the server `a` [{one}; with `use: b` \
             it is the server `b`]"
        )]
    );
    assert_eq!(
        said_of("use: plain\nparticipants: { guest: { use: b, count: 3 } }\n"),
        [format!(
            "3:17 `guest_1` speaks `b` of the server `b`, and the scenario is played on the default server [{one}; with \
             `use: b` it is the server `b`]"
        )],
        "once for a group"
    );
    assert_eq!(said_of("participants: { ann: { use: a } }\n").len(), 1, "a scenario without a protocol of its own");
}

#[test]
fn protocols_of_one_server_and_of_none_go_together() {
    assert_eq!(said_of("use: a\nparticipants: { ann: {}, ben: { use: plain } }\n"), [""; 0]);
    assert_eq!(said_of("use: b\nparticipants: { ann: { use: b } }\n"), [""; 0]);
}
