//! What the scheduler and the devices say, as errors of the pipeline.

use crate::Error;
use portrait_gpu_scheduling::{Error as Scheduling, Failure};

/// What the scheduler refused or lost, as the error of a step. The errors of jobs themselves do not
/// come this way.
pub(crate) fn refusal(stage: &'static str, error: Scheduling) -> Error {
    let message = error.to_string();
    match error {
        Scheduling::Full { retry_after, .. } => Error::Busy { stage, retry_after },
        Scheduling::Closed => Error::Closing,
        Scheduling::OutOfMemory { source, .. } => {
            // The pipeline's own error names the step itself.
            let message = match source.downcast_ref::<Error>() {
                Some(Error::OutOfMemory { message, .. }) => message.clone(),
                _ => source.to_string(),
            };
            Error::OutOfMemory { stage, message }
        }
        Scheduling::DeviceLost { source, .. } => {
            Error::DeviceLost { stage, message: format!("{message}: {source}") }
        }
        Scheduling::NoDevice { .. } => Error::DeviceLost { stage, message },
        Scheduling::Panicked { message, .. } => Error::crashed(stage, message),
        _ => Error::crashed(stage, message),
    }
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
pub(crate) fn device_failure(error: Error) -> Result<Failure, Error> {
    match error {
        Error::OutOfMemory { .. } => Ok(Failure::out_of_memory(error)),
        error if is_loss(&error) => Ok(Failure::device_lost(error)),
        error => Err(error),
    }
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
    use crate::{Code, Tier};
    use std::time::Duration;

    #[test]
    fn what_the_scheduler_refuses_has_a_code_and_a_time() {
        let retry_after = Duration::from_millis(1500);
        let full = Scheduling::Full { class: "yolo".into(), retry_after };
        let busy = refusal("detection", full);
        assert_eq!((busy.code(), busy.tier()), (Code::ServiceBusy, Tier::High));
        assert_eq!(busy.retry_after(), Some(retry_after));
        assert_eq!(busy.to_json()["error"]["retry_after"], 1.5);
        assert_eq!(busy.details()["stage"], "detection");
        let none = refusal("segmentation", Scheduling::NoDevice { class: "birefnet".into() });
        assert_eq!((none.code(), none.tier()), (Code::DeviceUnavailable, Tier::Critical));
        assert_eq!(refusal("detection", Scheduling::Closed).code(), Code::ServiceClosing);
        let (device, message) = ("cuda:0".to_owned(), "bad tensor".to_owned());
        let panicked = refusal("detection", Scheduling::Panicked { device, message });
        assert_eq!(panicked.code(), Code::ServiceCrash);
        let memory = std::sync::Arc::new(std::io::Error::other("CUDA_ERROR_OUT_OF_MEMORY"));
        let memory = Scheduling::OutOfMemory { device: "cuda:0".into(), source: memory };
        assert_eq!(refusal("segmentation", memory).code(), Code::GpuOom);
        let own = Error::OutOfMemory { stage: "segmentation", message: "no room".into() };
        let (device, source) = ("cuda:0".to_owned(), std::sync::Arc::new(own));
        let own = refusal("segmentation", Scheduling::OutOfMemory { device, source });
        assert_eq!(own.to_string(), "segmentation: the device is out of memory: no room");
    }

    #[test]
    fn a_card_that_is_gone_is_told_from_a_run_that_failed() {
        let crashed = |message: &str| Error::crashed("detection", message.into());
        assert!(is_loss(&crashed("DriverError(CUDA_ERROR_ILLEGAL_ADDRESS, \"an illegal …\")")));
        assert!(!is_loss(&crashed("CUDA_ERROR_OUT_OF_MEMORY")));
        assert!(!is_loss(&crashed("shape mismatch")));
    }
}
