//! The state of the queue in numbers.

use std::time::Duration;

use super::{ClassId, Queue};
use crate::snapshot::{Active, ClassSnapshot, DeviceSnapshot, Snapshot};

/// A shorter wait is not worth naming to a caller.
const SHORTEST_RETRY: Duration = Duration::from_millis(10);

impl Queue {
    /// Requests of a class that wait, with those that have a place and are prepared.
    pub fn waiting(&self, class: ClassId) -> usize {
        let ClassId(c) = class;
        let waiting = self.classes.get(c).map_or(0, |class| class.waiting);
        waiting + self.places.of_class.get(c).copied().unwrap_or(0)
    }

    /// The state at `now`.
    pub fn snapshot(&mut self, now: Duration) -> Snapshot {
        self.advance(now);
        let now = self.now;
        let n = self.policy.classes.len();
        let classes = (0..n)
            .map(|c| ClassSnapshot {
                name: self.policy.classes[c].name.clone(),
                waiting: self.classes[c].waiting,
                active: self
                    .devices
                    .iter()
                    .map(|d| (d.running[c] + d.running[n + c]) as usize)
                    .sum(),
                expected_run_time: Duration::from_nanos(self.classes[c].expected),
                counts: self.classes[c].counts,
            })
            .collect();
        let demands = &self.demands;
        let names = &self.policy.classes;
        let devices = self
            .devices
            .iter_mut()
            .map(|d| DeviceSnapshot {
                name: d.spec.name.clone(),
                state: d.state,
                memory: d.spec.memory,
                memory_leased: d.used,
                slots: d.spec.slots,
                classes: (0..n)
                    .map(|c| Active {
                        active: d.running[c] + d.running[n + c],
                        slots: d.limit(demands, c, now),
                        resident: d.resident[c],
                    })
                    .collect(),
                reserved_for: d.reserved.map(|r| names[demands[r].class].name.clone()),
                busy: d.busy.total(now),
                busy_fraction: d.busy.fraction(now),
                readiness: None,
                card: None,
            })
            .collect();
        Snapshot { uptime: now, waiting: self.waiting, closing: self.closed, classes, devices }
    }

    /// The time in which what waits and runs now should be done, from the run times measured: when
    /// to ask again after a refusal, or how long a new request of the class would wait.
    pub fn expected_wait(&self, class: ClassId) -> Duration {
        let Some(demand) = self.demands.get(class.0) else { return Duration::ZERO };
        let waiting: u128 = (0..self.policy.classes.len())
            .map(|c| {
                let cost = self.demands[c].cost(self.classes[c].expected);
                let ahead = self.classes[c].waiting + self.places.of_class[c];
                u128::from(cost) * ahead as u128
            })
            .sum();
        // What runs is half done, on average.
        let running: u128 = self
            .devices
            .iter()
            .flat_map(|d| d.running.iter().zip(&self.demands))
            .map(|(count, demand)| {
                let cost = demand.cost(self.classes[demand.class].expected);
                u128::from(*count) * u128::from(cost) / 2
            })
            .sum();
        let devices = self.devices.iter().filter(|d| d.capable(demand)).count().max(1) as u128;
        let nanos = (waiting + running) / devices;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    pub(super) fn retry_after(&self, class: usize) -> Duration {
        self.expected_wait(ClassId(class)).max(SHORTEST_RETRY)
    }
}
