//! Work of processor cores (decoding, resizing, mattes, PNG) beside the async runtime.

use crate::error::Error;
use crate::fair::{FairPermits, PermitUse};
use crate::observer::{CoresReport, Watch};
use crate::stage::Stage;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

/// Threads of the runtime for work that blocks, as many as there are cores; flows take turns.
///
/// What goes before and after a network runs here, so that it overlaps with the device's work on
/// other requests and never stands in the way of the runtime.
#[derive(Debug)]
pub(crate) struct Cores {
    permits: FairPermits,
    watch: Watch,
}

impl Cores {
    pub(crate) fn new(watch: Watch) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self { permits: FairPermits::new(cores, cores), watch }
    }

    pub(crate) fn usage(&self) -> PermitUse {
        self.permits.snapshot()
    }

    /// Runs `job` when it is this flow's turn; the permit goes with the work, also when the caller
    /// is dropped. A panic becomes [`Error::Crashed`]. A job whose caller goes before it starts is
    /// not run.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        flow: &Arc<str>,
        stage: Stage,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let asked = Instant::now();
        let permit = self.permits.acquire(flow).await;
        let watch = self.watch.clone();
        let work = move || {
            let (waited, start) = (asked.elapsed(), Instant::now());
            let result = guarded(job);
            drop(permit);
            watch.0.cores(&CoresReport { stage, waited, took: start.elapsed() });
            result
        };
        let result = tokio::task::spawn_blocking(work).await;
        let result = result.map_err(|error| Error::unexpected(stage, error))?;
        result.map_err(|message| Error::crashed(stage, message))
    }
}

/// Calls `job`; a panic becomes its message.
pub(crate) fn guarded<T>(job: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(job)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_cores_go_on() {
        let (cores, flow) = (Cores::new(Watch::default()), Arc::from("test"));
        for _ in 0..10 {
            let error =
                cores.run(&flow, Stage::Photo, || -> u8 { panic!("a stone in the gears") }).await;
            let error = error.unwrap_err();
            assert!(matches!(error, Error::Crashed { stage: Stage::Photo, .. }), "{error}");
            assert!(error.to_string().contains("a stone in the gears"));
        }
        assert_eq!(cores.run(&flow, Stage::Photo, || 8).await.unwrap(), 8);
    }
}
