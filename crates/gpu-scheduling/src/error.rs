//! What can go wrong, for the caller of a lease and for the job in it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The cause a job or a device reported; shared, because every caller of a batch gets it.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Why a request was refused, a lease not granted or a job not finished.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The policy or the devices contradict themselves.
    #[error("the scheduling policy cannot work: {0}")]
    Policy(String),
    /// No class of this name is in the policy.
    #[error("no class `{0}` in the scheduling policy: add it, or ask for one that is there")]
    UnknownClass(String),
    /// No device of this name is in the scheduler.
    #[error("no device `{name}` in the scheduler: choose one of {known:?}")]
    UnknownDevice {
        /// The name or number asked for.
        name: String,
        /// The names of all devices.
        known: Vec<String>,
    },
    /// The queue is full.
    #[error("the queue for `{class}` is full: try again in {retry_after:?}")]
    Full {
        /// The class asked for.
        class: String,
        /// The time in which what waits now is expected to have started.
        retry_after: Duration,
    },
    /// The deadline passed while the request waited; it never ran.
    #[error("`{class}` got no device before its deadline: allow more time or add devices")]
    Deadline {
        /// The class asked for.
        class: String,
    },
    /// The scheduler is closing and takes nothing new.
    #[error("the scheduler is closing: no new work is taken")]
    Closed,
    /// No device that could run this class is left.
    #[error("no device is left that can run `{class}`: check the devices' errors")]
    NoDevice {
        /// The class asked for.
        class: String,
    },
    /// The job ran out of device memory, also when it ran alone.
    #[error(
        "the job ran out of memory on {device}, also alone: use smaller input or a larger device"
    )]
    OutOfMemory {
        /// The device's name.
        device: String,
        /// What the job reported.
        source: Cause,
    },
    /// The device failed under the job or could not be opened.
    #[error("device {device} failed and gets no more work: check its driver, then restore it")]
    DeviceLost {
        /// The device's name.
        device: String,
        /// What the job, or opening the device, reported.
        source: Cause,
    },
    /// The job panicked. Its device and the scheduler go on.
    #[error("the job on {device} panicked: {message}")]
    Panicked {
        /// The device's name.
        device: String,
        /// The panic's message.
        message: String,
    },
    /// The job reported an error of its own.
    #[error("the job failed: see its cause")]
    Job(#[source] Cause),
}

/// What a job reports when it does not finish. `?` on any error gives [`Failure::Other`].
#[derive(Debug, Clone)]
pub enum Failure {
    /// Device memory ran out: the job is tried once more, alone on a device.
    OutOfMemory(Cause),
    /// The device is gone: it gets no more work, and the job is tried on another one, once.
    DeviceLost(Cause),
    /// Any other error; goes to the caller as [`Error::Job`].
    Other(Cause),
}

impl Failure {
    /// Memory ran out, for the reason in `cause`.
    pub fn out_of_memory(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::OutOfMemory(Arc::new(cause))
    }

    /// The device is gone, for the reason in `cause`.
    pub fn device_lost(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::DeviceLost(Arc::new(cause))
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Other(Arc::new(error))
    }
}

/// A cause that is only a sentence.
#[derive(Debug)]
pub(crate) struct Message(pub(crate) String);

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Message {}
