//! The batches that still take requests.

use std::collections::HashMap;
use std::future::poll_fn;
use std::hash::Hash;
use std::task::{Poll, Waker};

use tokio::sync::oneshot;

use crate::error::Error;
use crate::policy::Priority;
use crate::sync::{Mutex, lock};

pub(super) struct Entry<I, O> {
    pub(super) input: I,
    /// Told when the batch has a device.
    pub(super) taken: oneshot::Sender<()>,
    pub(super) answer: oneshot::Sender<Result<O, Error>>,
}

/// One batch, from its first request to its lease.
struct Open<I, O> {
    entries: Vec<Entry<I, O>>,
    /// Its task, to be woken when a request joins.
    waker: Option<Waker>,
}

struct Batches<K, I, O> {
    next: u64,
    /// The batch that takes the next request of a key and priority; a full one is replaced.
    latest: HashMap<(Priority, K), u64>,
    open: HashMap<u64, Open<I, O>>,
}

pub(super) struct Gathering<K, I, O> {
    /// Requests in one batch at most.
    size: usize,
    batches: Mutex<Batches<K, I, O>>,
}

impl<K: Clone + Eq + Hash, I, O> Gathering<K, I, O> {
    pub(super) fn new(size: usize) -> Self {
        let batches = Batches { next: 0, latest: HashMap::new(), open: HashMap::new() };
        Self { size, batches: Mutex::new(batches) }
    }

    /// Adds a request to its key's batch. The number of a batch that is new, which needs a task.
    pub(super) fn add(&self, key: &(Priority, K), entry: Entry<I, O>) -> Option<u64> {
        let mut batches = lock(&self.batches);
        let Batches { next, latest, open } = &mut *batches;
        let size = self.size;
        let room = latest
            .get(key)
            .copied()
            .filter(|n| open.get(n).is_some_and(|batch| batch.entries.len() < size));
        let number = room.unwrap_or_else(|| {
            *next += 1;
            latest.insert(key.clone(), *next);
            *next
        });
        let batch = open.entry(number).or_insert(Open { entries: Vec::new(), waker: None });
        batch.entries.push(entry);
        let waker = batch.waker.take();
        drop(batches);
        if let Some(waker) = waker {
            waker.wake();
        }
        room.is_none().then_some(number)
    }

    /// Ends the gathering of a batch.
    pub(super) fn take(&self, key: &(Priority, K), number: u64) -> Vec<Entry<I, O>> {
        lock(&self.batches).take(key, number)
    }

    /// Resolves when the batch is full.
    pub(super) async fn full(&self, number: u64) {
        poll_fn(|cx| {
            let mut batches = lock(&self.batches);
            match batches.open.get_mut(&number) {
                Some(batch) if batch.entries.len() < self.size => {
                    batch.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
                _ => Poll::Ready(()),
            }
        })
        .await;
    }

    /// Lets go of the requests whose callers have gone. Resolves when none is left, and has then
    /// ended the gathering.
    pub(super) async fn abandoned(&self, key: &(Priority, K), number: u64) {
        poll_fn(|cx| {
            let mut batches = lock(&self.batches);
            let Some(batch) = batches.open.get_mut(&number) else { return Poll::Ready(()) };
            batch.entries.retain_mut(|entry| entry.answer.poll_closed(cx).is_pending());
            if batch.entries.is_empty() {
                batches.take(key, number);
                return Poll::Ready(());
            }
            batch.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl<K: Eq + Hash, I, O> Batches<K, I, O> {
    fn take(&mut self, key: &(Priority, K), number: u64) -> Vec<Entry<I, O>> {
        if self.latest.get(key) == Some(&number) {
            self.latest.remove(key);
        }
        self.open.remove(&number).map_or_else(Vec::new, |batch| batch.entries)
    }
}
