//! What steps may take.

use std::time::Duration;

/// What a step may take before it is given up, waiting for the device included.
///
/// A step that is given up may still finish on the device; its result is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Looking for persons, 1 minute by default.
    pub detection: Duration,
    /// Cutting one person out, 10 minutes by default: the largest network takes one on two cores
    /// of a CPU.
    pub segmentation: Duration,
    /// Making one person's video, from the picture's upload to the stored file, 30 minutes by
    /// default. What was paid for by then is found again by
    /// [`Pipeline::resume`](crate::Pipeline::resume) or by asking again.
    pub video: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            detection: Duration::from_secs(60),
            segmentation: Duration::from_secs(600),
            video: Duration::from_secs(1800),
        }
    }
}
