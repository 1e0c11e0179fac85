//! The wait for a device, and the right to use it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::core::{Gate, Slot};
use crate::queue::{DeviceId, Outcome, Released, Ticket};
use crate::sync::lock;

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
    pub(super) fn new(gate: Arc<Gate>, ticket: Ticket, deadline: Option<Duration>) -> Self {
        Self { gate, ticket: Some(ticket), deadline }
    }

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
