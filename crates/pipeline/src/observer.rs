//! What whoever runs a service can count and measure.

use crate::error::{Code, Error};
use crate::stage::Stage;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Is told of everything that a service has counters and durations for.
///
/// Each method does nothing unless it is implemented, so that new ones can come. They are called
/// from the steps themselves, from several threads at once: **a method must not block**, wait for a
/// lock that is held long, or panic. No metrics library is inside; an observer hands the figures to
/// the one of the program:
///
/// ```
/// use portrait_pipeline::{Observer, StageReport};
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// #[derive(Default)]
/// struct Failures(AtomicU64);
///
/// impl Observer for Failures {
///     fn stage(&self, report: &StageReport<'_>) {
///         if report.outcome.is_err() {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let observer: Arc<dyn Observer> = Arc::new(Failures::default());
/// ```
///
/// `()` is the observer that does nothing.
pub trait Observer: Send + Sync {
    /// A step ended, well or not.
    fn stage(&self, _report: &StageReport<'_>) {}

    /// A piece of work on the processor's cores ended: decoding, resizing, encoding.
    fn cores(&self, _report: &CoresReport) {}

    /// A call of the D-ID API ended, well or not. Repeated tries are calls of their own.
    fn d_id_call(&self, _report: &DIdCallReport<'_>) {}

    /// A call of the storage ended, well or not.
    fn storage_call(&self, _report: &StorageCallReport<'_>) {}

    /// A request was refused, because the queue of this stage is full.
    fn queue_refused(&self, _stage: Stage) {}
}

impl Observer for () {}

/// The observer of a pipeline.
#[derive(Clone)]
pub(crate) struct Watch(pub(crate) Arc<dyn Observer>);

impl Default for Watch {
    fn default() -> Self {
        Self(Arc::new(()))
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

impl Watch {
    pub(crate) fn d_id_call(&self, call: &portrait_d_id::Call) {
        self.0.d_id_call(&DIdCallReport {
            operation: &call.operation.to_string(),
            took: call.duration,
            attempt: call.attempt,
            status: call.status,
            outcome: call.outcome.as_str(),
        });
    }

    /// A step that began at `start` and waited so long for its device.
    pub(crate) fn ended<T>(
        &self,
        stage: Stage,
        ran: Option<(&str, &str, Duration)>,
        start: Instant,
        result: &Result<T, Error>,
    ) {
        let (device, model, waited) = match ran {
            Some((device, model, waited)) => (Some(device), Some(model), waited),
            None => (None, None, Duration::ZERO),
        };
        let took = start.elapsed().saturating_sub(waited);
        let outcome = result.as_ref().map(drop).map_err(Error::code);
        if outcome == Err(Code::ServiceBusy) {
            self.0.queue_refused(stage);
        }
        self.0.stage(&StageReport { stage, device, model, waited, took, outcome });
    }
}

/// A step that ended.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct StageReport<'a> {
    /// The step.
    pub stage: Stage,
    /// The device that it ran on, as in `cuda:0`; `None` where it uses none, or got none.
    pub device: Option<&'a str>,
    /// The id of the model that it ran; `None` where it runs none.
    pub model: Option<&'a str>,
    /// Time it waited for its device.
    pub waited: Duration,
    /// Time it took after that.
    pub took: Duration,
    /// How it ended.
    pub outcome: Result<(), Code>,
}

/// A piece of work on the processor's cores that ended.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct CoresReport {
    /// The step that it is part of.
    pub stage: Stage,
    /// Time it waited for a core.
    pub waited: Duration,
    /// Time it took after that.
    pub took: Duration,
}

/// A call of the D-ID API that ended.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct DIdCallReport<'a> {
    /// What was asked for, as in `POST /talks`.
    pub operation: &'a str,
    /// Time from the request to the end of the answer.
    pub took: Duration,
    /// The number of the try, from 1.
    pub attempt: u32,
    /// The HTTP status; `None` when no answer came.
    pub status: Option<u16>,
    /// How it ended, as in `success`, `refused`, `rate_limited` or `timed_out`.
    pub outcome: &'a str,
}

impl DIdCallReport<'_> {
    /// The answer has a status of success.
    pub fn ok(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// A call of the storage that ended.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct StorageCallReport<'a> {
    /// What was done, as in `put`.
    pub operation: &'a str,
    /// Time it took.
    pub took: Duration,
    /// Bytes read or written.
    pub bytes: u64,
    /// Whether it succeeded.
    pub ok: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Writes one line for each call.
    #[derive(Default)]
    struct Lines(Mutex<Vec<String>>);

    impl Lines {
        fn push(&self, line: String) {
            self.0.lock().unwrap().push(line);
        }
    }

    impl Observer for Lines {
        fn stage(&self, report: &StageReport<'_>) {
            let StageReport { stage, device, model, waited, took, outcome } = report;
            self.push(format!("{stage} {device:?} {model:?} {waited:?} {took:?} {outcome:?}"));
        }

        fn cores(&self, report: &CoresReport) {
            self.push(format!("cores {} {:?} {:?}", report.stage, report.waited, report.took));
        }

        fn d_id_call(&self, report: &DIdCallReport<'_>) {
            let DIdCallReport { operation, attempt, outcome, .. } = report;
            self.push(format!("{operation} {attempt} {outcome} {}", report.ok()));
        }

        fn storage_call(&self, report: &StorageCallReport<'_>) {
            self.push(format!("{} {} {}", report.operation, report.bytes, report.ok));
        }

        fn queue_refused(&self, stage: Stage) {
            self.push(format!("refused {stage}"));
        }
    }

    fn report_all(observer: &dyn Observer) {
        let (waited, took) = (Duration::from_millis(20), Duration::from_secs(2));
        observer.stage(&StageReport {
            stage: Stage::Segmentation,
            device: Some("cuda:0"),
            model: Some("birefnet"),
            waited,
            took,
            outcome: Err(Code::GpuOom),
        });
        observer.cores(&CoresReport { stage: Stage::Photo, waited, took });
        for status in [Some(201), Some(402), None] {
            let (operation, outcome) = ("create_talk", "told");
            observer.d_id_call(&DIdCallReport { operation, took, attempt: 2, status, outcome });
        }
        observer.storage_call(&StorageCallReport { operation: "put", took, bytes: 7, ok: true });
        observer.queue_refused(Stage::Detection);
    }

    #[test]
    fn an_observer_behind_a_pointer_is_told_everything() {
        let lines = Arc::new(Lines::default());
        let observer: Arc<dyn Observer> = lines.clone();
        report_all(&*observer);
        let want = [
            "segmentation Some(\"cuda:0\") Some(\"birefnet\") 20ms 2s Err(GpuOom)",
            "cores photo 20ms 2s",
            "create_talk 2 told true",
            "create_talk 2 told false",
            "create_talk 2 told false",
            "put 7 true",
            "refused detection",
        ];
        assert_eq!(*lines.0.lock().unwrap(), want);
    }

    #[test]
    fn an_observer_that_implements_nothing_can_be_told() {
        struct Silent;
        impl Observer for Silent {}
        let observers: [Arc<dyn Observer>; 2] = [Arc::new(Silent), Arc::new(())];
        for observer in observers {
            report_all(&*observer);
        }
    }
}
