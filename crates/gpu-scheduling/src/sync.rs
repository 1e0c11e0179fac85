//! The mutex of the shell: the standard one, or the one of the model checker.

#[cfg(not(feature = "model"))]
pub(crate) use std::sync::{Mutex, MutexGuard};

#[cfg(feature = "model")]
pub(crate) use shuttle::sync::{Mutex, MutexGuard};

/// Locks, also after a panic elsewhere: what it guards is changed by the queue alone, which leaves
/// no half-made change behind when a job panics.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
