//! What is asked of the queue, and what it answers.

use std::sync::Arc;
use std::time::Duration;

use crate::policy::Priority;

/// One request, from its admission to its release. Later requests have larger tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(super) u64);

/// A device, by its position in the list given to the scheduler.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct DeviceId(pub usize);

/// A class, by its position in the policy.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct ClassId(pub usize);

/// What is asked of the queue.
#[derive(Debug, Clone)]
pub struct Request {
    /// What will run.
    pub class: ClassId,
    /// Who asks; flows share the devices fairly.
    pub flow: Arc<str>,
    /// How urgent it is.
    pub priority: Priority,
    /// The time from which on it must not start any more; or at which it must, if that is now.
    pub deadline: Option<Duration>,
}

impl Request {
    /// A request of normal priority without a deadline, in the flow without a name.
    pub fn new(class: ClassId) -> Self {
        Self { class, flow: Arc::from(""), priority: Priority::Normal, deadline: None }
    }
}

/// What the queue decided about a waiting request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It may run on this device now, and must be [released](crate::Queue::release) later.
    Granted(Ticket, DeviceId),
    /// Its deadline passed; it has left the queue.
    Expired(Ticket),
    /// No device is left that could run it; it has left the queue.
    NoDevice(Ticket),
}

/// How a lease ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The job ran, and its run time counts.
    Finished,
    /// The job ran and reported an error or panicked.
    Failed,
    /// Nothing was run.
    Unused,
    /// Nothing was run, because the deadline passed at the device's door: see
    /// [`Queue::begin`](crate::Queue::begin).
    Late,
    /// Device memory ran out. With `retry` the request waits again, to run alone, unless it has
    /// already.
    OutOfMemory {
        /// Whether somebody still waits for the result.
        retry: bool,
    },
    /// The device failed under the job and is taken out. With `retry` the request waits for another
    /// device, unless this is the second one that it costs.
    DeviceLost {
        /// Whether somebody still waits for the result.
        retry: bool,
    },
    /// The device could not be opened, or had failed before: the job has not run. The device is
    /// taken out; with `retry` the request waits for another one.
    Unopened {
        /// Whether somebody still waits for the result.
        retry: bool,
    },
}

impl Outcome {
    /// Whether the job was called.
    pub(super) const fn ran(self) -> bool {
        !matches!(self, Self::Unused | Self::Late | Self::Unopened { .. })
    }
}

/// Where a request stands after its release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Released {
    /// It is gone.
    Done,
    /// It waits again, with the same ticket.
    Again,
}
