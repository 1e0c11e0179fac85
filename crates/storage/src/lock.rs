//! One writer of a key at a time, so that an artifact and its description are from one write.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::name::key::Key;

/// The keys being written; keys that nobody writes have no entry.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    keys: Mutex<HashMap<Key, Arc<AsyncMutex<()>>>>,
}

/// The right to write one key.
pub(crate) struct Locked {
    // Dropped in this order: the key is given back before its entry is looked at.
    _guard: OwnedMutexGuard<()>,
    _entry: Entry,
}

/// Keeps the entry of a key while somebody writes it or waits to.
struct Entry {
    locks: Arc<Locks>,
    key: Key,
    mutex: Arc<AsyncMutex<()>>,
}

impl Locks {
    /// A panic while the lock is held cannot leave a half-made change, so poison is ignored.
    fn keys(&self) -> MutexGuard<'_, HashMap<Key, Arc<AsyncMutex<()>>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn lock(self: &Arc<Self>, key: Key) -> Locked {
        let mutex = Arc::clone(self.keys().entry(key).or_default());
        let entry = Entry { locks: Arc::clone(self), key, mutex };
        let guard = Arc::clone(&entry.mutex).lock_owned().await;
        Locked { _guard: guard, _entry: entry }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut keys = self.locks.keys();
        // The table's and this one: nobody else writes the key or waits for it. Others can only
        // come by the table, which is locked.
        if Arc::strong_count(&self.mutex) == 2 {
            keys.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;
    use crate::name::artifact::Artifact;
    use crate::name::format::Format;
    use crate::name::id::PhotoId;

    #[tokio::test]
    async fn a_key_has_one_writer_and_leaves_no_entry() {
        let key = || {
            let photo = PhotoId::generate();
            Key::of(Artifact::Upload { photo }, Format::Png).unwrap()
        };
        let (locks, mine, other) = (Arc::new(Locks::default()), key(), key());
        let first = locks.lock(mine).await;
        drop(locks.lock(other).await);
        {
            let mut second = pin!(locks.lock(mine));
            assert!(futures::poll!(second.as_mut()).is_pending());
            let mut given_up = Box::pin(locks.lock(mine));
            assert!(futures::poll!(given_up.as_mut()).is_pending());
            drop(first);
            drop(given_up);
            drop(second.await);
        }
        assert!(locks.keys().is_empty());
        let first = locks.lock(mine).await;
        let mut given_up = Box::pin(locks.lock(mine));
        assert!(futures::poll!(given_up.as_mut()).is_pending());
        drop(first);
        drop(given_up);
        assert!(locks.keys().is_empty());
    }
}
