//! On how many threads a server in process runs.

use super::{Loaded, rooms, scenario};
use crate::scenario::error::Findings;
use crate::scenario::yaml;
use crate::source::Source;
use std::num::NonZeroUsize;
use std::sync::Arc;

fn threads(rest: &str) -> Option<usize> {
    let rooms = rooms();
    let text = format!("scenario: x\nuse: rooms\nparticipants: {{ ann: {{}}, guest: {{ count: 2 }} }}\n{rest}\n");
    let mut findings = Findings::new(Source::new("story.yaml", text));
    let root = yaml::parse(&mut findings).unwrap();
    let mut find = |_: &str| Loaded::Found(Arc::clone(&rooms));
    let read = scenario(&root, &mut findings, "suite/story", &mut find);
    let read = read.unwrap_or_else(|| panic!("{rest}: {:?}", findings.list));
    read.server.threads.map(NonZeroUsize::get)
}

#[test]
fn there_are_several_where_a_scenario_races_or_says_so() {
    let race = "{ race: { of: guest, do: enter, outcomes: [{ as: in, count: 2, status: 101 }] } }";
    assert_eq!(threads("steps: [{ ann: { get: / } }]"), None);
    assert_eq!(threads(&format!("steps: [{race}]")), Some(4));
    assert_eq!(threads(&format!("steps: [{{ ann: {{ get: / }} }}]\nalways: [{race}]")), Some(4));
    assert_eq!(threads(&format!("steps: [{{ parallel: [{{ repeat: 2, steps: [{race}] }}] }}]")), Some(4));
    assert_eq!(threads("server: { threads: 2 }\nsteps: [{ ann: { get: / } }]"), Some(2));
    assert_eq!(threads(&format!("server: {{ threads: 1 }}\nsteps: [{race}]")), Some(1));
}
