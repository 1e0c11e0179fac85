//! The decisions, as a pure state machine: no clock, no threads, no runtime.
//!
//! Every call says what time it is. What follows from a call (grants, expiries) is read by
//! [`Queue::next_event`].

mod admission;
mod class;
pub(crate) mod device;
mod dispatch;
mod flows;
mod places;
mod rank;
mod report;
mod request;
mod reservation;
mod waiting;
mod window;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use self::class::ClassState;
use self::device::{Demand, Device};
use self::flows::{FlowId, Flows};
use self::places::Places;
use self::rank::Rank;
use self::window::nanos;
use crate::error::Error;
use crate::hash::NumberMap;
use crate::policy::{DeviceSpec, Policy};

pub use self::device::DeviceState;
pub use self::request::{ClassId, DeviceId, Event, Outcome, Released, Request, Ticket};

/// Devices that one job may take out: after the second one the job is the likelier cause.
const LOSSES: u32 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// In the flows' order.
    Waiting { rank: Rank },
    /// Elected: a device is reserved and being drained for it.
    Pending,
    Running {
        device: usize,
        /// When it was granted or, if that is known, when the job before it on the device ended.
        since: Duration,
        /// Something held the device already, so that it may wait there.
        behind: bool,
    },
}

#[derive(Debug)]
struct Job {
    /// Index of its demand.
    demand: usize,
    flow: FlowId,
    stage: Stage,
    submitted: Duration,
    deadline: Option<Duration>,
    ages: Option<Duration>,
    /// Devices that failed under it.
    losses: u32,
    /// Device time charged to the flow, and run time expected, in nanoseconds.
    charge: u64,
    expected: u64,
}

/// The decision core: classes, devices, and what waits and runs.
#[derive(Debug)]
pub struct Queue {
    policy: Policy,
    /// One for each class, then one for each class's retries alone.
    demands: Vec<Demand>,
    classes: Vec<ClassState>,
    devices: Vec<Device>,
    jobs: NumberMap<Ticket, Job>,
    flows: Flows,
    /// Elected and not yet started, by demand.
    pending: Vec<BTreeSet<Ticket>>,
    /// Scratch of the election.
    shut: Vec<bool>,
    deadlines: BTreeSet<(Duration, Ticket)>,
    ageing: BTreeSet<(Duration, Ticket)>,
    /// Waiting and pending requests.
    waiting: usize,
    places: Places,
    events: VecDeque<Event>,
    next: u64,
    now: Duration,
    closed: bool,
}

impl Queue {
    /// A queue for these devices.
    ///
    /// # Errors
    /// [`Error::Policy`] if there is no device or class, a class appears twice, a class or device
    /// takes nothing at once, or a class needs more memory than any device has.
    pub fn new(policy: Policy, devices: Vec<DeviceSpec>) -> Result<Self, Error> {
        policy.check(&devices)?;
        let demands = Demand::all(&policy.classes, &devices);
        let devices: Vec<Device> =
            devices.into_iter().map(|d| Device::new(d, &demands, policy.window)).collect();
        Ok(Self {
            classes: policy.classes.iter().map(|c| ClassState::new(c.run_time)).collect(),
            flows: Flows::new(demands.len()),
            pending: vec![BTreeSet::new(); demands.len()],
            shut: vec![false; demands.len()],
            jobs: NumberMap::default(),
            deadlines: BTreeSet::new(),
            ageing: BTreeSet::new(),
            waiting: 0,
            places: Places::new(policy.classes.len()),
            events: VecDeque::new(),
            next: 0,
            now: Duration::ZERO,
            closed: false,
            policy,
            demands,
            devices,
        })
    }

    /// The same queue for devices that run one job at a time: a lease beside another one only waits
    /// at the device's door, and a run costs its flow the device's whole time.
    #[must_use]
    pub fn one_at_a_time(mut self) -> Self {
        self.demands.iter_mut().for_each(Demand::take_all);
        self
    }

    /// The class of this name.
    pub fn class(&self, name: &str) -> Option<ClassId> {
        self.policy.classes.iter().position(|c| c.name == name).map(ClassId)
    }

    /// The policy this queue follows.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Notes that the job of a lease begins now, so that its wait for other leases' jobs on the
    /// device does not count as its own time there. False where its deadline has passed while other
    /// leases' jobs were before it on the device: then it must not run, and ends as
    /// [`Outcome::Late`].
    pub fn begin(&mut self, now: Duration, ticket: Ticket) -> bool {
        self.advance(now);
        let now = self.now;
        let Some(job) = self.jobs.get_mut(&ticket) else { return false };
        let Stage::Running { device, since, behind } = &mut job.stage else { return false };
        if *behind && job.deadline.is_some_and(|d| d <= now) {
            return false;
        }
        // From then on the device was there for nothing else.
        *since = self.devices[*device].freed.max(*since);
        true
    }

    /// Takes a request out that has not been granted. False if it is not waiting (any more): then
    /// it was granted and must be released, or it is gone.
    pub fn cancel(&mut self, now: Duration, ticket: Ticket) -> bool {
        self.advance(now);
        let Some(job) = self.withdraw(ticket) else { return false };
        self.classes[self.demands[job.demand].class].counts.cancelled += 1;
        self.dispatch();
        true
    }

    /// Ends a lease. [`Released::Done`] also for a ticket that holds none.
    pub fn release(&mut self, now: Duration, ticket: Ticket, outcome: Outcome) -> Released {
        self.advance(now);
        let Some(job) = self.jobs.get_mut(&ticket) else { return Released::Done };
        let Stage::Running { device, since, .. } = job.stage else { return Released::Done };
        job.losses += u32::from(matches!(outcome, Outcome::DeviceLost { .. }));
        let losses = job.losses;
        let (demand, flow, charge, expected) = (job.demand, job.flow, job.charge, job.expected);
        let class = self.demands[demand].class;
        let in_time = job.deadline.is_none_or(|d| d > self.now);
        let ran = nanos(self.now.saturating_sub(since));

        let alone = self.policy.classes.len() + class;
        if matches!(outcome, Outcome::OutOfMemory { .. }) && demand != alone {
            let until = self.now.saturating_add(self.policy.out_of_memory_pause);
            self.devices[device].cut(&self.demands, class, self.now, until);
        }
        self.devices[device].end(&self.demands, demand, expected, self.now);
        if outcome.ran() {
            self.devices[device].freed = self.now;
        }
        let was_resident = self.devices[device].resident[class];
        let used = match outcome {
            outcome if !outcome.ran() => 0,
            // The flow that happens to come first does not pay for the loading of the model.
            _ if !was_resident => charge,
            _ => self.demands[demand].cost(ran),
        };
        self.flows.adjust(flow, i128::from(used) - i128::from(charge));
        self.classes[class].ended(outcome, ran, was_resident);
        if matches!(outcome, Outcome::Finished) {
            self.devices[device].resident[class] = true;
        }
        if let Outcome::DeviceLost { .. } | Outcome::Unopened { .. } = outcome {
            self.stop(device, DeviceState::Lost);
        }

        let again = match outcome {
            Outcome::OutOfMemory { retry } if retry && in_time && demand != alone => Some(alone),
            Outcome::DeviceLost { retry } if retry && in_time && losses < LOSSES => Some(demand),
            Outcome::Unopened { retry } if retry && in_time => Some(demand),
            _ => None,
        };
        let again =
            again.filter(|d| self.devices.iter().any(|device| device.capable(&self.demands[*d])));
        let released = if let Some(demand) = again {
            self.wait_again(ticket, demand);
            Released::Again
        } else {
            self.jobs.remove(&ticket);
            Released::Done
        };
        self.flows.finish(flow);
        self.observe(device);
        self.dispatch();
        self.arm(ticket);
        released
    }

    /// Takes a device out: [`DeviceState::Draining`] and [`DeviceState::Lost`] get no new work,
    /// [`DeviceState::Up`] gets work again. What runs there is released by its holder.
    pub fn set_state(&mut self, now: Duration, device: DeviceId, state: DeviceState) {
        self.advance(now);
        if device.0 < self.devices.len() {
            self.stop(device.0, state);
            self.dispatch();
        }
    }

    /// Notes that a device holds the models of all classes, as after a warm-up, or of none, as
    /// after it was closed.
    pub fn set_resident(&mut self, device: DeviceId, resident: bool) {
        if let Some(device) = self.devices.get_mut(device.0) {
            device.resident.fill(resident);
        }
    }

    /// Whether a device gets work, and how many leases of it are held.
    pub(crate) fn device(&self, device: DeviceId) -> Option<(DeviceState, u32)> {
        self.devices.get(device.0).map(|device| (device.state, device.total))
    }

    /// Refuses new requests from now on. What waits is still served.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Whether nothing waits and nothing runs.
    pub fn is_idle(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Whether some device would start a run of this class at once and has nothing to do.
    pub fn has_idle_device(&self, class: ClassId) -> bool {
        self.demands.get(class.0).is_some_and(|demand| {
            self.devices.iter().any(|d| d.total == 0 && d.reserved.is_none() && d.capable(demand))
        })
    }

    /// Lets time pass: deadlines expire, what waited long rises in priority.
    pub fn tick(&mut self, now: Duration) {
        self.advance(now);
        self.dispatch();
    }

    /// The next decision, in the order in which they were made.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn name(&self, class: usize) -> String {
        self.policy.classes[class].name.clone()
    }
}
