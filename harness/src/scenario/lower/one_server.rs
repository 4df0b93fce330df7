//! Which server a scenario is played on.

use indexmap::IndexMap;

use crate::scenario::error::Findings;
use crate::scenario::model::{ParticipantSpec, Protocol};

/// A scenario is played on the server of its own protocol. A participant of another server would be sent there too.
pub(super) fn one_server(main: &Protocol, participants: &IndexMap<String, ParticipantSpec>, findings: &mut Findings) {
    let of = |server: &Option<String>| match server {
        Some(name) => format!("the server `{name}`"),
        None => "the default server".to_owned(),
    };
    let mut told = None;
    for spec in participants.values().filter(|spec| spec.protocol.server.is_some()) {
        if spec.protocol.server == main.server || told == Some(spec.at) {
            continue;
        }
        told = Some(spec.at);
        let (own, played) = (of(&spec.protocol.server), of(&main.server));
        let message =
            format!("`{}` speaks `{}` of {own}, and the scenario is played on {played}", spec.key, spec.protocol.name);
        let help = format!(
            "a scenario has one server, that of the protocol which its own `use` names; with `use: {}` it is {own}",
            spec.protocol.name
        );
        findings.error_help(spec.at, message, help);
    }
}
