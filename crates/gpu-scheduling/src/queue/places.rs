//! Places kept for requests that are still being prepared, so that who would be refused is told
//! before that work and not after it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{ClassId, Queue};
use crate::error::Error;

/// Places held, of the bounds on what waits.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) total: usize,
    pub(super) of_class: Vec<usize>,
    of_flow: HashMap<Arc<str>, usize>,
}

impl Places {
    pub(super) fn new(classes: usize) -> Self {
        Self { total: 0, of_class: vec![0; classes], of_flow: HashMap::new() }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.total == 0 && self.of_flow.is_empty() && self.of_class.iter().all(|n| *n == 0)
    }

    pub(super) fn in_flow(&self, flow: &str) -> usize {
        self.of_flow.get(flow).copied().unwrap_or(0)
    }
}

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
        self.places.total += 1;
        self.places.of_class[class.0] += 1;
        *self.places.of_flow.entry(flow.clone()).or_insert(0) += 1;
        Ok(())
    }

    /// Places kept now.
    pub fn places(&self) -> usize {
        self.places.total
    }

    /// Gives a place back that was [kept](Self::reserve).
    pub fn give_up(&mut self, class: ClassId, flow: &str) {
        let Some(count) = self.places.of_flow.get_mut(flow) else { return };
        *count -= 1;
        if *count == 0 {
            self.places.of_flow.remove(flow);
        }
        self.places.total = self.places.total.saturating_sub(1);
        if let Some(count) = self.places.of_class.get_mut(class.0) {
            *count = count.saturating_sub(1);
        }
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
