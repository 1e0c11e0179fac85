//! Requests that wait: their timers, and how they leave and come back.

use std::time::Duration;

use super::{Event, Job, Queue, Rank, Stage, Ticket};

impl Queue {
    /// Moves the clock, which never runs backwards, and does what is due.
    pub(super) fn advance(&mut self, now: Duration) {
        if now > self.now {
            for class in &mut self.classes {
                class.contend(now - self.now);
            }
            self.now = now;
        }
        let mut changed = false;
        while let Some(&(deadline, ticket)) = self.deadlines.first() {
            if deadline > self.now {
                break;
            }
            self.deadlines.pop_first();
            if let Some(job) = self.withdraw(ticket) {
                self.classes[self.demands[job.demand].class].counts.expired += 1;
                self.events.push_back(Event::Expired(ticket));
                changed = true;
            }
        }
        while let Some(&(at, ticket)) = self.ageing.first() {
            if at > self.now {
                break;
            }
            self.ageing.pop_first();
            self.rise(ticket);
        }
        if changed {
            self.dispatch();
        }
    }

    /// Lets a waiting request compete one level higher.
    pub(super) fn rise(&mut self, ticket: Ticket) {
        let Some(job) = self.jobs.get_mut(&ticket) else { return };
        job.ages = None;
        let Stage::Waiting { rank } = job.stage else { return };
        let Some(older) = rank.older() else { return };
        job.stage = Stage::Waiting { rank: older };
        let (flow, demand) = (job.flow, job.demand);
        // In this order the flow keeps its place: it is never empty.
        self.flows.push(flow, demand, older, ticket);
        self.flows.remove(flow, demand, rank, ticket);
        self.arm(ticket);
    }

    /// Sets the timers of a request that has to wait.
    pub(super) fn arm(&mut self, ticket: Ticket) {
        let Some(job) = self.jobs.get_mut(&ticket) else { return };
        let Stage::Waiting { rank } = job.stage else {
            if let (Stage::Pending, Some(deadline)) = (job.stage, job.deadline) {
                self.deadlines.insert((deadline, ticket));
            }
            return;
        };
        if let Some(deadline) = job.deadline {
            self.deadlines.insert((deadline, ticket));
        }
        if rank.older().is_some() && job.ages.is_none() {
            let at = self.now.saturating_add(self.policy.ageing);
            job.ages = Some(at);
            self.ageing.insert((at, ticket));
        }
    }

    pub(super) fn disarm(&mut self, ticket: Ticket) {
        let Some(job) = self.jobs.get_mut(&ticket) else { return };
        if let Some(deadline) = job.deadline {
            self.deadlines.remove(&(deadline, ticket));
        }
        if let Some(at) = job.ages.take() {
            self.ageing.remove(&(at, ticket));
        }
    }

    /// Removes a request that waits or is pending.
    pub(super) fn withdraw(&mut self, ticket: Ticket) -> Option<Job> {
        match self.jobs.get(&ticket)?.stage {
            Stage::Running { .. } => return None,
            Stage::Pending => self.unpend(ticket),
            Stage::Waiting { .. } => {}
        }
        self.disarm(ticket);
        let job = self.jobs.remove(&ticket)?;
        if let Stage::Waiting { rank } = job.stage {
            self.flows.remove(job.flow, job.demand, rank, ticket);
        }
        self.count_waiting(job.demand, -1);
        Some(job)
    }

    /// Puts a running request back among the waiting ones.
    pub(super) fn wait_again(&mut self, ticket: Ticket, demand: usize) {
        let now = self.now;
        let Some(job) = self.jobs.get_mut(&ticket) else { return };
        let rank = Rank::TOP;
        job.demand = demand;
        job.stage = Stage::Waiting { rank };
        job.charge = 0;
        job.submitted = now;
        let flow = job.flow;
        self.flows.push(flow, demand, rank, ticket);
        self.count_waiting(demand, 1);
    }

    pub(super) fn count_waiting(&mut self, demand: usize, change: isize) {
        self.waiting = self.waiting.saturating_add_signed(change);
        let class = &mut self.classes[self.demands[demand].class];
        class.waiting = class.waiting.saturating_add_signed(change);
    }
}
