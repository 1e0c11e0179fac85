//! What the crates below say, as errors of the pipeline.

use super::error::Error;
use crate::stage::Stage;
use std::sync::Arc;

/// The device's complaint about memory, where an error is one.
fn out_of_memory<E>(stage: Stage, error: E) -> Result<Error, E>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let text = error.to_string().to_lowercase();
    let is = ["out of memory", "out_of_memory"].iter().any(|words| text.contains(words));
    if is { Ok(Error::OutOfMemory { stage, source: Arc::new(error) }) } else { Err(error) }
}

impl From<portrait_weights::Error> for Error {
    fn from(error: portrait_weights::Error) -> Self {
        Self::Weights(Arc::new(error))
    }
}

impl From<portrait_d_id::Error> for Error {
    fn from(error: portrait_d_id::Error) -> Self {
        Self::DId(Arc::new(error))
    }
}

impl From<portrait_storage::Error> for Error {
    fn from(error: portrait_storage::Error) -> Self {
        Self::Storage(Arc::new(error))
    }
}

/// Tells wrong weights and a device without memory from other failures of the step.
impl From<portrait_detection::Error> for Error {
    fn from(error: portrait_detection::Error) -> Self {
        use portrait_detection::Error as D;
        let other = |error| Self::Detection(Arc::new(error));
        match error {
            D::Weights(source) => match portrait_weights::Error::from_candle(source) {
                Ok(error) => error.into(),
                Err(source) => out_of_memory(Stage::Detection, source)
                    .unwrap_or_else(|source| other(D::Weights(source))),
            },
            D::Run(source) => out_of_memory(Stage::Detection, source)
                .unwrap_or_else(|source| other(D::Run(source))),
            error => other(error),
        }
    }
}

/// Tells wrong weights and a device without memory from other failures of the step.
impl From<portrait_segmentation::Error> for Error {
    fn from(error: portrait_segmentation::Error) -> Self {
        use portrait_segmentation::Error as S;
        let other = |error| Self::Segmentation(Arc::new(error));
        match error {
            S::Weights(source) => match portrait_weights::Error::from_candle(source) {
                Ok(error) => error.into(),
                Err(source) => out_of_memory(Stage::Segmentation, source)
                    .unwrap_or_else(|source| other(S::Weights(source))),
            },
            S::Run(source) => out_of_memory(Stage::Segmentation, source)
                .unwrap_or_else(|source| other(S::Run(source))),
            error => other(error),
        }
    }
}
