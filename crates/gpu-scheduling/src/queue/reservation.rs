//! Places kept for requests that are still being prepared, so that a refusal comes before that work
//! and not after it.

use std::sync::Arc;
use std::time::Duration;

use super::{ClassId, Queue};
use crate::error::Error;

impl Queue {
    /// Keeps a place among the waiting for a request that is still being prepared. It counts
    /// against the policy's bounds until it is [given up](Self::give_up).
    ///
    /// # Errors
    /// As [`submit`](Self::submit), but for the deadline.
    pub fn reserve(&mut self, now: Duration, class: ClassId, flow: &Arc<str>) -> Result<(), Error> {
        self.advance(now);
        self.admissible(class.0)?;
        if !self.has_room(class.0, flow, true) {
            return Err(self.refuse(class.0));
        }
        self.places.keep(class.0, flow);
        Ok(())
    }

    /// Places kept now.
    pub fn places(&self) -> usize {
        self.places.total
    }

    /// Gives a place back that was [kept](Self::reserve).
    pub fn give_up(&mut self, class: ClassId, flow: &str) {
        self.places.give_up(class.0, flow);
    }

    /// Whether one more request may wait, or need not because it would start at once. A place is
    /// for a request that comes later: beside the bound there are as many as would start now.
    pub(super) fn has_room(&mut self, class: usize, flow: &str, place: bool) -> bool {
        if self.below_bounds(flow, 0) {
            return true;
        }
        // What a lapsed restriction lets start makes room first.
        self.dispatch();
        let starts = self.would_start(class);
        self.below_bounds(flow, if place { starts } else { 0 }) || !place && starts > 0
    }

    fn below_bounds(&self, flow: &str, more: usize) -> bool {
        let waiting = self.waiting + self.places.total;
        let in_flow = self.flows.waiting_in(flow) + self.places.in_flow(flow);
        waiting < self.policy.waiting.saturating_add(more)
            && in_flow < self.policy.waiting_per_flow.saturating_add(more)
    }
}
