//! Permits that are given out fairly between flows.

use serde::Serialize;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// A number of permits for which flows (users, tenants) take turns.
///
/// - At most `total` permits are out at once, and at most `per_flow` of one flow.
/// - No permit is idle while a flow waits that has fewer than `per_flow`.
/// - Within a flow it is first come, first served.
/// - Between flows each gets one permit in turn. So when all permits are in use, another flow delays
///   the first waiter of a flow by at most **one** release of a permit, however many of it wait:
///   with `n` other flows waiting it gets one of the next `n + 1` permits that are released. A
///   flow that has `per_flow` permits, or nobody waiting, gives up its turn.
/// - A waiter that is dropped leaves the queue. A permit is given back when it is dropped.
///
/// A clone shares the permits.
#[derive(Debug, Clone)]
pub(crate) struct FairPermits(Arc<Mutex<State>>);

/// What is in use and who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PermitUse {
    /// Permits in all.
    pub total: usize,
    /// Permits that one flow has at most.
    pub per_flow: usize,
    /// Permits that are out.
    pub in_use: usize,
    /// Who waits for one.
    pub waiting: usize,
    /// Flows that have or wait for a permit.
    pub flows: usize,
}

/// A permit, given back when it is dropped.
#[derive(Debug)]
#[must_use = "the permit is given back when this is dropped"]
pub(crate) struct FairPermit {
    _ticket: Ticket,
}

impl FairPermits {
    /// So many permits in all and for one flow; at least one of both.
    pub(crate) fn new(total: usize, per_flow: usize) -> Self {
        let (total, per_flow) = (total.max(1), per_flow.max(1));
        Self(Arc::new(Mutex::new(State { total, per_flow, ..State::default() })))
    }

    /// Waits for a permit of this flow. The place in the queue is taken when this is first polled.
    pub(crate) async fn acquire(&self, flow: &Arc<str>) -> FairPermit {
        let (sender, receiver) = oneshot::channel();
        let ticket = {
            let mut state = lock(&self.0);
            let number = state.enter(flow, sender);
            let granted = state.grant();
            drop(state);
            wake(granted);
            Ticket { permits: self.0.clone(), flow: flow.clone(), number }
        };
        // A sender leaves the queue to be sent, or with its ticket: this cannot fail.
        let _ = receiver.await;
        FairPermit { _ticket: ticket }
    }

    /// What is in use and who waits.
    pub(crate) fn snapshot(&self) -> PermitUse {
        let state = lock(&self.0);
        PermitUse {
            total: state.total,
            per_flow: state.per_flow,
            in_use: state.in_use,
            waiting: state.flows.values().map(|flow| flow.waiting.len()).sum(),
            flows: state.flows.len(),
        }
    }
}

/// A place in the queue, and after its turn a permit.
#[derive(Debug)]
struct Ticket {
    permits: Arc<Mutex<State>>,
    flow: Arc<str>,
    number: u64,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = lock(&self.permits);
        let withdrawn = state.leave(&self.flow, self.number);
        let granted = state.grant();
        drop(state);
        drop(withdrawn);
        wake(granted);
    }
}

#[derive(Debug, Default)]
struct State {
    total: usize,
    per_flow: usize,
    in_use: usize,
    tickets: u64,
    /// Flows that have or wait for a permit.
    flows: HashMap<Arc<str>, Flow>,
    /// The flows that can take a permit, each once: the front one is next.
    turns: VecDeque<Arc<str>>,
}

#[derive(Debug, Default)]
struct Flow {
    in_use: usize,
    /// Tickets in the order of their numbers.
    waiting: VecDeque<(u64, oneshot::Sender<()>)>,
    /// It is among `turns`.
    listed: bool,
}

impl Flow {
    fn can_take(&self, per_flow: usize) -> bool {
        self.in_use < per_flow && !self.waiting.is_empty()
    }
}

impl State {
    fn enter(&mut self, name: &Arc<str>, sender: oneshot::Sender<()>) -> u64 {
        self.tickets += 1;
        let flow = self.flows.entry(name.clone()).or_default();
        flow.waiting.push_back((self.tickets, sender));
        self.list(name);
        self.tickets
    }

    /// Takes a ticket out of the queue, or its permit back. What is returned is dropped without the
    /// lock.
    fn leave(&mut self, name: &Arc<str>, number: u64) -> Option<oneshot::Sender<()>> {
        let flow = self.flows.get_mut(name)?;
        let withdrawn = match flow.waiting.binary_search_by_key(&number, |(number, _)| *number) {
            Ok(place) => flow.waiting.remove(place).map(|(_, sender)| sender),
            Err(_) => {
                flow.in_use -= 1;
                self.in_use -= 1;
                None
            }
        };
        self.list(name);
        withdrawn
    }

    /// Lists a flow that can take a permit at the end of the turns, strikes off one that cannot,
    /// and forgets one that has none and wants none.
    fn list(&mut self, name: &Arc<str>) {
        let Some(flow) = self.flows.get_mut(name) else { return };
        let can = flow.can_take(self.per_flow);
        if can && !flow.listed {
            self.turns.push_back(name.clone());
        } else if !can && flow.listed {
            self.turns.retain(|listed| listed != name);
        }
        flow.listed = can;
        if flow.in_use == 0 && flow.waiting.is_empty() {
            self.flows.remove(name);
        }
    }

    /// Gives out what is free. Who gets it is woken without the lock.
    #[must_use]
    fn grant(&mut self) -> Vec<oneshot::Sender<()>> {
        let mut granted = Vec::new();
        while self.in_use < self.total {
            let Some(name) = self.turns.pop_front() else { break };
            let Some(flow) = self.flows.get_mut(&name) else { continue };
            flow.listed = false;
            if let Some((_, sender)) = flow.waiting.pop_front() {
                flow.in_use += 1;
                self.in_use += 1;
                granted.push(sender);
            }
            self.list(&name);
        }
        granted
    }
}

fn wake(granted: Vec<oneshot::Sender<()>>) {
    for sender in granted {
        // One that is being dropped gives its permit back by its ticket.
        let _ = sender.send(());
    }
}

// A panic under the lock would be one of allocation: the counts are whole at every point.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
