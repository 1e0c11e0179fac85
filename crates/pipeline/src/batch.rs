//! Photos of several requests in one run of the detection network.

use crate::Error;
use crate::engine::Ran;
use crate::refusal::device_failure;
use crate::replica::{Load, Replica};
use image::RgbImage;
use portrait_detection::{DetectOptions, Detection};
use portrait_gpu_scheduling::Failure;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

/// Photos that may share a run: of one size, looked at with the same options.
#[derive(Debug, Clone)]
pub(crate) struct BatchKey {
    /// Size and options as text: the options hold numbers that cannot be keys.
    text: String,
    options: DetectOptions,
}

impl BatchKey {
    pub(crate) fn new(picture: &RgbImage, options: DetectOptions) -> Self {
        Self { text: format!("{:?} {options:?}", picture.dimensions()), options }
    }
}

impl PartialEq for BatchKey {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for BatchKey {}

impl Hash for BatchKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// One request's part of a batch.
#[derive(Debug, Clone)]
pub(crate) struct BatchInput {
    pub(crate) load: Load,
    pub(crate) picture: Arc<RgbImage>,
    pub(crate) asked: Instant,
}

/// What one request gets of its batch.
pub(crate) type BatchOutput = Result<Ran<Vec<Detection>>, Error>;

/// One run for all; if it fails, one for each, so that each gets its own result.
pub(crate) fn detect_batch(
    replica: &mut Replica,
    key: &BatchKey,
    inputs: &[BatchInput],
) -> Result<Vec<BatchOutput>, Failure> {
    let error = match detect_together(replica, key, inputs) {
        Ok(outputs) => return Ok(outputs.into_iter().map(Ok).collect()),
        Err(error) => error,
    };
    match device_failure(error) {
        Ok(failure) => Err(failure),
        Err(error) if inputs.len() == 1 => Ok(vec![Err(error)]),
        Err(_) => {
            let alone =
                |input| Ok(detect_together(replica, key, std::slice::from_ref(input))?.remove(0));
            Ok(inputs.iter().map(alone).collect())
        }
    }
}

fn detect_together(
    replica: &mut Replica,
    key: &BatchKey,
    inputs: &[BatchInput],
) -> Result<Vec<Ran<Vec<Detection>>>, Error> {
    let Some(first) = inputs.first() else { return Ok(Vec::new()) };
    let (device, start) = (replica.name().to_owned(), Instant::now());
    let detector = replica.detector(&first.load)?;
    let loading = start.elapsed();
    let pictures: Vec<&RgbImage> = inputs.iter().map(|input| &*input.picture).collect();
    let found = detector.detect_batch(&pictures, &key.options)?;
    let ran = |(input, value): (&BatchInput, _)| {
        let waited = start.saturating_duration_since(input.asked);
        Ran { value, device: device.clone(), waited, loading }
    };
    Ok(inputs.iter().zip(found).map(ran).collect())
}
