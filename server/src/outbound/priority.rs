//! Which frames a full queue drops first.

use crate::core::Event;

/// What is dropped first when the queue of a socket is full: the smallest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// Typing: the next one tells the same.
    Typing,
    /// A piece of an AI's answer: the whole follows as a message.
    AiChunk,
    /// Who is online: many of these become one list, see [`Priority::List`].
    Presence,
    /// Who takes part: all of these and [`Priority::Presence`] together become one list.
    Roster,
    /// The list that stands for them.
    List,
    /// The mode, or the properties: only the newest counts.
    Mode,
    /// See [`Priority::Mode`].
    Properties,
    /// Anything else that the client relies on.
    Required,
}

impl Priority {
    /// Of the frame of an event.
    pub(crate) fn of(event: &Event) -> Self {
        match event {
            Event::Typing { .. } => Self::Typing,
            Event::AiResponse { .. } => Self::AiChunk,
            Event::Presence { .. } => Self::Presence,
            Event::Joined { .. } | Event::Left { .. } => Self::Roster,
            Event::ModeChanged { .. } => Self::Mode,
            Event::Updated { .. } => Self::Properties,
            _ => Self::Required,
        }
    }

    /// What the metric of dropped frames calls it; `None` where none is ever dropped.
    pub(super) fn label(self) -> Option<&'static str> {
        match self {
            Self::Typing => Some("typing"),
            Self::AiChunk => Some("ai_piece"),
            Self::Presence | Self::Roster | Self::List => Some("membership"),
            Self::Mode => Some("mode"),
            Self::Properties => Some("properties"),
            Self::Required => None,
        }
    }
}
