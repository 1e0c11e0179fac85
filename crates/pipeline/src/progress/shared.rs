//! What the handle that tells and the readers of a feed have in common.

use super::estimates::Estimates;
use super::event::Event;
use super::forecast::Forecast;
use super::ring::{ReadPosition, Ring};
use super::update::Update;
use crate::stage::Stage;
use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// One feed. Its lock is held for short computations only. No waker is called or dropped under it,
/// since that may run code of others.
#[derive(Debug)]
pub(super) struct Shared {
    job: Arc<str>,
    start: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    ring: Ring,
    forecast: Forecast,
    estimates: Arc<Estimates>,
    /// Readers that wait for the next update.
    waiting: HashMap<u64, Waker>,
    readers: u64,
    closed: bool,
}

impl Shared {
    pub(super) fn new(job: Arc<str>, capacity: usize) -> Self {
        let state = State {
            ring: Ring::new(capacity),
            forecast: Forecast::default(),
            estimates: Arc::default(),
            waiting: HashMap::new(),
            readers: 0,
            closed: false,
        };
        Self { job, start: Instant::now(), state: Mutex::new(state) }
    }

    pub(super) fn job(&self) -> &Arc<str> {
        &self.job
    }

    pub(super) fn latest(&self) -> Option<Arc<Update>> {
        self.lock().ring.latest().cloned()
    }

    pub(super) fn state(&self) -> Vec<Arc<Update>> {
        self.lock().ring.state()
    }

    /// The number of a new reader.
    pub(super) fn reader(&self) -> u64 {
        let mut state = self.lock();
        state.readers += 1;
        state.readers
    }

    /// The next update for a reader; `None` at the end.
    pub(super) fn poll(
        &self,
        reader: u64,
        place: &mut ReadPosition,
        waker: &Waker,
    ) -> Poll<Option<Arc<Update>>> {
        let mut state = self.lock();
        if let Some(update) = state.ring.next(place) {
            return Poll::Ready(Some(update));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        let before = state.waiting.insert(reader, waker.clone());
        drop(state);
        drop(before);
        Poll::Pending
    }

    /// Forgets a reader.
    pub(super) fn leave(&self, reader: u64) {
        let waker = self.lock().waiting.remove(&reader);
        drop(waker);
    }

    /// The number of readers that wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    // A panic under the lock leaves an update untold at worst.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: Event) {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = self.start.elapsed().as_secs_f64();
        let mut state = self.lock();
        let expected = state.estimates.expected();
        let (fraction, seconds_left) = state.forecast.take(&event, now, &expected);
        let update = Update {
            number: state.ring.next_number(),
            at_ms: since_1970.as_millis() as u64,
            job: self.job.clone(),
            fraction,
            seconds_left,
            event,
        };
        state.ring.push(Arc::new(update));
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
    }

    fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
    }
}

/// The end of a feed that tells. The feed ends when it is dropped.
#[derive(Debug)]
pub(super) struct Writer(Arc<Shared>);

impl Writer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    pub(super) fn tell(&self, event: Event) {
        self.0.tell(event);
    }

    pub(super) fn plan(&self, stages: &[(Stage, usize)]) {
        self.0.lock().forecast.plan(stages);
    }

    pub(super) fn estimate_by(&self, estimates: &Arc<Estimates>) {
        self.0.lock().estimates = estimates.clone();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.close();
    }
}
