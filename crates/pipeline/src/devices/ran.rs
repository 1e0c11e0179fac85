//! What a run gave.

use std::time::Duration;

/// What a run gave, where, and when.
#[derive(Debug)]
pub(crate) struct Ran<T> {
    pub(crate) value: T,
    /// The device's name.
    pub(crate) device: String,
    /// From the request to the start on the device.
    pub(crate) waited: Duration,
    /// Loading the model there; zero when it was there.
    pub(crate) loading: Duration,
}
