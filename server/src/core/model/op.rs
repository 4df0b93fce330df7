//! What happens to a conversation, and how often.

use proptest::prelude::*;

use super::USERS;

/// One thing that happens. Numbers are taken modulo what there is.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Join {
        by: usize,
        user: usize,
    },
    Leave {
        user: usize,
    },
    Remove {
        by: usize,
        user: usize,
    },
    Connect {
        user: usize,
        after: Option<u64>,
    },
    Disconnect {
        socket: usize,
    },
    Say {
        socket: usize,
        id: Option<u8>,
        content: u8,
    },
    Post {
        user: usize,
        id: Option<u8>,
        content: u8,
    },
    Read {
        socket: usize,
        up_to: u64,
    },
    Typing {
        socket: usize,
        typing: bool,
    },
    Ping {
        socket: usize,
    },
    Sync {
        socket: usize,
        after: u64,
    },
    Invite {
        by: usize,
        uses: u32,
    },
    /// By the first, second or third invite that was asked for, whether it was made or not.
    Accept {
        user: usize,
        invite: usize,
    },
    /// The store answers what it was asked.
    Land {
        how: Landing,
    },
    /// A socket's client reads so many frames.
    Receive {
        socket: usize,
        frames: usize,
    },
}

/// How the store answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Landing {
    Works,
    Fails,
    /// The append happens, and its answer gets lost.
    Unheard,
    /// The append does not happen, and its answer gets lost.
    Lost,
}

fn landing() -> impl Strategy<Value = Landing> {
    prop_oneof![16 => Just(Landing::Works), 3 => Just(Landing::Fails), 1 => Just(Landing::Unheard), 1 => Just(Landing::Lost)]
}

/// Anything that can happen.
pub(super) fn op() -> impl Strategy<Value = Op> {
    let user = 0..USERS.len();
    let socket = 0..8_usize;
    let id = prop::option::weighted(0.6, 0..3_u8);
    prop_oneof![
        2 => (user.clone(), user.clone()).prop_map(|(by, user)| Op::Join { by, user }),
        1 => user.clone().prop_map(|user| Op::Leave { user }),
        1 => (user.clone(), user.clone()).prop_map(|(by, user)| Op::Remove { by, user }),
        3 => (user.clone(), prop::option::of(0..8_u64))
            .prop_map(|(user, after)| Op::Connect { user, after }),
        1 => socket.clone().prop_map(|socket| Op::Disconnect { socket }),
        6 => (socket.clone(), id.clone(), 0..2_u8)
            .prop_map(|(socket, id, content)| Op::Say { socket, id, content }),
        2 => (user, id, 0..2_u8).prop_map(|(user, id, content)| Op::Post { user, id, content }),
        1 => (socket.clone(), 0..8_u64).prop_map(|(socket, up_to)| Op::Read { socket, up_to }),
        2 => (socket.clone(), any::<bool>())
            .prop_map(|(socket, typing)| Op::Typing { socket, typing }),
        3 => socket.clone().prop_map(|socket| Op::Ping { socket }),
        1 => (socket.clone(), 0..8_u64).prop_map(|(socket, after)| Op::Sync { socket, after }),
        1 => (0..USERS.len(), 1..3_u32).prop_map(|(by, uses)| Op::Invite { by, uses }),
        2 => (0..USERS.len(), 0..3_usize).prop_map(|(user, invite)| Op::Accept { user, invite }),
        8 => landing().prop_map(|how| Op::Land { how }),
        2 => (socket, 1..4_usize).prop_map(|(socket, frames)| Op::Receive { socket, frames }),
    ]
}
