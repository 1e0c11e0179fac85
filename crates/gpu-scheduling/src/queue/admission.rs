//! Who is admitted, and who is refused at once.

use std::time::Duration;

use super::{Job, Queue, Rank, Request, Stage, Ticket};
use crate::error::Error;

impl Queue {
    /// Admits a request, which then waits or is granted at once.
    ///
    /// # Errors
    /// [`Error::Full`] at once, with the time after which to ask again; [`Error::Closed`];
    /// [`Error::NoDevice`]; [`Error::Deadline`] if that has passed already, or is now and it would
    /// have to wait;
    /// [`Error::UnknownClass`].
    pub fn submit(&mut self, now: Duration, request: Request) -> Result<Ticket, Error> {
        self.advance(now);
        let class = request.class.0;
        self.admissible(class)?;
        self.in_time(&request)?;
        if !self.has_room(class, &request.flow, false) {
            return Err(self.refuse(class));
        }
        Ok(self.admit(request))
    }

    /// Admits a request for which a place was [kept](Self::reserve), which it takes, also where it
    /// is an error.
    ///
    /// # Errors
    /// As [`submit`](Self::submit), but never [`Error::Full`].
    pub fn submit_in_place(&mut self, now: Duration, request: Request) -> Result<Ticket, Error> {
        self.advance(now);
        self.give_up(request.class, &request.flow);
        self.admissible(request.class.0)?;
        self.in_time(&request)?;
        Ok(self.admit(request))
    }

    /// Whether requests of this class are taken at all.
    pub(super) fn admissible(&self, class: usize) -> Result<(), Error> {
        if class >= self.policy.classes.len() {
            return Err(Error::UnknownClass(format!("number {class}")));
        }
        if self.closed {
            return Err(Error::Closed);
        }
        if !self.devices.iter().any(|d| d.capable(&self.demands[class])) {
            return Err(Error::NoDevice { class: self.name(class) });
        }
        Ok(())
    }

    fn in_time(&mut self, request: &Request) -> Result<(), Error> {
        let class = request.class.0;
        let late = request.deadline.is_some_and(|d| d < self.now);
        if late || request.deadline == Some(self.now) && self.would_start(class) == 0 {
            self.classes[class].counts.expired += 1;
            return Err(Error::Deadline { class: self.name(class) });
        }
        Ok(())
    }

    pub(super) fn refuse(&mut self, class: usize) -> Error {
        self.classes[class].counts.refused += 1;
        Error::Full { class: self.name(class), retry_after: self.retry_after(class) }
    }

    fn admit(&mut self, request: Request) -> Ticket {
        let class = request.class.0;
        let ticket = Ticket(self.next);
        self.next += 1;
        let flow = self.flows.intern(&request.flow);
        let rank = Rank::new(request.priority);
        let job = Job {
            demand: class,
            flow,
            stage: Stage::Waiting { rank },
            submitted: self.now,
            deadline: request.deadline,
            ages: None,
            losses: 0,
            charge: 0,
            expected: 0,
        };
        self.jobs.insert(ticket, job);
        self.flows.push(flow, class, rank, ticket);
        self.count_waiting(class, 1);
        self.dispatch();
        self.arm(ticket);
        ticket
    }
}
