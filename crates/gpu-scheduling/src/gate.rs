//! The queue behind a lock, with the wakers of those who wait. Knows no device handles.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;
use crate::hash::NumberMap;
use crate::queue::{
    ClassId, DeviceId, DeviceState, Event, Outcome, Queue, Released, Request, Ticket,
};
use crate::snapshot::Snapshot;
use crate::sync::{Mutex, lock};

#[cfg(all(test, feature = "model"))]
mod model;

/// What became of a request that waits.
#[derive(Debug)]
enum Slot {
    Waiting(Option<Waker>),
    Granted(DeviceId),
    Expired,
    NoDevice,
}

#[derive(Debug)]
struct State {
    queue: Queue,
    slots: NumberMap<Ticket, Slot>,
    /// Wakers of those who wait until nothing is left to do, and of those who wait for an idle
    /// device.
    until_idle: Vec<Waker>,
    until_free: Vec<Waker>,
}

/// Shared by leases, waiters and workers.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
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
            if let Some(Slot::Waiting(Some(waker))) = self.slots.insert(ticket, slot) {
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
    pub(crate) fn now(&self) -> Duration {
        Instant::now().saturating_duration_since(self.epoch)
    }

    pub(crate) fn instant(&self, at: Duration) -> Instant {
        self.epoch + at
    }

    /// Changes the queue and wakes whom the change concerns.
    fn with<T>(&self, change: impl FnOnce(&mut Queue, Duration) -> T) -> T {
        let mut wake = Vec::new();
        let now = self.now();
        let result = {
            let mut state = lock(&self.state);
            let result = change(&mut state.queue, now);
            state.settle(&mut wake);
            result
        };
        wake.into_iter().for_each(Waker::wake);
        result
    }

    pub(crate) fn submit(self: &Arc<Self>, request: Request) -> Result<Acquire, Error> {
        let mut wake = Vec::new();
        let now = self.now();
        let submitted = {
            let mut state = lock(&self.state);
            let submitted = state.queue.submit(now, request);
            // Before the decisions are taken over, one of which may concern this ticket.
            if let Ok(ticket) = &submitted {
                state.slots.insert(*ticket, Slot::Waiting(None));
            }
            state.settle(&mut wake);
            submitted
        };
        wake.into_iter().for_each(Waker::wake);
        Ok(Acquire { gate: self.clone(), ticket: Some(submitted?) })
    }

    pub(crate) fn set_state(&self, device: DeviceId, state: DeviceState) {
        self.with(|queue, now| queue.set_state(now, device, state));
    }

    pub(crate) fn set_resident(&self, device: DeviceId) {
        self.with(|queue, _| queue.set_resident(device));
    }

    pub(crate) fn close(&self) {
        self.with(|queue, _| queue.close());
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.with(|queue, now| queue.snapshot(now))
    }

    pub(crate) fn expected_wait(&self, class: ClassId) -> Duration {
        lock(&self.state).queue.expected_wait(class)
    }

    pub(crate) fn has_idle_device(&self, class: ClassId) -> bool {
        lock(&self.state).queue.has_idle_device(class)
    }

    /// Resolves when nothing waits and nothing runs.
    pub(crate) async fn idle(&self) {
        std::future::poll_fn(|cx| {
            let mut state = lock(&self.state);
            if state.queue.is_idle() {
                return Poll::Ready(());
            }
            state.until_idle.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Resolves when a device that can run the class has nothing to do.
    pub(crate) async fn device_idle(&self, class: ClassId) {
        std::future::poll_fn(|cx| {
            let mut state = lock(&self.state);
            if state.queue.has_idle_device(class) {
                return Poll::Ready(());
            }
            state.until_free.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// A request that waits. Dropped, it leaves the queue; nothing is run or held for it.
#[derive(Debug)]
pub(crate) struct Acquire {
    gate: Arc<Gate>,
    /// None once the request has ended here.
    ticket: Option<Ticket>,
}

/// Why no permit was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    Expired,
    NoDevice,
}

impl Acquire {
    /// Lets time pass, so that a deadline is noticed.
    pub(crate) fn tick(&self) {
        self.gate.with(|queue, now| queue.tick(now));
    }
}

impl Future for Acquire {
    type Output = Result<Permit, Denied>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(ticket) = self.ticket else { return Poll::Ready(Err(Denied::NoDevice)) };
        let found = {
            let mut state = lock(&self.gate.state);
            if let Some(Slot::Waiting(waker)) = state.slots.get_mut(&ticket) {
                match waker {
                    Some(known) if known.will_wake(cx.waker()) => {}
                    _ => *waker = Some(cx.waker().clone()),
                }
                return Poll::Pending;
            }
            state.slots.remove(&ticket)
        };
        self.ticket = None;
        Poll::Ready(match found {
            Some(Slot::Granted(device)) => {
                Ok(Permit { gate: self.gate.clone(), ticket, device, held: true })
            }
            Some(Slot::Expired) => Err(Denied::Expired),
            _ => Err(Denied::NoDevice),
        })
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut wake = Vec::new();
        let now = self.gate.now();
        {
            let mut state = lock(&self.gate.state);
            // Under one lock: what was granted meanwhile is given back, what was not is withdrawn.
            match state.slots.remove(&ticket) {
                Some(Slot::Granted(_)) => {
                    state.queue.release(now, ticket, Outcome::Unused);
                }
                _ => {
                    state.queue.cancel(now, ticket);
                }
            }
            state.settle(&mut wake);
            // Its own deadline may have passed in this very call.
            state.slots.remove(&ticket);
        }
        wake.into_iter().for_each(Waker::wake);
    }
}

/// The right to use a device, given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    gate: Arc<Gate>,
    ticket: Ticket,
    pub(crate) device: DeviceId,
    held: bool,
}

impl Permit {
    /// Gives the device back. Where the job is to be tried again, the answer is its wait.
    pub(crate) fn release(mut self, outcome: Outcome) -> Option<Acquire> {
        self.held = false;
        let mut wake = Vec::new();
        let now = self.gate.now();
        let released = {
            let mut state = lock(&self.gate.state);
            let released = state.queue.release(now, self.ticket, outcome);
            if released == Released::Again {
                state.slots.insert(self.ticket, Slot::Waiting(None));
            }
            state.settle(&mut wake);
            released
        };
        wake.into_iter().for_each(Waker::wake);
        (released == Released::Again)
            .then(|| Acquire { gate: self.gate.clone(), ticket: Some(self.ticket) })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.held {
            self.gate.with(|queue, now| queue.release(now, self.ticket, Outcome::Unused));
        }
    }
}
