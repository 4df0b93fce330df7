//! How many sockets may be open.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use crate::domain::UserId;

/// Counts open sockets, in all and by user.
#[derive(Debug)]
pub(crate) struct Slots {
    most: usize,
    most_per_user: usize,
    taken: std::sync::Mutex<(usize, HashMap<UserId, usize>)>,
}

impl Slots {
    /// With every slot free. `most_per_user` of 0 means no limit for a user.
    pub(crate) fn new(most: usize, most_per_user: usize) -> Self {
        Self { most, most_per_user, taken: std::sync::Mutex::default() }
    }

    /// Takes a slot until the returned value is dropped; `None` when a limit is reached.
    pub(crate) fn take(self: &Arc<Self>, user: &UserId) -> Option<Slot> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (total, by_user) = &mut *taken;
        let of_user = by_user.get(user).copied().unwrap_or_default();
        if *total >= self.most || (self.most_per_user > 0 && of_user >= self.most_per_user) {
            return None;
        }
        *total += 1;
        by_user.insert(user.clone(), of_user + 1);
        Some(Slot { slots: Arc::clone(self), user: user.clone() })
    }

    /// How many sockets are open.
    pub(crate) fn taken(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).0
    }
}

/// An open socket's place in [`Slots`].
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Slots>,
    user: UserId,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (total, by_user) = &mut *taken;
        *total = total.saturating_sub(1);
        if let Some(of_user) = by_user.get_mut(&self.user) {
            *of_user = of_user.saturating_sub(1);
            if *of_user == 0 {
                by_user.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_bounded_in_all_and_by_user() {
        let slots = Arc::new(Slots::new(2, 1));
        let (alice, bob, carol) = (UserId::from("alice"), UserId::from("bob"), UserId::from("carol"));
        let first = slots.take(&alice).unwrap();
        assert!(slots.take(&alice).is_none());
        let _second = slots.take(&bob).unwrap();
        assert!(slots.take(&carol).is_none());
        drop(first);
        assert_eq!(slots.taken(), 1);
        assert!(slots.take(&carol).is_some());
    }
}
