//! Photos of several requests in one run of the detection network.

use super::cores::guarded;
use super::failure::device_failure;
use super::ran::Ran;
use super::replica::{Load, Replica};
use crate::error::Error;
use crate::stage::Stage;
use portrait_detection::{Detected, PhotoInput};
use portrait_gpu_scheduling::Failure;
use std::sync::Arc;
use std::time::Instant;

/// Photos that may share a run: of one size.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct BatchKey {
    size: (u32, u32),
}

impl BatchKey {
    pub(crate) fn new(input: &PhotoInput) -> Self {
        Self { size: input.size() }
    }
}

/// One request's part of a batch.
#[derive(Debug, Clone)]
pub(crate) struct BatchInput {
    pub(crate) load: Load,
    pub(crate) input: Arc<PhotoInput>,
    pub(crate) asked: Instant,
}

/// What one request gets of its batch.
pub(crate) type BatchOutput = Result<Ran<Detected>, Error>;

/// One run for all; if it fails, one for each, so that each gets its own result.
pub(crate) fn detect_batch(
    replica: &mut Replica,
    _: &BatchKey,
    inputs: &[BatchInput],
) -> Result<Vec<BatchOutput>, Failure> {
    together_or_each(Stage::Detection, inputs, |inputs| detect_together(replica, inputs))
}

/// What `run` gives for all inputs; or, if that fails or panics, for each alone. A device that is
/// lost, or that has not even memory for one, is told of; all inputs are tried again then.
pub(crate) fn together_or_each<I, T>(
    stage: Stage,
    inputs: &[I],
    mut run: impl FnMut(&[I]) -> Result<Vec<T>, Error>,
) -> Result<Vec<Result<T, Error>>, Failure> {
    let mut run = |inputs: &[I]| {
        let crashed = |message| Err(Error::crashed(stage, message));
        guarded(|| run(inputs)).unwrap_or_else(crashed)
    };
    let error = match run(inputs) {
        Ok(outputs) => return Ok(outputs.into_iter().map(Ok).collect()),
        Err(error) => error,
    };
    match device_failure(error) {
        // One by one they may fit.
        Ok(Failure::OutOfMemory(_)) if inputs.len() > 1 => {}
        Ok(failure) => return Err(failure),
        Err(error) if inputs.len() == 1 => return Ok(vec![Err(error)]),
        Err(error) => tracing::warn!(%stage, %error, "a batch failed: its inputs run one by one"),
    }
    let mut results = Vec::new();
    for input in inputs.chunks(1) {
        match run(input) {
            Ok(outputs) => results.extend(outputs.into_iter().map(Ok)),
            Err(error) => match device_failure(error) {
                Ok(failure) => return Err(failure),
                Err(error) => results.push(Err(error)),
            },
        }
    }
    Ok(results)
}

fn detect_together(
    replica: &mut Replica,
    inputs: &[BatchInput],
) -> Result<Vec<Ran<Detected>>, Error> {
    let Some(first) = inputs.first() else { return Ok(Vec::new()) };
    let (device, start) = (replica.name().to_owned(), Instant::now());
    let detector = replica.detector(&first.load)?;
    let loading = start.elapsed();
    let photos: Vec<&PhotoInput> = inputs.iter().map(|input| &*input.input).collect();
    let found = detector.run(&photos)?;
    let ran = |(input, value): (&BatchInput, _)| {
        let waited = start.saturating_duration_since(input.asked);
        Ran { value, device: device.clone(), waited, loading }
    };
    Ok(inputs.iter().zip(found).map(ran).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Error {
        let source = Arc::new(std::io::Error::other("no room"));
        Error::OutOfMemory { stage: Stage::Detection, source }
    }

    fn lost() -> Error {
        Error::crashed(Stage::Detection, "CUDA_ERROR_LAUNCH_FAILED")
    }

    #[test]
    fn what_does_not_fit_together_runs_one_by_one() {
        let mut sizes = Vec::new();
        let results = together_or_each(Stage::Detection, &[1, 2, 3, 4], |inputs| {
            sizes.push(inputs.len());
            if inputs.len() > 1 { Err(full()) } else { Ok(vec![10 * inputs[0]]) }
        });
        let values: Vec<_> = results.unwrap().into_iter().map(Result::unwrap).collect();
        assert_eq!((values, sizes), (vec![10, 20, 30, 40], vec![4, 1, 1, 1, 1]));
    }

    #[test]
    fn what_concerns_one_is_its_own_error() {
        let results = together_or_each(Stage::Detection, &[1, 2, 3], |inputs| {
            let bad = inputs.contains(&2);
            if bad { Err(Error::NoPerson { confidence: 0.5 }) } else { Ok(inputs.to_vec()) }
        });
        let results = results.unwrap();
        assert!(matches!(results[..], [Ok(1), Err(Error::NoPerson { .. }), Ok(3)]), "{results:?}");
    }

    #[test]
    fn a_panic_is_the_error_of_who_causes_it() {
        let results = together_or_each(Stage::Detection, &[1, 2, 3], |inputs| {
            assert!(!inputs.contains(&2), "a stone in the gears");
            Ok(inputs.to_vec())
        });
        let results = results.unwrap();
        let [Ok(1), Err(Error::Crashed { message, .. }), Ok(3)] = &results[..] else {
            panic!("{results:?}")
        };
        assert_eq!(message, "a stone in the gears");
    }

    #[test]
    fn the_device_is_told_of_what_concerns_it_also_when_one_runs_alone() {
        let nothing = |_: &[u8]| Err::<Vec<u8>, _>(full());
        assert!(matches!(
            together_or_each(Stage::Detection, &[1, 2], nothing),
            Err(Failure::OutOfMemory(_))
        ));
        assert!(matches!(
            together_or_each(Stage::Detection, &[1], nothing),
            Err(Failure::OutOfMemory(_))
        ));
        let mut runs = 0;
        let failure = together_or_each(Stage::Detection, &[1, 2, 3], |inputs| {
            runs += 1;
            match inputs {
                [_, _, ..] => Err(full()),
                [2] => Err(lost()),
                one => Ok(one.to_vec()),
            }
        });
        assert!(matches!(failure, Err(Failure::DeviceLost(_))));
        assert_eq!(runs, 3, "nothing more on a lost device");
    }
}
