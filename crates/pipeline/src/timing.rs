//! Time-outs of steps, and how durations are told.

use crate::Error;
use crate::stage::Stage;
use std::time::Duration;

/// Gives a step up after `limit`.
pub(crate) async fn within<T>(
    stage: Stage,
    limit: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let timed = tokio::time::timeout(limit, work).await;
    timed.unwrap_or(Err(Error::Timeout { stage, limit }))
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    // Microseconds are enough, and print short.
    duration.as_micros() as f64 / 1e3
}
