//! Persons of one photo in one run of the segmentation network.

use super::batch::together_or_each;
use super::engine::Engine;
use super::ran::Ran;
use super::replica::{Load, Replica};
use super::turn::Turn;
use crate::error::Error;
use crate::stage::Stage;
use portrait_gpu_scheduling::{BIREFNET, QueuePlace};
use portrait_segmentation::Segmenter;
use std::ops::Range;
use std::time::Instant;

const STAGE: Stage = Stage::Segmentation;

/// A result for each person.
type Each<T> = Vec<Result<Ran<T>, Error>>;

impl Engine {
    /// Runs `job` with the segmentation network, on whichever device is free first, for as many
    /// persons as there are places: for all of them together; and if that fails, for each alone, so
    /// that each gets its own result. `job` gives an output for each person of its range.
    ///
    /// It is one run: it waits once, and its flow pays the time that it takes.
    pub(crate) async fn segment<T: Send + 'static>(
        &self,
        turn: &Turn,
        places: Vec<QueuePlace>,
        load: Load,
        mut job: impl FnMut(&Segmenter, Range<usize>) -> Result<Vec<T>, Error> + Send + 'static,
    ) -> Each<T> {
        let persons: Vec<usize> = (0..places.len()).collect();
        let (count, asked) = (persons.len(), Instant::now());
        let job = move |replica: &mut Replica| {
            let (waited, device) = (asked.elapsed(), replica.name().to_owned());
            let outputs = together_or_each(STAGE, &persons, |persons| {
                let start = Instant::now();
                let segmenter = replica.segmenter(&load)?;
                let loading = start.elapsed();
                let first = persons.first().copied().unwrap_or_default();
                let outputs = job(segmenter, first..first + persons.len())?;
                Ok(outputs.into_iter().map(|value| (loading, value)).collect())
            })?;
            let ran = |(loading, value)| Ran { value, device: device.clone(), waited, loading };
            Ok(outputs.into_iter().map(|output| output.map(ran)).collect::<Each<T>>())
        };
        let ran = async {
            let mut places = places.into_iter();
            let Some(place) = places.next() else { return Ok(Vec::new()) };
            let lease = self.scheduler.lease(BIREFNET).flow(turn.flow.clone()).place(place);
            let lease = lease.priority(turn.priority);
            let lease = lease.deadline(turn.deadline()).await?;
            // Until then the others waited too.
            drop(places);
            let any = |each: &Each<T>| each.iter().any(Result::is_ok);
            lease.run_counting(job, any).await
        };
        let each = ran.await.unwrap_or_else(|error| {
            (0..count).map(|_| Err(turn.refused(STAGE, error.clone()))).collect()
        });
        if each.iter().any(|ran| matches!(ran, Err(Error::Weights(_)))) {
            self.segmentation.forget().await;
        }
        each
    }
}
