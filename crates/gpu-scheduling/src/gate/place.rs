//! A place among the waiting, kept for a request that is still being prepared.

use std::sync::Arc;

use super::core::Gate;
use crate::queue::{ClassId, Request};

/// A place in the queue, kept by [`Scheduler::reserve`](crate::Scheduler::reserve) for a request
/// that is still being prepared. Dropped unused, it goes to others.
#[derive(Debug)]
pub struct QueuePlace {
    gate: Arc<Gate>,
    class: ClassId,
    flow: Arc<str>,
    held: bool,
}

impl QueuePlace {
    pub(crate) fn new(gate: Arc<Gate>, class: ClassId, flow: Arc<str>) -> Self {
        Self { gate, class, flow, held: true }
    }

    /// Hands the place over to the request it was kept for. False, and given back, where it was
    /// kept for another flow, class or scheduler.
    pub(crate) fn taken_by(mut self, gate: &Arc<Gate>, request: &Request) -> bool {
        let own = Arc::ptr_eq(&self.gate, gate)
            && self.class == request.class
            && self.flow == request.flow;
        self.held = !own;
        own
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        if self.held {
            self.gate.give_up(self.class, &self.flow);
        }
    }
}
