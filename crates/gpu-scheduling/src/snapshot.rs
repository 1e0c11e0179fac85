//! What a scheduler looks like at one moment, for status pages and metrics.

use std::time::Duration;

use crate::queue::DeviceState;
use crate::worker::Readiness;

/// Counters of one class since the scheduler was built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct ClassCounts {
    /// Leases granted, a retry counted again.
    pub granted: u64,
    /// Jobs that finished.
    pub finished: u64,
    /// Jobs that failed or panicked, and requests that no device was left for.
    pub failed: u64,
    /// Runs that ended out of device memory.
    pub out_of_memory: u64,
    /// Leases given back unused.
    pub unused: u64,
    /// Requests withdrawn while they waited.
    pub cancelled: u64,
    /// Requests whose deadline passed while they waited, in the queue or behind others on a device.
    pub expired: u64,
    /// Requests refused because the queue was full.
    pub refused: u64,
    /// Waiting time of all granted requests together.
    pub waited: Duration,
    /// The longest wait of a granted request.
    pub longest_wait: Duration,
    /// Run time of all runs together, without their wait behind others on a device.
    pub ran: Duration,
    /// Waiting time that only other classes' work caused: one second for each second in which a
    /// request waited and a device could have run it, had only its own class run there.
    pub contended: Duration,
}

/// One class at one moment.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ClassSnapshot {
    /// Its name in the policy.
    pub name: String,
    /// Requests that wait now.
    pub waiting: usize,
    /// Leases held now.
    pub active: usize,
    /// The run time expected of the next run.
    pub expected_run_time: Duration,
    /// What happened so far.
    pub counts: ClassCounts,
}

/// A class on a device at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Active {
    /// Leases held.
    pub active: u32,
    /// Leases of this class that the device takes at once now; lowered for a while after a run was
    /// out of memory.
    pub slots: u32,
    /// Whether the class has run here, so that its model is loaded.
    pub resident: bool,
}

/// One device at one moment.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct DeviceSnapshot {
    /// Its name in its specification.
    pub name: String,
    /// Whether it gets work.
    pub state: DeviceState,
    /// Memory that runs may use, in bytes.
    pub memory: u64,
    /// Memory reserved by the leases held, in bytes.
    pub memory_leased: u64,
    /// Leases it takes at once.
    pub slots: u32,
    /// Leases held, by class in the policy's order.
    pub classes: Vec<Active>,
    /// The class an elected request of which waits to start here.
    pub reserved_for: Option<String>,
    /// Time with at least one lease held, since the scheduler was built.
    pub busy: Duration,
    /// Part of the policy's window with at least one lease held, 0 to 1.
    pub busy_fraction: f64,
    /// How far its thread is with opening it; `None` from a [`Queue`](crate::Queue) alone, and once
    /// the scheduler is closed.
    pub readiness: Option<Readiness>,
    /// What the driver tells of the card; `None` where [`DeviceSpec::card`](crate::DeviceSpec::card)
    /// names none or the driver does not answer.
    pub card: Option<CardUsage>,
}

/// An NVIDIA card at one moment, all programs on it together, as its driver (NVML) tells.
///
/// A value that this card does not tell is `None`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CardUsage {
    /// The card's name, such as `NVIDIA L4`.
    pub name: Option<String>,
    /// Per cent of the driver's last sample period, a second or less, in which a kernel ran.
    pub utilisation: Option<u32>,
    /// Memory in use, in bytes.
    pub memory_used: Option<u64>,
    /// Memory in all, in bytes.
    pub memory_total: Option<u64>,
}

/// A scheduler at one moment.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Snapshot {
    /// Time since the scheduler was built.
    pub uptime: Duration,
    /// Requests that wait now.
    pub waiting: usize,
    /// Whether new requests are refused because the scheduler is closing.
    pub closing: bool,
    /// The classes in the policy's order.
    pub classes: Vec<ClassSnapshot>,
    /// The devices in the order given.
    pub devices: Vec<DeviceSnapshot>,
}
