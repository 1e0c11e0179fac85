//! Asking for a device, and for a place among those that wait for one.

use std::sync::Arc;
use std::time::Duration;

use super::acquire::Acquire;
use super::core::{Gate, Slot};
use super::place::QueuePlace;
use crate::error::Error;
use crate::queue::{ClassId, Request};

impl Gate {
    /// Asks for a device, `within` this time, in the place that was kept for it, if any.
    pub(crate) fn submit(
        self: &Arc<Self>,
        mut request: Request,
        within: Option<Duration>,
        place: Option<QueuePlace>,
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
        Ok(Acquire::new(self.clone(), ticket, deadline))
    }

    /// Keeps a place for a request that is still being prepared.
    pub(crate) fn reserve(
        self: &Arc<Self>,
        class: ClassId,
        flow: Arc<str>,
    ) -> Result<QueuePlace, Error> {
        self.with(|state, now| state.queue.reserve(now, class, &flow))?;
        Ok(QueuePlace::new(self.clone(), class, flow))
    }
}
