//! The queue against a model of its own, scenario by scenario and at random.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::policy::Priority;

mod audit;
mod bounds;
mod fairness;
mod flows;
mod losses;
mod properties;
mod random;
mod scenarios;

/// SplitMix64: small, seeded, the same everywhere.
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to `n - 1`.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

pub(super) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(super) const Y: ClassId = ClassId(0);
pub(super) const B: ClassId = ClassId(1);

/// A queue of the seed's policy over `devices` equal devices.
pub(super) fn seed(devices: usize) -> Queue {
    Queue::new(Policy::standard(), specs(devices)).unwrap()
}

pub(super) fn specs(devices: usize) -> Vec<DeviceSpec> {
    (0..devices).map(|i| DeviceSpec::new(format!("gpu:{i}"), 16 << 30)).collect()
}

pub(super) fn ask(class: ClassId, flow: &str) -> Request {
    Request { flow: Arc::from(flow), ..Request::new(class) }
}

/// The grants decided since the last look, as tickets with device numbers.
pub(super) fn grants(queue: &mut Queue) -> Vec<(Ticket, usize)> {
    std::iter::from_fn(|| queue.next_event())
        .filter_map(|e| match e {
            Event::Granted(t, d) => Some((t, d.0)),
            _ => None,
        })
        .collect()
}

/// Ends leases in the order in which their time is over, for tests that let a queue run.
#[derive(Default)]
pub(super) struct Timeline(BTreeMap<(Duration, Ticket), ()>);

impl Timeline {
    pub(super) fn add(&mut self, end: Duration, ticket: Ticket) {
        self.0.insert((end, ticket), ());
    }

    pub(super) fn pop(&mut self) -> Option<(Duration, Ticket)> {
        self.0.pop_first().map(|(key, ())| key)
    }
}
