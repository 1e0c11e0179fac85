//! The queue behind a lock, with the wakers of those who wait.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use crate::hash::NumberMap;
use crate::queue::{ClassId, DeviceId, DeviceState, Event, Queue, Ticket};
use crate::snapshot::Snapshot;
use crate::sync::{Mutex, lock};

/// What became of a request that waits.
#[derive(Debug)]
pub(super) enum Slot {
    Waiting(Option<Waker>),
    Granted(DeviceId),
    Expired,
    NoDevice,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) queue: Queue,
    pub(super) slots: NumberMap<Ticket, Slot>,
    /// Wakers of those who wait until nothing is left to do, and of those who wait for an idle or a
    /// drained device.
    pub(super) until_idle: Vec<Waker>,
    pub(super) until_free: Vec<Waker>,
}

/// Shared by leases, waiters and workers.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(super) state: Mutex<State>,
    epoch: Instant,
}

impl State {
    /// Takes the queue's decisions over; the wakers are to be woken without the lock.
    fn settle(&mut self, wake: &mut Vec<Waker>) {
        while let Some(event) = self.queue.next_event() {
            let (ticket, slot) = match event {
                Event::Granted(ticket, device) => (ticket, Slot::Granted(device)),
                Event::Expired(ticket) => (ticket, Slot::Expired),
                Event::NoDevice(ticket) => (ticket, Slot::NoDevice),
            };
            // A request that was dropped has no slot any more.
            let Some(known) = self.slots.get_mut(&ticket) else { continue };
            if let Slot::Waiting(Some(waker)) = std::mem::replace(known, slot) {
                wake.push(waker);
            }
        }
        if self.queue.is_idle() {
            wake.append(&mut self.until_idle);
        }
        if !self.until_free.is_empty() {
            wake.append(&mut self.until_free);
        }
    }
}

impl Gate {
    pub(crate) fn new(queue: Queue) -> Arc<Self> {
        let state = State {
            queue,
            slots: NumberMap::default(),
            until_idle: Vec::new(),
            until_free: Vec::new(),
        };
        Arc::new(Self { state: Mutex::new(state), epoch: Instant::now() })
    }

    /// The queue's clock. It follows the runtime's, so that a paused one is obeyed.
    pub(super) fn now(&self) -> Duration {
        Instant::now().saturating_duration_since(self.epoch)
    }

    pub(super) fn instant(&self, at: Duration) -> Instant {
        self.epoch + at
    }

    /// Changes the state at the current time. Those the change concerns are woken after the lock is
    /// released.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State, Duration) -> T) -> T {
        let mut wake = Vec::new();
        let result = {
            let mut state = lock(&self.state);
            // Under the lock, so that the queue's clock agrees.
            let now = self.now();
            let result = change(&mut state, now);
            state.settle(&mut wake);
            result
        };
        wake.into_iter().for_each(Waker::wake);
        result
    }

    pub(crate) fn give_up(&self, class: ClassId, flow: &str) {
        self.with(|state, _| state.queue.give_up(class, flow));
    }

    pub(crate) fn set_state(&self, device: DeviceId, state: DeviceState) {
        self.with(|all, now| all.queue.set_state(now, device, state));
    }

    pub(crate) fn set_resident(&self, device: DeviceId, resident: bool) {
        self.with(|state, _| state.queue.set_resident(device, resident));
    }

    pub(crate) fn is_draining(&self, device: DeviceId) -> bool {
        let known = lock(&self.state).queue.device(device);
        known.is_some_and(|(state, _)| state == DeviceState::Draining)
    }

    pub(crate) fn close(&self) {
        self.with(|state, _| state.queue.close());
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.with(|state, now| state.queue.snapshot(now))
    }

    pub(crate) fn waiting(&self, class: ClassId) -> usize {
        lock(&self.state).queue.waiting(class)
    }

    pub(crate) fn expected_wait(&self, class: ClassId) -> Duration {
        lock(&self.state).queue.expected_wait(class)
    }

    pub(crate) fn has_idle_device(&self, class: ClassId) -> bool {
        lock(&self.state).queue.has_idle_device(class)
    }
}
