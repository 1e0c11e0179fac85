//! Fair order of what waits: who goes next, of which flow and class.
//!
//! Start-time fair queueing (Goyal, Vin and Cheng, 1996): each flow has a virtual time, the device
//! time it was given so far; the flow with the least goes next. A flow that was idle starts at the
//! virtual time of now, so it neither saves up service nor pays for its pause.
//!
//! Now is the start of the latest election. Where every request is a flow of its own that never
//! moves, for each new one starts where the last one did; so a flow that has ended is remembered
//! only until as many others have ended as there are flows in work, and [`RESTING`] more: then now
//! moves up to it, as if its round were over. That bounds what is remembered, and for how long a
//! flow's second request can wait behind the first ones of others.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::Ticket;
use super::rank::{RANKS, Rank};
use crate::hash::NumberMap;

/// Flows remembered after their end, beside as many as there are in work.
const RESTING: usize = 64;

/// A flow that waits, runs or has run ahead of the others. Never reused while the scheduler is
/// busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FlowId(u64);

#[derive(Debug)]
struct Flow {
    name: Arc<str>,
    /// Device time charged, in nanoseconds.
    virtual_time: u64,
    /// What waits, oldest first, at `class * RANKS + rank`.
    lanes: Vec<BTreeSet<Ticket>>,
    waiting: usize,
    /// Elected and not yet finished.
    active: usize,
}

/// The first in order of one class and rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Head {
    pub(super) virtual_time: u64,
    pub(super) ticket: Ticket,
    pub(super) flow: FlowId,
}

/// All flows and the order among them.
#[derive(Debug)]
pub(super) struct Flows {
    classes: usize,
    next: u64,
    by_name: HashMap<Arc<str>, FlowId>,
    flows: NumberMap<FlowId, Flow>,
    /// Flows with something waiting, at `class * RANKS + rank`.
    ready: Vec<BTreeSet<(u64, FlowId)>>,
    /// The virtual time of the latest election, or of the flow that was forgotten last.
    now: u64,
    /// Flows with nothing left, kept until `now` has reached them, so that a pause forgives no
    /// debt.
    resting: BTreeSet<(u64, FlowId)>,
}

impl Flows {
    pub(super) fn new(classes: usize) -> Self {
        Self {
            classes,
            next: 0,
            by_name: HashMap::new(),
            flows: NumberMap::default(),
            ready: vec![BTreeSet::new(); classes * RANKS],
            now: 0,
            resting: BTreeSet::new(),
        }
    }

    /// How many requests of this flow wait.
    pub(super) fn waiting_in(&self, name: &str) -> usize {
        self.by_name.get(name).and_then(|id| self.flows.get(id)).map_or(0, |f| f.waiting)
    }

    /// The flow of this name, made if there is none.
    pub(super) fn intern(&mut self, name: &Arc<str>) -> FlowId {
        if let Some(&id) = self.by_name.get(name) {
            return id;
        }
        let id = FlowId(self.next);
        self.next += 1;
        let lanes = vec![BTreeSet::new(); self.classes * RANKS];
        let virtual_time = self.now;
        let flow = Flow { name: name.clone(), virtual_time, lanes, waiting: 0, active: 0 };
        self.by_name.insert(name.clone(), id);
        self.flows.insert(id, flow);
        id
    }

    /// Lets `ticket` wait.
    pub(super) fn push(&mut self, id: FlowId, class: usize, rank: Rank, ticket: Ticket) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        if flow.waiting == 0 {
            self.resting.remove(&(flow.virtual_time, id));
            flow.virtual_time = flow.virtual_time.max(self.now);
        }
        flow.waiting += 1;
        let lane = &mut flow.lanes[class * RANKS + rank.index()];
        if lane.is_empty() {
            self.ready[class * RANKS + rank.index()].insert((flow.virtual_time, id));
        }
        lane.insert(ticket);
    }

    /// Takes `ticket` out of the waiting ones: cancelled, expired or about to change its lane.
    pub(super) fn remove(&mut self, id: FlowId, class: usize, rank: Rank, ticket: Ticket) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        let lane = &mut flow.lanes[class * RANKS + rank.index()];
        if lane.remove(&ticket) {
            flow.waiting -= 1;
            if lane.is_empty() {
                self.ready[class * RANKS + rank.index()].remove(&(flow.virtual_time, id));
            }
            self.rest(id);
        }
    }

    /// The first in order that waits for `class` at `rank`.
    pub(super) fn head(&self, class: usize, rank: Rank) -> Option<Head> {
        let &(virtual_time, flow) = self.ready[class * RANKS + rank.index()].first()?;
        let &ticket = self.flows.get(&flow)?.lanes[class * RANKS + rank.index()].first()?;
        Some(Head { virtual_time, ticket, flow })
    }

    /// The virtual time at which a new flow starts.
    pub(super) const fn now(&self) -> u64 {
        self.now
    }

    /// Elects the head of `class` at `rank`: it stops waiting and its flow pays `cost`, from
    /// `floor` on if it has had less.
    pub(super) fn elect(&mut self, head: Head, class: usize, rank: Rank, cost: u64, floor: u64) {
        let start = head.virtual_time.max(floor);
        self.now = self.now.max(start);
        if let Some(flow) = self.flows.get_mut(&head.flow) {
            flow.active += 1;
        }
        self.remove(head.flow, class, rank, head.ticket);
        self.adjust(head.flow, i128::from(start - head.virtual_time) + i128::from(cost));
        self.forget_rested();
    }

    /// Charges a flow or gives back what it was charged too much.
    pub(super) fn adjust(&mut self, id: FlowId, difference: i128) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        let before = flow.virtual_time;
        let after = u64::try_from((i128::from(before) + difference).max(0)).unwrap_or(u64::MAX);
        flow.virtual_time = after;
        if flow.waiting > 0 {
            for (lane, ready) in flow.lanes.iter().zip(&mut self.ready) {
                if !lane.is_empty() {
                    ready.remove(&(before, id));
                    ready.insert((after, id));
                }
            }
        }
    }

    /// One elected request of the flow is done, or waits again.
    pub(super) fn finish(&mut self, id: FlowId) {
        if let Some(flow) = self.flows.get_mut(&id) {
            flow.active -= 1;
        }
        self.rest(id);
    }

    /// Forgets everything: nothing waits and nothing runs.
    pub(super) fn reset(&mut self) {
        self.by_name.clear();
        self.flows.clear();
        self.resting.clear();
        self.now = 0;
        self.next = 0;
    }

    fn rest(&mut self, id: FlowId) {
        let Some(flow) = self.flows.get(&id) else { return };
        if flow.waiting == 0 && flow.active == 0 {
            if flow.virtual_time > self.now {
                self.resting.insert((flow.virtual_time, id));
                self.forget_rested();
            } else {
                self.forget(id);
            }
        }
    }

    /// Forgets the flows that now has reached, and moves it where too many rest.
    fn forget_rested(&mut self) {
        while let Some(&(virtual_time, id)) = self.resting.first() {
            let in_work = self.flows.len() - self.resting.len();
            if virtual_time > self.now && self.resting.len() <= in_work + RESTING {
                break;
            }
            self.now = self.now.max(virtual_time);
            self.resting.pop_first();
            self.forget(id);
        }
    }

    fn forget(&mut self, id: FlowId) {
        if let Some(flow) = self.flows.remove(&id) {
            self.by_name.remove(&flow.name);
        }
    }

    /// Flows known, in work or resting.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.flows.len(), self.by_name.len());
        assert!(self.resting.len() <= self.flows.len());
        self.flows.len()
    }

    #[cfg(test)]
    pub(super) fn is_reset(&self) -> bool {
        self.by_name.is_empty()
            && self.flows.is_empty()
            && self.resting.is_empty()
            && self.now == 0
            && self.ready.iter().all(BTreeSet::is_empty)
    }

    /// Every waiting ticket with its class and rank, and whether the order's index agrees.
    #[cfg(test)]
    pub(super) fn audit(&self) -> Vec<(Ticket, usize, usize)> {
        let mut all = Vec::new();
        let mut indexed = 0;
        for (id, flow) in &self.flows {
            assert_eq!(flow.waiting, flow.lanes.iter().map(BTreeSet::len).sum::<usize>());
            for (i, lane) in flow.lanes.iter().enumerate() {
                let entry = self.ready[i].contains(&(flow.virtual_time, *id));
                assert_eq!(entry, !lane.is_empty(), "index of the order is stale");
                indexed += usize::from(entry);
                all.extend(lane.iter().map(|t| (*t, i / RANKS, i % RANKS)));
            }
        }
        assert_eq!(indexed, self.ready.iter().map(BTreeSet::len).sum::<usize>());
        all
    }
}
