//! What the scheduler and the devices say, as errors of the pipeline.

use crate::error::Error;
use crate::stage::Stage;
use portrait_gpu_scheduling::{Error as Scheduling, Failure};
use portrait_kernels::DeviceError;
use std::sync::Arc;

/// What the scheduler refused or lost, as the error of a step.
pub(super) fn refusal(stage: Stage, error: Scheduling) -> Error {
    let message = error.to_string();
    match error {
        Scheduling::Full { retry_after, .. } => Error::Busy { stage, retry_after },
        Scheduling::Closed => Error::Closing,
        Scheduling::OutOfMemory { source, .. } => Error::OutOfMemory { stage, source },
        Scheduling::DeviceLost { source, .. } => {
            let message = format!("{message}: {source}");
            Error::DeviceLost { stage, message, source: Some(source) }
        }
        Scheduling::NoDevice { .. } => Error::DeviceLost { stage, message, source: None },
        Scheduling::Panicked { message, .. } => Error::crashed(stage, message),
        error => Error::unexpected(stage, error),
    }
}

/// Why a device could not be opened.
pub(super) fn not_opened(error: Scheduling) -> Error {
    let told = match &error {
        Scheduling::DeviceLost { source, .. } => source.downcast_ref::<DeviceError>(),
        _ => None,
    };
    told.map_or_else(|| refusal(Stage::Device, error.clone()), |told| told.clone().into())
}

/// What the CUDA driver says when a card is gone for this process.
const LOSSES: [&str; 6] = [
    "CUDA_ERROR_ILLEGAL_ADDRESS",
    "CUDA_ERROR_LAUNCH_FAILED",
    "CUDA_ERROR_ECC_UNCORRECTABLE",
    "CUDA_ERROR_DEVICE_UNAVAILABLE",
    "CUDA_ERROR_HARDWARE_STACK_ERROR",
    "CUDA_ERROR_CONTEXT_IS_DESTROYED",
];

/// What the scheduler is told of an error that is about the device; any other error comes back.
pub(super) fn device_failure(error: Error) -> Result<Failure, Error> {
    match error {
        Error::OutOfMemory { source, .. } => Ok(Failure::OutOfMemory(source)),
        error if is_loss(&error) => Ok(Failure::DeviceLost(Arc::new(error))),
        error => Err(error),
    }
}

/// The result of a job, but for what the scheduler must know: it may run the job again.
pub(super) fn report<T>(result: Result<T, Error>) -> Result<Result<T, Error>, Failure> {
    match result.map_err(device_failure) {
        Ok(value) => Ok(Ok(value)),
        Err(Ok(failure)) => Err(failure),
        Err(Err(error)) => Ok(Err(error)),
    }
}

/// An error for a caller that the scheduler hands it to by itself.
pub(super) fn to_scheduler(error: Error) -> Failure {
    device_failure(error).unwrap_or_else(|error| Failure::Other(Arc::new(error)))
}

/// What came of [`to_scheduler`], or of the scheduler itself.
pub(super) fn from_scheduler(stage: Stage, error: Scheduling) -> Error {
    let own = match &error {
        Scheduling::Job(cause) => cause.downcast_ref::<Error>().cloned(),
        _ => None,
    };
    own.unwrap_or_else(|| refusal(stage, error))
}

/// Whether an error of a run says that its device works no more.
fn is_loss(error: &Error) -> bool {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    std::iter::from_fn(|| {
        let error = next?;
        next = error.source();
        Some(error.to_string())
    })
    .any(|text| LOSSES.iter().any(|loss| text.contains(loss)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, Tier};
    use std::time::Duration;

    #[test]
    fn what_the_scheduler_refuses_has_a_code_and_a_time() {
        let retry_after = Duration::from_millis(1500);
        let full = Scheduling::Full { class: "yolo".into(), retry_after };
        let busy = refusal(Stage::Detection, full);
        assert_eq!((busy.code(), busy.tier()), (Code::ServiceBusy, Tier::High));
        assert_eq!(busy.retry_after(), Some(retry_after));
        assert_eq!(busy.to_json()["error"]["retry_after"], 1.5);
        assert_eq!(busy.details()["stage"], "detection");
        let none = refusal(Stage::Segmentation, Scheduling::NoDevice { class: "birefnet".into() });
        assert_eq!((none.code(), none.tier()), (Code::DeviceUnavailable, Tier::Critical));
        assert_eq!(refusal(Stage::Detection, Scheduling::Closed).code(), Code::ServiceClosing);
        let (device, message) = ("cuda:0".to_owned(), "bad tensor".to_owned());
        let panicked = refusal(Stage::Detection, Scheduling::Panicked { device, message });
        assert_eq!(panicked.code(), Code::ServiceCrash);
        let memory = std::sync::Arc::new(std::io::Error::other("CUDA_ERROR_OUT_OF_MEMORY"));
        let memory = Scheduling::OutOfMemory { device: "cuda:0".into(), source: memory };
        assert_eq!(refusal(Stage::Segmentation, memory).code(), Code::GpuOom);
        let (device, source) = ("cuda:0".to_owned(), Arc::new(std::io::Error::other("no room")));
        let own = refusal(Stage::Segmentation, Scheduling::OutOfMemory { device, source });
        assert_eq!(own.to_string(), "segmentation: the device is out of memory: no room");
    }

    #[test]
    fn a_card_that_is_gone_is_told_from_a_run_that_failed() {
        let crashed = |message: &str| Error::crashed(Stage::Detection, message);
        assert!(is_loss(&crashed("DriverError(CUDA_ERROR_ILLEGAL_ADDRESS, \"an illegal …\")")));
        assert!(!is_loss(&crashed("CUDA_ERROR_OUT_OF_MEMORY")));
        assert!(!is_loss(&crashed("shape mismatch")));
    }
}
