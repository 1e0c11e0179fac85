//! What a scheduler looks like at one moment, for status pages and metrics.
//!
//! Serialised, times are numbers of seconds.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::queue::device::DeviceState;
use crate::worker::Readiness;

/// Counters of one class since the scheduler was built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(with = "crate::seconds")]
    pub waited: Duration,
    /// The longest wait of a granted request.
    #[serde(with = "crate::seconds")]
    pub longest_wait: Duration,
    /// Run time of all runs together, without their wait behind others on a device.
    #[serde(with = "crate::seconds")]
    pub ran: Duration,
    /// Waiting time that only other classes' work caused: one second for each second in which a
    /// request waited and a device could have run it, had only its own class run there.
    #[serde(with = "crate::seconds")]
    pub contended: Duration,
}

/// One class at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassSnapshot {
    /// Its name in the policy.
    pub name: String,
    /// Requests that wait now.
    pub waiting: usize,
    /// Leases held now.
    pub active: usize,
    /// The run time expected of the next run.
    #[serde(with = "crate::seconds")]
    pub expected_run_time: Duration,
    /// What happened so far.
    pub counts: ClassCounts,
}

/// A class on a device at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    #[serde(with = "crate::seconds")]
    pub busy: Duration,
    /// Part of the policy's window with at least one lease held, 0 to 1.
    pub busy_fraction: f64,
    /// How far its thread is with opening it; `None` from a [`Queue`](crate::Queue) alone, and once
    /// the scheduler is closed.
    pub readiness: Option<Readiness>,
    /// What the driver reports of the card; `None` where
    /// [`DeviceSpec::card`](crate::DeviceSpec::card) names none or the driver does not answer.
    pub card: Option<CardUsage>,
}

/// An NVIDIA card at one moment, all programs on it together, as its driver (NVML) reports it.
///
/// A value that this card does not report is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
///
/// Serialised, every time is a number of seconds, such as `0.25`; what was written can be read
/// back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Time since the scheduler was built.
    #[serde(with = "crate::seconds")]
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

    use super::*;
    use crate::policy::{DeviceSpec, Policy, Priority};
    use crate::queue::{ClassId, DeviceId, Outcome, Queue, Request};

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn times_are_seconds_and_what_is_written_is_read_back() {
        let mut queue =
            Queue::new(Policy::standard(), vec![DeviceSpec::new("cpu", 1 << 30)]).unwrap();
        let ticket = queue.submit(ms(0), Request::new(ClassId(1))).unwrap();
        queue.submit(ms(0), Request::new(ClassId(0))).unwrap();
        queue.release(ms(1250), ticket, Outcome::Finished);
        let mut snapshot = queue.snapshot(ms(2000) + Duration::from_nanos(1));
        snapshot.devices[0].readiness = Some(Readiness::Ready);
        let (name, memory_total) = (Some("NVIDIA L4".to_owned()), None);
        let card = CardUsage { name, utilisation: Some(7), memory_used: Some(1), memory_total };
        snapshot.devices[0].card = Some(card);

        let value = serde_json::to_value(&snapshot).unwrap();
        assert_eq!(value["uptime"], 2.000_000_001);
        assert_eq!(value["devices"][0]["busy"], 2.000_000_001);
        let segmentation = &value["classes"][1];
        assert_eq!(segmentation["expected_run_time"], 0.2);
        assert_eq!(segmentation["counts"]["ran"], 1.25);
        assert_eq!(segmentation["counts"]["waited"], 0.0);
        assert_eq!(value["classes"][0]["counts"]["longest_wait"], 1.25);
        assert_eq!(value["classes"][0]["counts"]["contended"], 1.25);
        let text = serde_json::to_string(&snapshot).unwrap();
        assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), snapshot);
    }

    #[test]
    fn numbers_and_priorities_are_read_back() {
        let written = (ClassId(3), DeviceId(1), Priority::High, DeviceState::Draining);
        let text = serde_json::to_string(&written).unwrap();
        assert_eq!(text, r#"[3,1,"High","Draining"]"#);
        let read: (ClassId, DeviceId, Priority, DeviceState) = serde_json::from_str(&text).unwrap();
        assert_eq!(read, written);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let counts = serde_json::to_value(ClassCounts::default()).unwrap();
        for wrong in [serde_json::json!(-1), serde_json::json!(1e300), serde_json::json!("1 s")] {
            let mut counts = counts.clone();
            counts["ran"] = wrong.clone();
            assert!(serde_json::from_value::<ClassCounts>(counts).is_err(), "{wrong}");
        }
    }
}
