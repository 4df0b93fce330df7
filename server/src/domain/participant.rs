//! Participants and what follows from their number.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Timestamp, UserId};

/// Whether somebody is a person or a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A person.
    Human,
    /// An AI participant.
    Ai,
}

/// A member of a conversation. Being a participant says nothing about being online.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Participant {
    /// Who it is.
    pub(crate) id: UserId,
    /// The name that the others see.
    pub(crate) name: String,
    /// Person or machine.
    pub(crate) kind: Kind,
    /// When it became a member (the last time, if it left and came back).
    pub(crate) joined_at: Timestamp,
    /// Whether another participant or the creator made it a member. Such a membership doesn't count towards the limit
    /// of conversations a user, so that nobody can use up somebody else's.
    pub(crate) added_by_others: bool,
}

/// How a conversation is used, which tells a client how long to wait before it sends input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// One person, perhaps with one AI.
    Single,
    /// Two or more people, or three or more participants.
    Multi,
}

impl Mode {
    /// The mode of a conversation with these participants.
    pub(crate) fn of<'a>(participants: impl IntoIterator<Item = &'a Participant>) -> Self {
        let (mut all, mut humans) = (0, 0);
        for participant in participants {
            all += 1;
            humans += usize::from(participant.kind == Kind::Human);
        }
        if humans >= 2 || all >= 3 { Self::Multi } else { Self::Single }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(kinds: &[Kind]) -> Vec<Participant> {
        let joined_at = Timestamp::from_millis(0);
        let record = |(index, kind): (usize, &Kind)| Participant {
            id: UserId::from(format!("p{index}")),
            name: format!("P {index}"),
            kind: *kind,
            joined_at,
            added_by_others: false,
        };
        kinds.iter().enumerate().map(record).collect()
    }

    #[test]
    fn mode_is_multi_from_two_humans_or_three_participants() {
        use Kind::{Ai, Human};
        let cases: [(&[Kind], Mode); 6] = [
            (&[], Mode::Single),
            (&[Human], Mode::Single),
            (&[Human, Ai], Mode::Single),
            (&[Human, Human], Mode::Multi),
            (&[Human, Ai, Ai], Mode::Multi),
            (&[Human, Human, Ai], Mode::Multi),
        ];
        for (kinds, mode) in cases {
            assert_eq!(Mode::of(&group(kinds)), mode, "{kinds:?}");
        }
    }
}
