//! The queue behind a lock, with the wakers of those who wait. Knows no device handles.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;
use crate::hash::NumberMap;
use crate::place::Place;
use crate::queue::{
    ClassId, DeviceId, DeviceState, Event, Outcome, Queue, Released, Request, Ticket,
};
use crate::snapshot::Snapshot;
use crate::sync::{Mutex, lock};

#[cfg(all(test, feature = "model"))]
mod model;
#[cfg(all(test, not(feature = "model")))]
mod tests;

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
    /// Wakers of those who wait until nothing is left to do, and of those who wait for an idle or a
    /// drained device.
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
            // Who has gone has no slot any more.
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
    pub(crate) fn now(&self) -> Duration {
        Instant::now().saturating_duration_since(self.epoch)
    }

    pub(crate) fn instant(&self, at: Duration) -> Instant {
        self.epoch + at
    }

    /// Changes the state at what is now, and wakes whom the change concerns without the lock.
    fn with<T>(&self, change: impl FnOnce(&mut State, Duration) -> T) -> T {
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

    /// Asks for a device, `within` this time, in the place that was kept for it, if any.
    pub(crate) fn submit(
        self: &Arc<Self>,
        mut request: Request,
        within: Option<Duration>,
        place: Option<Place>,
    ) -> Result<Acquire, Error> {
        let in_place = place.is_some_and(|place| place.taken_by(self, &request));
        let (ticket, deadline) = self.with(|state, now| {
            request.deadline = within.and_then(|within| now.checked_add(within));
            let deadline = request.deadline;
            let ticket = if in_place {
                state.queue.submit_in_place(now, request)?
            } else {
                state.queue.submit(now, request)?
            };
            // Before the decisions are taken over, one of which may concern this ticket.
            state.slots.insert(ticket, Slot::Waiting(None));
            Ok((ticket, deadline))
        })?;
        Ok(Acquire { gate: self.clone(), ticket: Some(ticket), deadline })
    }

    /// Keeps a place for a request that is still being prepared.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        class: ClassId,
        flow: Arc<str>,
    ) -> Result<Place, Error> {
        self.with(|state, now| state.queue.reserve(now, class, &flow))?;
        Ok(Place::new(self.clone(), class, flow))
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
            note(&mut state.until_idle, cx.waker());
            Poll::Pending
        })
        .await;
    }

    /// Resolves when no lease of a draining device is held any more: with false where it does not
    /// drain, or no longer.
    pub(crate) async fn drained(&self, device: DeviceId) -> bool {
        std::future::poll_fn(|cx| {
            let mut state = lock(&self.state);
            match state.queue.device(device) {
                Some((DeviceState::Draining, 0)) => Poll::Ready(true),
                Some((DeviceState::Draining, _)) => {
                    note(&mut state.until_free, cx.waker());
                    Poll::Pending
                }
                _ => Poll::Ready(false),
            }
        })
        .await
    }

    /// Resolves when a device that can run the class has nothing to do.
    pub(crate) async fn device_idle(&self, class: ClassId) {
        std::future::poll_fn(|cx| {
            let mut state = lock(&self.state);
            if state.queue.has_idle_device(class) {
                return Poll::Ready(());
            }
            note(&mut state.until_free, cx.waker());
            Poll::Pending
        })
        .await;
    }
}

/// Adds a waker once, however often its task is polled.
fn note(wakers: &mut Vec<Waker>, waker: &Waker) {
    if !wakers.iter().any(|known| known.will_wake(waker)) {
        wakers.push(waker.clone());
    }
}

/// A request that waits. Dropped, it leaves the queue; nothing is run or held for it.
#[derive(Debug)]
pub(crate) struct Acquire {
    gate: Arc<Gate>,
    /// None once the request has ended here.
    ticket: Option<Ticket>,
    deadline: Option<Duration>,
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
        self.gate.with(|state, now| state.queue.tick(now));
    }

    /// The time at which it ends, if there is one.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline.map(|at| self.gate.instant(at))
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
                let (gate, deadline) = (self.gate.clone(), self.deadline);
                Ok(Permit { gate, ticket, device, deadline, held: true })
            }
            Some(Slot::Expired) => Err(Denied::Expired),
            _ => Err(Denied::NoDevice),
        })
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        // Under one lock: what was granted meanwhile is given back, what was not is withdrawn.
        self.gate.with(|state, now| {
            state.slots.remove(&ticket);
            // It may have been granted before, or by what this very call lets expire.
            if !state.queue.cancel(now, ticket) {
                state.queue.release(now, ticket, Outcome::Unused);
            }
        });
    }
}

/// The right to use a device, given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    gate: Arc<Gate>,
    ticket: Ticket,
    pub(crate) device: DeviceId,
    deadline: Option<Duration>,
    held: bool,
}

impl Permit {
    /// Notes that the job begins. False where it is too late for it.
    pub(crate) fn begin(&self) -> bool {
        self.gate.with(|state, now| state.queue.begin(now, self.ticket))
    }

    /// Gives the device back. Where the job is to be tried again, the answer is its wait.
    pub(crate) fn release(mut self, outcome: Outcome) -> Option<Acquire> {
        self.held = false;
        let released = self.gate.with(|state, now| {
            let released = state.queue.release(now, self.ticket, outcome);
            if released == Released::Again {
                state.slots.insert(self.ticket, Slot::Waiting(None));
            }
            released
        });
        let (gate, deadline) = (self.gate.clone(), self.deadline);
        (released == Released::Again).then(|| Acquire { gate, ticket: Some(self.ticket), deadline })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.held {
            self.gate.with(|state, now| state.queue.release(now, self.ticket, Outcome::Unused));
        }
    }
}
