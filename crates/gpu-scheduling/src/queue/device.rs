//! One device: what runs on it and what would fit.

use std::time::Duration;

use super::window::Window;
use crate::policy::{Class, DeviceSpec};

/// What one class asks of a device, as the queue needs it.
#[derive(Debug, Clone)]
pub(super) struct Demand {
    /// The class of the policy this belongs to; a retry alone has a demand of its own.
    pub(super) class: usize,
    pub(super) exclusive: bool,
    pub(super) concurrent: u32,
    pub(super) memory: u64,
    /// Part of a device that one run takes, in 1/65536.
    pub(super) share: u64,
}

/// The share of a run that has its device to itself.
const WHOLE: u64 = 1 << 16;

impl Demand {
    /// A run takes all of a device's time.
    pub(super) const fn take_all(&mut self) {
        self.share = WHOLE;
    }

    /// What each class asks for, then what each class's retries alone ask for.
    pub(super) fn all(classes: &[Class], devices: &[DeviceSpec]) -> Vec<Self> {
        let largest = devices.iter().map(|d| d.memory).max().unwrap_or(0).max(1);
        let first = classes.iter().enumerate().map(|(class, c)| {
            let by_count = WHOLE / u64::from(c.concurrent);
            let by_memory = u128::from(c.memory) * u128::from(WHOLE) / u128::from(largest);
            let part = by_count.max(u64::try_from(by_memory).unwrap_or(WHOLE)).max(1);
            let share = if c.exclusive { WHOLE } else { part };
            let concurrent = if c.exclusive { 1 } else { c.concurrent };
            Self { class, exclusive: c.exclusive, concurrent, memory: c.memory, share }
        });
        let alone = classes.iter().enumerate().map(|(class, c)| {
            let memory = c.memory;
            Self { class, exclusive: true, concurrent: 1, memory, share: WHOLE }
        });
        first.chain(alone).collect()
    }
}

/// Whether a device gets work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum DeviceState {
    /// Gets work.
    Up,
    /// Finishes what runs and gets nothing new.
    Draining,
    /// Failed; gets nothing until it is restored.
    Lost,
}

/// A class's lowered concurrency, after a run of it was out of memory.
#[derive(Debug, Clone, Copy)]
struct Cut {
    limit: u32,
    until: Duration,
}

#[derive(Debug)]
pub(super) struct Device {
    pub(super) spec: DeviceSpec,
    pub(super) state: DeviceState,
    /// Running leases by demand.
    pub(super) running: Vec<u32>,
    pub(super) total: u32,
    pub(super) used: u64,
    exclusive: bool,
    /// The demand that an elected job waits here to start with.
    pub(super) reserved: Option<usize>,
    cuts: Vec<Option<Cut>>,
    /// Classes that have run here, whose models it therefore holds.
    pub(super) resident: Vec<bool>,
    /// When the last job here ended.
    pub(super) freed: Duration,
    /// Expected run times of what runs, in nanoseconds.
    pub(super) outstanding: u64,
    /// Demands that only other classes' work keeps from starting here.
    pub(super) blocked: Vec<bool>,
    pub(super) busy: Window,
}

impl Device {
    pub(super) fn new(spec: DeviceSpec, demands: &[Demand], window: Duration) -> Self {
        Self {
            spec,
            state: DeviceState::Up,
            running: vec![0; demands.len()],
            total: 0,
            used: 0,
            exclusive: false,
            reserved: None,
            cuts: vec![None; demands.len()],
            resident: vec![false; demands.len()],
            freed: Duration::ZERO,
            outstanding: 0,
            blocked: vec![false; demands.len()],
            busy: Window::new(window),
        }
    }

    /// Whether a run could ever be placed here while the device is up.
    pub(super) fn capable(&self, demand: &Demand) -> bool {
        self.state == DeviceState::Up && demand.memory <= self.spec.memory
    }

    /// Runs of the demand allowed here at once.
    pub(super) fn limit(&self, demands: &[Demand], index: usize, now: Duration) -> u32 {
        match self.cuts[index] {
            Some(cut) if now < cut.until => cut.limit,
            _ => demands[index].concurrent,
        }
    }

    /// Whether a run may start here now.
    pub(super) fn fits(&self, demands: &[Demand], index: usize, now: Duration) -> bool {
        let demand = &demands[index];
        if self.state != DeviceState::Up
            || self.exclusive
            || demand.exclusive && self.total > 0
            || self.running[index] >= self.limit(demands, index, now)
        {
            return false;
        }
        let (mut slots, mut memory) = (self.total + 1, self.used.saturating_add(demand.memory));
        if let Some(reserved) = self.reserved.filter(|r| *r != index) {
            let other = &demands[reserved];
            if demand.exclusive || other.exclusive {
                return false;
            }
            // Room for the one that waits here is kept.
            slots += 1;
            memory = memory.saturating_add(other.memory);
        }
        slots <= self.spec.slots && memory <= self.spec.memory
    }

    /// Whether a run could start here if only its own class ran here and nothing were reserved.
    pub(super) fn fits_without_others(
        &self,
        demands: &[Demand],
        index: usize,
        now: Duration,
    ) -> bool {
        let demand = &demands[index];
        let own = self.running[index];
        self.capable(demand)
            && own < self.limit(demands, index, now)
            && !(demand.exclusive && own > 0)
            && own < self.spec.slots
            && demand.memory.saturating_mul(u64::from(own) + 1) <= self.spec.memory
    }

    /// How many more runs would fit here now.
    pub(super) fn free(&self, demands: &[Demand], index: usize, now: Duration) -> usize {
        if !self.fits(demands, index, now) {
            return 0;
        }
        let demand = &demands[index];
        let of_class = self.limit(demands, index, now) - self.running[index];
        let slots = self.spec.slots - self.total;
        let memory = (self.spec.memory - self.used).checked_div(demand.memory);
        let count = of_class.min(slots).min(if demand.exclusive { 1 } else { u32::MAX });
        usize::try_from(memory.unwrap_or(u64::MAX).min(count.into())).unwrap_or(usize::MAX)
    }

    pub(super) fn start(&mut self, demands: &[Demand], index: usize, run: u64, now: Duration) {
        if self.total == 0 {
            self.busy.begin(now);
        }
        self.running[index] += 1;
        self.total += 1;
        self.used += demands[index].memory;
        self.exclusive |= demands[index].exclusive;
        self.outstanding += run;
    }

    pub(super) fn end(&mut self, demands: &[Demand], index: usize, run: u64, now: Duration) {
        self.running[index] -= 1;
        self.total -= 1;
        self.used -= demands[index].memory;
        self.outstanding -= run;
        if demands[index].exclusive {
            self.exclusive = false;
        }
        if self.total == 0 {
            self.busy.end(now);
        }
    }

    /// Halves what runs of this demand are allowed, down to one, until `until`.
    pub(super) fn cut(&mut self, demands: &[Demand], index: usize, now: Duration, until: Duration) {
        let limit = (self.limit(demands, index, now).min(self.running[index].max(1)) / 2).max(1);
        self.cuts[index] = Some(Cut { limit, until });
    }
}
