//! The bodies of requests, as the description tells them. Handlers read them field by field, so that an error can
//! name the one that is wrong; the test of the description holds both together.

#![expect(dead_code, reason = "these describe what handlers read field by field")]

use utoipa::ToSchema;

/// Somebody who takes part.
#[derive(ToSchema)]
pub(super) struct Person {
    user_id: String,
    name: String,
}

/// A new conversation.
#[derive(ToSchema)]
pub(super) struct Creation {
    title: String,
    #[schema(min_items = 1)]
    participants: Vec<Person>,
    sites: Option<Vec<String>>,
    mode: Option<String>,
    enable_ai: Option<bool>,
}

/// A message.
#[derive(ToSchema)]
pub(super) struct Saying {
    #[schema(min_length = 1)]
    content: String,
    /// The client's own id: sent again, the message is stored once.
    message_id: Option<String>,
    sites: Option<Vec<String>>,
    mode: Option<String>,
}

/// Who is to take part.
#[derive(ToSchema)]
pub(super) struct Joining {
    participant: Person,
}

/// Under which name one joins by an invite; without a body it is the token's.
#[derive(ToSchema)]
pub(super) struct Accepting {
    name: Option<String>,
}

/// New properties; what is absent or null stays.
#[derive(ToSchema)]
pub(super) struct Editing {
    title: Option<String>,
    sites: Option<Vec<String>>,
    mode: Option<String>,
}

/// How far an invite goes.
#[derive(ToSchema)]
pub(super) struct Inviting {
    /// Seconds.
    #[schema(minimum = 1)]
    expires_in: Option<u64>,
    #[schema(minimum = 1, maximum = 1_000_000)]
    max_uses: Option<u32>,
}
