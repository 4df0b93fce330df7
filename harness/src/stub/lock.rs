//! Locks without regard to panics.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks without regard to a panic elsewhere: what is behind the lock is valid at every moment.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
