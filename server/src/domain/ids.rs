//! Newtypes for every identifier, so that none can stand where another belongs.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
        #[schema(value_type = String)]
        pub(crate) struct $name(Arc<str>);

        impl $name {
            /// The identifier as text.
            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Arc::from(text))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(Arc::from(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

text_id!(
    /// Who somebody is, across conversations. Comes from a token or from a participant record.
    UserId
);
text_id!(
    /// `conv_` and 12 hexadecimal digits when made here; any text when asked for.
    ConversationId
);
text_id!(
    /// The server's id of a message: `msg_` and 16 hexadecimal digits.
    MessageId
);
text_id!(
    /// The sender's own id of a message, by which a resend is recognised.
    ClientMessageId
);

text_id!(
    /// An invite: `inv_` and 32 hexadecimal digits that nobody can guess. Whoever has it may join.
    InviteId
);

impl InviteId {
    /// A new random id, 122 bits of it unpredictable.
    pub(crate) fn random() -> Self {
        Self::from(format!("inv_{}", random_hex(32)))
    }
}

/// The first `digits` hexadecimal digits of a random UUID (at most 12 of them are plain random).
fn random_hex(digits: usize) -> String {
    let mut text = uuid::Uuid::new_v4().simple().to_string();
    text.truncate(digits);
    text
}

impl ConversationId {
    /// A new random id.
    pub(crate) fn random() -> Self {
        Self::from(format!("conv_{}", random_hex(12)))
    }
}

/// The key of the names that logs use, another one in each process.
static LOG_NAMES: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl ConversationId {
    /// How logs name it. Whoever knows the id of a conversation may join it, so no log has it; the name is the same for
    /// as long as the process lives, so that lines can be put together.
    pub(crate) fn for_logs(&self) -> impl fmt::Display {
        struct Name(u64);
        impl fmt::Display for Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "talk-{:016x}", self.0)
            }
        }
        Name(LOG_NAMES.hash_one(&self.0))
    }
}

impl MessageId {
    /// A new random id.
    pub(crate) fn random() -> Self {
        Self::from(format!("msg_{}", random_hex(16)))
    }
}

/// A message's place in its conversation: 1, 2, 3 … without gaps. 0 means "before the first".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, ToSchema)]
#[serde(transparent)]
pub(crate) struct SequenceId(pub(crate) u64);

impl SequenceId {
    /// The place behind this one.
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for SequenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One open WebSocket of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SocketId(pub(crate) u64);

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
