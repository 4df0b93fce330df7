//! Locks, without regard to a panic of another thread.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also where another thread panicked with the lock held. Only for what is valid at every moment, so that a
/// panic in between leaves nothing half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
