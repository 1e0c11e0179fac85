//! What is measured of one class.

use std::time::Duration;

use super::Outcome;
use super::device::Demand;
use super::window::nanos;
use crate::snapshot::ClassCounts;

#[derive(Debug)]
pub(super) struct ClassState {
    /// Waiting and pending requests.
    pub(super) waiting: usize,
    /// Devices that only other classes' work keeps this class from.
    pub(super) blocked: usize,
    /// Expected run time in nanoseconds.
    pub(super) expected: u64,
    measured: bool,
    pub(super) counts: ClassCounts,
}

impl Demand {
    /// Device time that a run of `nanos` takes.
    pub(super) fn cost(&self, nanos: u64) -> u64 {
        u64::try_from((u128::from(nanos) * u128::from(self.share)) >> 16).unwrap_or(u64::MAX)
    }
}

impl ClassState {
    pub(super) fn new(run_time: Duration) -> Self {
        Self {
            waiting: 0,
            blocked: 0,
            expected: nanos(run_time).max(1),
            measured: false,
            counts: ClassCounts::default(),
        }
    }

    /// Books a stretch of time in which nothing changed.
    pub(super) fn contend(&mut self, time: Duration) {
        let contended = self.waiting.min(self.blocked);
        if contended > 0 {
            let contended = u32::try_from(contended).unwrap_or(u32::MAX);
            let time = time.saturating_mul(contended);
            self.counts.contended = self.counts.contended.saturating_add(time);
        }
    }

    pub(super) fn started(&mut self, waited: Duration) {
        self.counts.granted += 1;
        self.counts.waited = self.counts.waited.saturating_add(waited);
        self.counts.longest_wait = self.counts.longest_wait.max(waited);
    }

    /// `resident`: the run found its model loaded, so that its time is that of a run.
    pub(super) fn ended(&mut self, outcome: Outcome, ran: u64, resident: bool) {
        let counts = &mut self.counts;
        match outcome {
            Outcome::Finished => counts.finished += 1,
            Outcome::Unused => counts.unused += 1,
            Outcome::Late => counts.expired += 1,
            Outcome::OutOfMemory { .. } => counts.out_of_memory += 1,
            Outcome::Failed | Outcome::DeviceLost { .. } | Outcome::Unopened { .. } => {
                counts.failed += 1;
            }
        }
        if outcome.ran() {
            counts.ran = counts.ran.saturating_add(Duration::from_nanos(ran));
        }
        if outcome == Outcome::Finished && resident {
            // The first measurement replaces the guess; later ones count an eighth each.
            self.expected = if self.measured {
                let (old, new) = (u128::from(self.expected), u128::from(ran));
                u64::try_from((old * 7 + new) / 8).unwrap_or(u64::MAX)
            } else {
                ran
            }
            .max(1);
            self.measured = true;
        }
    }
}
