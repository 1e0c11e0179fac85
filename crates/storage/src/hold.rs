//! Holds: what a running job works on is not swept away under it.
//!
//! The rule is that of a readers-writer lock for each photo and task, without the writer ever
//! waiting: jobs hold, the sweeper claims what nobody holds, for as long as one deletion takes.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::name::subject::Subject;

#[derive(Debug, Default)]
struct Entry {
    /// Holds of jobs and writes in progress.
    holds: usize,
    /// Deletions by the sweeper in progress; while there are any, new holds wait.
    claims: usize,
    /// Deleted by the user while held: what its holders still write must not stay.
    deleted: bool,
}

/// Who uses and who removes what at present; subjects that nobody touches have no entry.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    entries: Mutex<HashMap<Subject, Entry>>,
    claim_ended: Notify,
}

impl Registry {
    /// A panic while the lock is held cannot leave a half-made change, so poison is ignored.
    fn lock(&self) -> MutexGuard<'_, HashMap<Subject, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds `subject`, after a deletion that the sweeper has begun on it.
    pub(crate) async fn hold(self: &Arc<Self>, subject: Subject) -> Hold {
        loop {
            let mut ended = pin!(self.claim_ended.notified());
            // Enlisted before looking, so that an end between looking and waiting is not missed.
            ended.as_mut().enable();
            {
                let mut entries = self.lock();
                let entry = entries.entry(subject).or_default();
                if entry.claims == 0 {
                    entry.holds += 1;
                    return Hold { registry: Arc::clone(self), subject };
                }
            }
            ended.await;
        }
    }

    /// The right to delete one artifact of `subject`; `None` while anybody holds it.
    pub(crate) fn claim(self: &Arc<Self>, subject: Subject) -> Option<Claim> {
        let mut entries = self.lock();
        let entry = entries.entry(subject).or_default();
        if entry.holds > 0 {
            return None;
        }
        entry.claims += 1;
        Some(Claim { registry: Arc::clone(self), subject })
    }

    /// Lets the present holders' writes fail from now on, until the last of them is gone.
    pub(crate) fn mark_deleted(&self, subject: Subject) {
        if let Some(entry) = self.lock().get_mut(&subject)
            && entry.holds > 0
        {
            entry.deleted = true;
        }
    }

    fn release(&self, subject: Subject, release: impl FnOnce(&mut Entry)) {
        let mut entries = self.lock();
        if let Some(entry) = entries.get_mut(&subject) {
            release(entry);
            if entry.holds == 0 && entry.claims == 0 {
                entries.remove(&subject);
            }
        }
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}

/// Keeps a photo or task from being swept for as long as this value lives.
///
/// Made by [`Storage::hold`](crate::Storage::hold). What exists when the hold is given stays, with
/// one exception: a deletion that the user asks for is carried out at once. From then on
/// [`is_deleted`](Self::is_deleted) is true, reads find nothing, and writes fail with
/// [`Error::Deleted`](crate::Error::Deleted) and leave nothing behind.
#[derive(Debug)]
#[must_use = "the hold ends when this value is dropped"]
pub struct Hold {
    registry: Arc<Registry>,
    subject: Subject,
}

impl Hold {
    /// What is held.
    #[must_use]
    pub fn subject(&self) -> Subject {
        self.subject
    }

    /// Whether the user had it deleted since the first of the present holds: a job should stop.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.registry.lock().get(&self.subject).is_some_and(|entry| entry.deleted)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.registry.release(self.subject, |entry| entry.holds -= 1);
    }
}

/// The sweeper's right to delete one artifact; holds wait until it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    registry: Arc<Registry>,
    subject: Subject,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.registry.release(self.subject, |entry| entry.claims -= 1);
        self.registry.claim_ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::id::PhotoId;

    fn subject() -> Subject {
        PhotoId::generate().into()
    }

    #[tokio::test]
    async fn a_hold_refuses_claims_until_the_last_is_dropped() {
        let registry = Arc::new(Registry::default());
        let (mine, other) = (subject(), subject());
        let first = registry.hold(mine).await;
        let second = registry.hold(mine).await;
        assert!(registry.claim(mine).is_none());
        assert!(registry.claim(other).is_some());
        drop(first);
        assert!(registry.claim(mine).is_none());
        drop(second);
        assert!(registry.claim(mine).is_some());
        assert!(registry.is_empty());
    }

    #[tokio::test]
    async fn a_hold_waits_for_deletions_in_progress() {
        let registry = Arc::new(Registry::default());
        let subject = subject();
        let claims = (registry.claim(subject), registry.claim(subject));
        let mut hold = pin!(registry.hold(subject));
        assert!(futures::poll!(hold.as_mut()).is_pending());
        drop(claims.0);
        assert!(futures::poll!(hold.as_mut()).is_pending());
        drop(claims.1);
        let hold = hold.await;
        assert!(registry.claim(subject).is_none());
        drop(hold);
        assert!(registry.is_empty());
    }

    #[tokio::test]
    async fn waiting_for_a_hold_can_be_given_up() {
        let registry = Arc::new(Registry::default());
        let subject = subject();
        let claim = registry.claim(subject);
        {
            let mut hold = pin!(registry.hold(subject));
            assert!(futures::poll!(hold.as_mut()).is_pending());
        }
        drop(claim);
        assert!(registry.is_empty());
    }

    #[tokio::test]
    async fn a_deletion_marks_present_holders_and_no_later_ones() {
        let registry = Arc::new(Registry::default());
        let subject = subject();
        registry.mark_deleted(subject);
        assert!(registry.is_empty());
        let first = registry.hold(subject).await;
        assert!(!first.is_deleted());
        registry.mark_deleted(subject);
        let second = registry.hold(subject).await;
        assert!(first.is_deleted() && second.is_deleted());
        drop((first, second));
        assert!(!registry.hold(subject).await.is_deleted());
    }
}
