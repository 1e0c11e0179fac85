use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks; a panic of another holder leaves the server's plain records usable.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
