//! Who starts where.
//!
//! Requests are elected in order: by priority, then by the flows' virtual time, then, within a
//! flow, by age. An
//! elected request starts on a device it fits; or, where only other classes' runs are in its way,
//! it reserves a device, on which nothing starts any more that would be in its way. So an
//! exclusive run waits, once elected, for the runs of one device and for nothing that comes later;
//! and before it is elected, each other flow of its level starts at most the runs that bring it
//! level with its own flow: one, if that has been idle.

use super::device::DeviceState;
use super::flows::Head;
use super::rank::{LEVELS, Rank};
use super::window::nanos;
use super::{Event, Queue, Stage};

impl Queue {
    /// Starts and reserves all that is possible now.
    pub(super) fn dispatch(&mut self) {
        if self.jobs.is_empty() {
            self.flows.reset();
            return;
        }
        if self.waiting == 0 {
            return;
        }
        self.start_pending();
        self.shut.fill(false);
        let mut passed_over = false;
        while self.waiting > 0 {
            let Some((head, demand, rank, floor)) = self.first_in_order() else { break };
            let place = if self.pending[demand].is_empty() { self.place(demand) } else { None };
            // Room that is left may be used out of order. A device is only drained in order: else
            // one class would get it whenever another one has no slot free.
            let wants = place.is_none() && !passed_over;
            let reserve = if wants { self.reservable(demand) } else { None };
            if place.is_none() && reserve.is_none() {
                self.shut[demand] = true;
                passed_over = true;
                continue;
            }
            let expected = self.classes[self.demands[demand].class].expected;
            let cost = self.demands[demand].cost(expected);
            self.flows.elect(head, demand, rank, cost, floor);
            if let Some(job) = self.jobs.get_mut(&head.ticket) {
                job.charge = cost;
                job.expected = expected;
                job.stage = Stage::Pending;
            }
            if let Some(device) = place {
                self.start(head.ticket, demand, device);
            } else if let Some(device) = reserve {
                self.pending[demand].insert(head.ticket);
                self.devices[device].reserved = Some(demand);
                self.observe(device);
            }
        }
    }

    /// Of the classes not shut: among those of the highest priority that waits, and those that age
    /// has lifted as high, the flow with the least service; of one flow, the oldest.
    ///
    /// The last value is the service that a lifted one is taken to have had at least: as much as
    /// those it stands beside. What it missed while it was out-ranked it does not collect there.
    fn first_in_order(&self) -> Option<(Head, usize, Rank, u64)> {
        let open = || (0..self.demands.len()).filter(|d| !self.shut[*d]);
        let heads =
            |rank| open().filter_map(move |d| self.flows.head(d, rank).map(|head| (head, d, rank)));
        let (level, own) = (0..LEVELS).rev().find_map(|level| {
            let own = Rank::all().filter(|r| r.level() == level).flat_map(heads);
            Some((level, own.min_by_key(|(h, ..)| (h.virtual_time, h.flow, h.ticket))?))
        })?;
        let floor = self.flows.now().min(own.0.virtual_time);
        let lifted = Rank::all().filter(|r| r.level() < level && r.lifted() >= level);
        lifted
            .flat_map(heads)
            .map(|(head, d, rank)| (head, d, rank, floor))
            .chain([(own.0, own.1, own.2, 0)])
            // In this order the flow that is first is at the head of all its lanes, so that its
            // oldest request is seen, whichever lane that is in.
            .min_by_key(|(h, .., floor)| {
                (h.virtual_time.max(*floor), h.virtual_time, h.flow, h.ticket)
            })
    }

    /// Starts elected requests where their device is free now, or another one is sooner. One that
    /// starts gives its reservation up, which may let one of another class start.
    fn start_pending(&mut self) {
        let mut started = true;
        while std::mem::take(&mut started) {
            for demand in 0..self.demands.len() {
                while let Some(&ticket) = self.pending[demand].first() {
                    let Some(device) = self.place(demand) else { break };
                    self.pending[demand].pop_first();
                    self.unreserve(demand, Some(device));
                    self.start(ticket, demand, device);
                    started = true;
                }
            }
        }
    }

    fn start(&mut self, ticket: super::Ticket, demand: usize, device: usize) {
        self.disarm(ticket);
        self.count_waiting(demand, -1);
        let Some(job) = self.jobs.get_mut(&ticket) else { return };
        let behind = self.devices[device].total > 0;
        job.stage = Stage::Running { device, since: self.now, behind };
        let (expected, waited) = (job.expected, self.now.saturating_sub(job.submitted));
        self.devices[device].start(&self.demands, demand, expected, self.now);
        self.classes[self.demands[demand].class].started(waited);
        self.observe(device);
        self.events.push_back(Event::Granted(ticket, super::DeviceId(device)));
    }

    /// Of the devices where a run fits now, the one where it should end first: with the least to
    /// do, where loading the model counts as work on a device that does not hold it.
    fn place(&self, demand: usize) -> Option<usize> {
        let class = self.demands[demand].class;
        let load = nanos(self.policy.classes[class].load_time);
        self.devices
            .iter()
            .enumerate()
            .filter(|(_, d)| d.fits(&self.demands, demand, self.now))
            .min_by_key(|(_, d)| {
                let load = if d.resident[class] { 0 } else { load };
                d.outstanding.saturating_add(load)
            })
            .map(|(i, _)| i)
    }

    /// A device where only other classes are in the way, with the least to finish first.
    fn reservable(&self, demand: usize) -> Option<usize> {
        self.devices
            .iter()
            .enumerate()
            .filter(|(_, d)| d.reserved.is_none())
            .filter(|(_, d)| d.fits_without_others(&self.demands, demand, self.now))
            .min_by_key(|(_, d)| d.outstanding)
            .map(|(i, _)| i)
    }

    /// How many new requests of this class would start at once, so that they need no room to wait.
    pub(super) fn would_start(&self, class: usize) -> usize {
        if self.classes[class].waiting > 0 {
            return 0;
        }
        self.devices.iter().map(|d| d.free(&self.demands, class, self.now)).sum()
    }

    /// Drops one reservation of this demand, if possible the one of `device`, else the one that
    /// has most to finish.
    fn unreserve(&mut self, demand: usize, device: Option<usize>) {
        let held = |d: &usize| self.devices[*d].reserved == Some(demand);
        let which = device.filter(held).or_else(|| {
            (0..self.devices.len()).filter(held).max_by_key(|d| self.devices[*d].outstanding)
        });
        if let Some(d) = which {
            self.devices[d].reserved = None;
            self.observe(d);
        }
    }

    /// Puts an elected request back where it was before its election.
    pub(super) fn unpend(&mut self, ticket: super::Ticket) {
        let Some(job) = self.jobs.get_mut(&ticket) else { return };
        let (demand, flow, charge) = (job.demand, job.flow, job.charge);
        let rank = Rank::TOP;
        job.stage = Stage::Waiting { rank };
        job.charge = 0;
        if let Some(at) = job.ages.take() {
            self.ageing.remove(&(at, ticket));
        }
        if self.pending[demand].remove(&ticket) {
            self.unreserve(demand, None);
        }
        self.flows.adjust(flow, -i128::from(charge));
        self.flows.push(flow, demand, rank, ticket);
        self.flows.finish(flow);
    }

    /// Changes a device's state. What was to start there waits for another one.
    pub(super) fn stop(&mut self, device: usize, state: DeviceState) {
        self.devices[device].state = state;
        if state == DeviceState::Lost {
            self.devices[device].resident.fill(false);
        }
        if state != DeviceState::Up {
            if let Some(demand) = self.devices[device].reserved.take()
                && let Some(ticket) = self.pending[demand].pop_last()
            {
                self.unpend(ticket);
            }
            self.fail_impossible();
        }
        self.observe(device);
    }

    /// Turns away what no device is left for.
    fn fail_impossible(&mut self) {
        for demand in 0..self.demands.len() {
            if self.devices.iter().any(|d| d.capable(&self.demands[demand])) {
                continue;
            }
            let mut lost: Vec<_> = self
                .jobs
                .iter()
                .filter(|(_, j)| j.demand == demand && !matches!(j.stage, Stage::Running { .. }))
                .map(|(t, _)| *t)
                .collect();
            lost.sort_unstable();
            for ticket in lost {
                if self.withdraw(ticket).is_some() {
                    self.classes[self.demands[demand].class].counts.failed += 1;
                    self.events.push_back(Event::NoDevice(ticket));
                }
            }
        }
    }

    /// Keeps count of the devices that only other classes keep a class from.
    pub(super) fn observe(&mut self, device: usize) {
        for class in 0..self.policy.classes.len() {
            let d = &self.devices[device];
            let blocked = d.total + u32::from(d.reserved.is_some()) > 0
                && !d.fits(&self.demands, class, self.now)
                && d.fits_without_others(&self.demands, class, self.now);
            let before = std::mem::replace(&mut self.devices[device].blocked[class], blocked);
            let count = &mut self.classes[class].blocked;
            *count = count.saturating_add_signed(isize::from(blocked) - isize::from(before));
        }
    }
}
