//! Read positions that wait to be stored. A client moves its position with every message that it shows; only the newest
//! one is worth a commit.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::core::Change;
use crate::domain::{SequenceId, SocketId, UserId};
use crate::outbound::Permit;

/// The positions of one conversation, a user each.
#[derive(Debug, Default)]
pub(super) struct PendingReads {
    by_user: BTreeMap<UserId, PendingRead>,
    due: Option<Instant>,
}

/// The newest position that a user told.
#[derive(Debug)]
struct PendingRead {
    socket: SocketId,
    up_to: SequenceId,
    permit: Permit,
}

/// A position whose time has come.
pub(super) struct DueRead {
    /// What is to be stored.
    pub(super) change: Change,
    /// The socket that said so.
    pub(super) socket: SocketId,
    /// Of its frame.
    pub(super) permit: Permit,
}

impl PendingReads {
    /// Takes a position that a socket told. It is due after `interval` at the latest. True if it stands for an earlier one.
    pub(super) fn add(
        &mut self,
        user: UserId,
        socket: SocketId,
        up_to: SequenceId,
        permit: Permit,
        now: Instant,
        interval: Duration,
    ) -> bool {
        self.due.get_or_insert(now + interval);
        let earlier = self.by_user.get(&user).map_or(SequenceId::default(), |earlier| earlier.up_to);
        self.by_user.insert(user, PendingRead { socket, up_to: up_to.max(earlier), permit }).is_some()
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.by_user.len()
    }

    /// When they are to be stored.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// How far this user has read, as far as is known here.
    pub(super) fn position(&self, user: &UserId) -> Option<SequenceId> {
        self.by_user.get(user).map(|read| read.up_to)
    }

    /// Takes this user's position out.
    pub(super) fn take(&mut self, user: &UserId) -> Option<DueRead> {
        let read = self.by_user.remove(user)?;
        if self.by_user.is_empty() {
            self.due = None;
        }
        Some(due(user.clone(), read))
    }

    /// Takes the position out that this socket told.
    pub(super) fn take_of(&mut self, socket: SocketId) -> Option<DueRead> {
        let (user, _) = self.by_user.iter().find(|(_, read)| read.socket == socket)?;
        self.take(&user.clone())
    }

    /// Takes all of them out.
    pub(super) fn take_all(&mut self) -> Vec<DueRead> {
        self.due = None;
        std::mem::take(&mut self.by_user).into_iter().map(|(user, read)| due(user, read)).collect()
    }
}

fn due(user: UserId, read: PendingRead) -> DueRead {
    let PendingRead { socket, up_to, permit } = read;
    DueRead { change: Change::Read { user, socket, up_to }, socket, permit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_position_of_each_user_is_stored() {
        let (ann, ben) = (UserId::from("ann"), UserId::from("ben"));
        let mut reads = PendingReads::default();
        let now = Instant::now();
        let second = Duration::from_secs(1);
        for (user, socket, up_to) in [(&ann, 1, 3), (&ann, 2, 7), (&ann, 1, 5), (&ben, 3, 1)] {
            reads.add(user.clone(), SocketId(socket), SequenceId(up_to), None, now, second);
        }
        assert_eq!((reads.len(), reads.due()), (2, Some(now + second)));
        assert_eq!(reads.position(&ann), Some(SequenceId(7)));
        assert!(reads.take_of(SocketId(2)).is_none(), "the newest word is of another socket");
        let due = reads.take_of(SocketId(1)).unwrap();
        assert!(matches!(due.change, Change::Read { up_to: SequenceId(7), .. }));
        assert_eq!(reads.take_all().len(), 1);
        assert_eq!((reads.len(), reads.due()), (0, None));
    }
}
