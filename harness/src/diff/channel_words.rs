//! What a channel is called.

use super::timeline::Channel;

/// Whose channel it is, with the connection where that is not plain.
pub(super) fn person(channel: &Channel) -> String {
    match channel {
        Channel::Out(who, name, nth) | Channel::In(who, name, nth) => {
            let name = if name == "main" { String::new() } else { format!("/{name}") };
            let nth = if *nth > 1 { format!(" (connection {nth})") } else { String::new() };
            format!("{who}{name}{nth}")
        }
        _ => channel.participant().to_owned(),
    }
}

/// Which way things go in it.
pub(super) fn arrow(channel: &Channel) -> &'static str {
    match channel {
        Channel::Asks(_) | Channel::Out(..) => "→",
        Channel::Answers(_) | Channel::In(..) => "←",
        Channel::Opens(_) => "⇄",
    }
}

/// What is done in a channel, and that it isn't: as in `carol got`, `carol never got`.
pub(super) fn verbs(channel: &Channel) -> (&'static str, &'static str) {
    match channel {
        Channel::Asks(_) => ("asked", "never asked"),
        Channel::Out(..) => ("sent", "never sent"),
        Channel::Answers(_) => ("was answered", "was never answered"),
        Channel::In(..) => ("got", "never got"),
        Channel::Opens(_) => ("opened", "never opened"),
    }
}
