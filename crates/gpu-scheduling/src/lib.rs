//! Fair, bounded, cancel-safe scheduling of jobs on GPUs, or on anything else that runs few jobs
//! at a time. Knows no model and no tensor: jobs are closures, devices whatever the closures need.
//!
//! ```
//! use std::time::Duration;
//! use portrait_gpu_scheduling::{DeviceSpec, Priority, Scheduler, YOLO};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! struct Device { runs: u32 } // in a real program: a CUDA device and the models on it
//!
//! let scheduler = Scheduler::builder()
//!     .device(DeviceSpec::new("cpu", 8 << 30), || Ok(Device { runs: 0 }))
//!     .build()?;
//!
//! let lease = scheduler
//!     .lease(YOLO)
//!     .flow("tenant 7")
//!     .priority(Priority::High)
//!     .deadline(Duration::from_secs(5))
//!     .await?;
//! let runs = lease.run(|device| { device.runs += 1; Ok(device.runs) }).await?;
//! assert_eq!(runs, 1);
//!
//! assert_eq!(scheduler.snapshot().classes[0].counts.finished, 1);
//! scheduler.close().await;
//! # Ok::<_, portrait_gpu_scheduling::Error>(())
//! # }).unwrap();
//! ```
//!
//! # What it promises
//! - **Capacity.** A device never holds more than its slots, its memory and each class's
//!   concurrency allow; an exclusive run has its device to itself. These are data: a [`Policy`].
//! - **Order.** First come, first served within a flow, for requests of one class and priority.
//!   Between flows of one priority the one that had the least device time goes next. A higher
//!   priority goes first, until age makes up for it ([`Policy::ageing`]).
//! - **No starvation.** When an exclusive run is next in order and no device is free, one is
//!   reserved: nothing starts on it any more before that run.
//! - **Bounds.** A full queue refuses at once with [`Error::Full`], which says when to come back. A
//!   [`QueuePlace`] is kept for a request that is still being prepared.
//! - **Cancelling.** A request, a lease and a running job can be dropped at any time. What waits is
//!   withdrawn, what was granted is given back, what runs is finished and then given back.
//! - **Failures.** A panic is an error of its job alone. A job out of memory is tried once more,
//!   alone on a device, and fewer of its class run there for a while. A lost device gets no more
//!   work, and its jobs are tried on the others; a job under which two were lost is not tried again.
//!
//! [`Queue`] is the part that decides, a state machine without clock and threads; the simulation
//! among this package's examples drives it directly.

mod batcher;
mod cards;
mod error;
mod gate;
mod hash;
mod lease;
mod maintenance;
mod policy;
mod protect;
mod queue;
mod request;
mod scheduler;
mod seconds;
mod shared;
mod snapshot;
mod sync;
mod warm_up;
mod worker;

pub use batcher::{BatchRequest, Batcher, BatcherSettings};
pub use cards::card_memory;
pub use error::{Cause, Error, Failure};
pub use gate::QueuePlace;
pub use lease::Lease;
pub use policy::{BIREFNET, Card, Class, DeviceSpec, Policy, Priority, YOLO};
pub use queue::{ClassId, DeviceId, DeviceState, Event, Outcome, Queue, Released, Request, Ticket};
pub use request::LeaseRequest;
pub use scheduler::{Builder, Scheduler};
pub use snapshot::{Active, CardUsage, ClassCounts, ClassSnapshot, DeviceSnapshot, Snapshot};
pub use worker::Readiness;
