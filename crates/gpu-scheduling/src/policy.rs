//! The settings of a scheduler: classes of work, devices and bounds, as data.

use std::time::Duration;

use crate::error::Error;

/// How urgent a request is. Within one level flows share fairly; a higher level goes first.
///
/// A request that has waited for [`Policy::ageing`] shares fairly with those of the next level too,
/// so a low one is late, never lost. Its age gives it nothing over requests of its own priority.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
pub enum Priority {
    /// Work nobody waits for: re-runs, warm-ups, bulk jobs.
    Low,
    /// Everything else.
    #[default]
    Normal,
    /// Somebody looks at the screen.
    High,
}

/// One kind of work and what a single run of it asks of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// Opaque, unique in the policy.
    pub name: String,
    /// Runs of this class that one device takes at once, at least 1.
    pub concurrent: u32,
    /// Whether it wants the device to itself: nothing runs beside it, not even its own class.
    pub exclusive: bool,
    /// Peak device memory of one run, in bytes; 0 counts as nothing.
    pub memory: u64,
    /// Whether `memory` is only assumed, until [`Policy::with_measured_peak`] tells better.
    pub memory_is_assumed: bool,
    /// Run time to assume until runs have been measured. The first run on a device is not
    /// measured: it may load the model.
    pub run_time: Duration,
    /// Time to load its model on a device that does not hold it: how much more work a device that
    /// holds it may have and still be chosen.
    pub load_time: Duration,
}

impl Class {
    /// A class whose runs may share a device, `concurrent` at once, in `memory` bytes each.
    pub fn shared(name: impl Into<String>, concurrent: u32, memory: u64) -> Self {
        Self { concurrent, exclusive: false, ..Self::exclusive(name, memory) }
    }

    /// A class whose runs want a device to themselves.
    pub fn exclusive(name: impl Into<String>, memory: u64) -> Self {
        Self {
            name: name.into(),
            concurrent: 1,
            exclusive: true,
            memory,
            memory_is_assumed: false,
            run_time: Duration::from_millis(100),
            load_time: Duration::from_secs(2),
        }
    }

    /// The same class with a memory that is only assumed.
    fn assuming_memory(mut self) -> Self {
        self.memory_is_assumed = true;
        self
    }

    /// The same class with another first guess of its run time.
    #[must_use]
    pub fn taking(mut self, run_time: Duration) -> Self {
        self.run_time = run_time;
        self
    }
}

/// A device to schedule on. The CPU is one like any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceSpec {
    /// For logs and snapshots, such as `cuda:0`.
    pub name: String,
    /// Memory that runs may use, in bytes.
    pub memory: u64,
    /// Leases held at once, of all classes together; at least 1.
    pub slots: u32,
    /// The NVIDIA card it is on, to be asked for in snapshots.
    pub card: Option<Card>,
}

/// Which NVIDIA card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Card {
    /// Its index in the driver's order, which is CUDA's under `CUDA_DEVICE_ORDER=PCI_BUS_ID`.
    Index(u32),
    /// Its place on the bus, such as `00000000:17:00.0`.
    PciBusId(String),
    /// Its unique name, such as `GPU-5d7f…`.
    Uuid(String),
}

impl DeviceSpec {
    /// A device with 16 slots and no card that is known.
    pub fn new(name: impl Into<String>, memory: u64) -> Self {
        Self { name: name.into(), memory, slots: 16, card: None }
    }

    /// The same device on this card.
    #[must_use]
    pub fn on_card(self, card: Card) -> Self {
        Self { card: Some(card), ..self }
    }
}

/// The classes and bounds of one scheduler.
///
/// The default is [`Policy::standard`].
///
/// # Bounds on what waits
/// At most [`waiting`](Self::waiting) requests wait in all, and at most
/// [`waiting_per_flow`](Self::waiting_per_flow) in one flow; one more is refused at once with
/// [`Error::Full`]. While the second bound is the smaller one, a single flow cannot fill the queue:
/// with the defaults, 1,024 and 512, the others have at least 512 places left.
///
/// The first request of a flow that has been idle does not wait behind all that others have
/// waiting: among requests of its priority it starts after the time of one run of each other flow
/// and three more, spread over the devices, and one run more.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Every class that may be asked for.
    pub classes: Vec<Class>,
    /// Requests that may wait in all, [places](crate::QueuePlace) included; one more is refused at once.
    pub waiting: usize,
    /// Requests that may wait in one flow, [places](crate::QueuePlace) included. Smaller than `waiting`,
    /// it leaves room for the others, however much one flow asks for.
    pub waiting_per_flow: usize,
    /// For each such time it has waited, a request stands beside those of one priority higher.
    pub ageing: Duration,
    /// How long a class's concurrency on a device stays halved after a run of it was out of memory.
    pub out_of_memory_pause: Duration,
    /// The span that the busy fraction of a snapshot looks back over.
    pub window: Duration,
}

/// Name of the detection class in the policies of this crate.
pub const YOLO: &str = "yolo";
/// Name of the segmentation class in the policies of this crate.
pub const BIREFNET: &str = "birefnet";

const MIB: u64 = 1 << 20;

impl Default for Policy {
    fn default() -> Self {
        Self::standard()
    }
}

impl Policy {
    /// The given classes, with bounds for one service: 1,024 waiting, of which
    /// 512 in one flow, and ageing after 10 s.
    pub fn new(classes: Vec<Class>) -> Self {
        Self {
            classes,
            waiting: 1024,
            waiting_per_flow: 512,
            ageing: Duration::from_secs(10),
            out_of_memory_pause: Duration::from_secs(60),
            window: Duration::from_secs(60),
        }
    }

    /// Detection two at a time, segmentation alone on its device, whatever memory there is.
    pub fn standard() -> Self {
        Self::new(vec![
            Class::shared(YOLO, 2, 0).taking(Duration::from_millis(20)),
            Class::exclusive(BIREFNET, 0).taking(Duration::from_millis(200)),
        ])
    }

    /// As many runs as memory holds, at most 8 detections and 4 segmentations at once. 0.5 GiB for
    /// one detection and 4 GiB for one segmentation are assumed, until
    /// [`with_peak`](Self::with_peak) or [`with_measured_peak`](Self::with_measured_peak) tells
    /// better.
    pub fn by_memory() -> Self {
        let class = |name, concurrent, mib: u64, ms| {
            let class = Class::shared(name, concurrent, mib * MIB).assuming_memory();
            class.taking(Duration::from_millis(ms))
        };
        Self::new(vec![class(YOLO, 8, 512, 20), class(BIREFNET, 4, 4096, 200)])
    }

    /// The same policy with this peak memory of a run of `class`, in bytes. A name that the policy
    /// does not have changes nothing.
    #[must_use]
    pub fn with_peak(mut self, class: &str, bytes: u64) -> Self {
        for c in self.classes.iter_mut().filter(|c| c.name == class) {
            (c.memory, c.memory_is_assumed) = (bytes, false);
        }
        self
    }

    /// [`with_peak`](Self::with_peak), where the memory of `class` was only assumed so far: what
    /// the user of a scheduler has said stands.
    #[must_use]
    pub fn with_measured_peak(self, class: &str, bytes: u64) -> Self {
        let assumed = self.classes.iter().any(|c| c.name == class && c.memory_is_assumed);
        if assumed { self.with_peak(class, bytes) } else { self }
    }

    /// Whether a queue can be made of it and these devices.
    pub(crate) fn check(&self, devices: &[DeviceSpec]) -> Result<(), Error> {
        let wrong = |what: String| Err(Error::Policy(what));
        if devices.is_empty() {
            return wrong("there is no device: give at least one".into());
        }
        if self.classes.is_empty() {
            return wrong("there is no class: give at least one".into());
        }
        if let Some(d) = devices.iter().find(|d| d.slots == 0) {
            return wrong(format!("device `{}` has no slot: give it at least one", d.name));
        }
        for (i, class) in self.classes.iter().enumerate() {
            let name = &class.name;
            if self.classes[..i].iter().any(|c| c.name == *name) {
                return wrong(format!("class `{name}` appears twice: keep one"));
            }
            if class.concurrent == 0 {
                return wrong(format!("class `{name}` allows no run at once: allow at least one"));
            }
            if devices.iter().all(|d| d.memory < class.memory) {
                let bytes = class.memory;
                return wrong(format!("class `{name}` needs {bytes} bytes; no device has as much"));
            }
        }
        Ok(())
    }
}
