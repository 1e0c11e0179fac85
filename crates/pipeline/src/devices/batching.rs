//! How many inputs go through a network together.

use std::time::Duration;

/// How many inputs go through a network together. One by one by default: see docs/gpu.md for what
/// batches gain and lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// Photos of one size in a run of the detection network, at least 1. They are gathered only
    /// while the device is busy.
    pub detection: usize,
    /// Persons of one photo in a run of the segmentation network, at least 1. Nobody waits for
    /// another photo's; what does not fit into memory together runs one by one.
    pub persons: usize,
    /// How long the first photo of a batch of photos waits for others at most, 5 ms by default.
    pub delay: Duration,
}

impl Default for Batching {
    fn default() -> Self {
        Self { detection: 1, persons: 1, delay: Duration::from_millis(5) }
    }
}
