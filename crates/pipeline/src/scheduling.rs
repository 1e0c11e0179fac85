//! What a caller may say about its place in the queue, and what the pipeline is told about queues.

use portrait_gpu_scheduling::{Policy, Priority};
use std::sync::Arc;
use std::time::Duration;

/// Who asks, how urgently, and how long it may wait: see [`Pipeline::scheduled`](crate::Pipeline::scheduled).
///
/// ```
/// use portrait_pipeline::{Priority, Scheduling};
///
/// let tenant = Scheduling { flow: Some("tenant 7".into()), ..Scheduling::default() };
/// let bulk = Scheduling { priority: Priority::Low, ..tenant };
/// assert_eq!(bulk.max_wait, None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scheduling {
    /// Who asks, such as a tenant: flows share the devices fairly, whatever each asks for. `None`
    /// lets each photo be a flow, so that one with ten persons does not hold up one with a single
    /// person.
    pub flow: Option<Arc<str>>,
    /// How urgent it is; normal by default.
    pub priority: Priority,
    /// How long each network of a request may wait for its device, from when its input is made until
    /// its run begins (in a batch, until the batch has a device), beside the limits of
    /// [`Timeouts`](crate::Timeouts); unlimited by default.
    pub max_wait: Option<Duration>,
}

/// How many inputs go through a network together. One by one by default: see docs/gpu.md for what
/// batches gain and lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// Photos of one size in a run of the detection network, at least 1. They are gathered only
    /// while the device is busy.
    pub detection: usize,
    /// How long the first photo of a batch waits for others at most, 5 ms by default.
    pub delay: Duration,
}

impl Default for Batching {
    fn default() -> Self {
        Self { detection: 1, delay: Duration::from_millis(5) }
    }
}

/// Requests that wait for a device, or are prepared for it, at once by default; each keeps its photo
/// in memory.
const WAITING: usize = 256;

/// The seed's table with the pipeline's bound: detection two at a time, segmentation alone on its
/// device, 256 waiting.
pub(crate) fn default_policy() -> Policy {
    Policy { waiting: WAITING, waiting_per_flow: WAITING, ..Policy::seed() }
}
