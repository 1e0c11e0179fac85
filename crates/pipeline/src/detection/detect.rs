//! The first step: who is in the photo.

use super::detections::{DetectTimings, Detections, ImageSize};
use crate::devices::{Ran, Turn};
use crate::error::{Code, Error, Warning};
use crate::photo::Photo;
use crate::pipeline::Pipeline;
use crate::recipe::Recipe;
use crate::stage::Stage;
use crate::timing::milliseconds;
use portrait_detection::{DetectOptions, Detection, PhotoInput};
use portrait_gpu_scheduling::YOLO;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A person below this confidence is reported with a warning.
const CONFIDENT: f32 = 0.5;

impl Pipeline {
    /// Finds persons, or what `options.classes` asks for.
    ///
    /// # Errors
    /// [`Error::NoPerson`] when nobody is found; [`Error::Weights`] when the model is missing or
    /// wrong; [`Error::Busy`] at once when too many requests wait; [`Error::Timeout`],
    /// [`Error::OutOfMemory`], [`Error::DeviceLost`], [`Error::Closing`], [`Error::Detection`].
    pub async fn detect(
        &self,
        photo: &Photo,
        options: &DetectOptions,
    ) -> Result<Detections, Error> {
        let this = self.admit()?;
        let work = this.detect_admitted(photo, options);
        let start = Instant::now();
        let watched = this.context.progress.watch(Stage::Detection, None, work);
        let result = this.while_wanted(photo.id(), watched).await;
        let ran = result.as_ref().ok().map(|found| {
            let waited = Duration::from_secs_f64(found.timings_ms.wait / 1e3);
            (found.device.as_str(), found.model.as_str(), waited)
        });
        this.inner.watch.ended(Stage::Detection, ran, start, &result);
        result
    }

    async fn detect_admitted(
        &self,
        photo: &Photo,
        options: &DetectOptions,
    ) -> Result<Detections, Error> {
        let inner = &self.inner;
        let manifest = &inner.detection.manifest;
        options.check(inner.detection_config.classes)?;
        let opening = Instant::now();
        let load = inner.engine.detection().open(&self.context.progress).await?;
        let model = load.stamp().await?;
        let opening = milliseconds(opening.elapsed());
        let image_size = manifest.input.width.max(manifest.input.height);
        let wish = options.clone();
        let turn = Turn::new(&self.context, photo.id());
        let work = async {
            let (image, start) = (photo.image().clone(), Instant::now());
            // Before the work: who would be refused is told at once.
            let ahead = inner.engine.ahead(YOLO);
            let place = inner.engine.detection_place(&turn)?;
            self.context.progress.queued(Stage::Detection, None, ahead);
            let prepare = move || PhotoInput::new(&image, &wish, image_size);
            let input = inner.cores.run(&turn.flow, Stage::Detection, prepare).await??;
            let input = Arc::new(input);
            let ran = inner.engine.detect(&turn, place, load, input.clone()).await?;
            let Ran { value: detected, device, waited, loading } = ran;
            let finish = move || detected.persons(&input);
            let value = inner.cores.run(&turn.flow, Stage::Detection, finish).await??;
            let working = start.elapsed().saturating_sub(waited + loading);
            Ok((Ran { value, device, waited, loading }, milliseconds(working)))
        };
        let limit = inner.timeouts.detection;
        let (ran, detection) = self.in_time(Stage::Detection, limit, work).await?;
        let persons = ran.value;
        if persons.is_empty() {
            return Err(Error::NoPerson { confidence: options.confidence });
        }
        let (width, height) = photo.image().dimensions();
        let recipe = Recipe::of_detections(&model, options)?;
        Ok(Detections {
            image: ImageSize { width, height },
            warnings: doubtful(&persons),
            persons,
            recipe: recipe.id,
            made: Some(recipe.words),
            options: options.clone(),
            model: manifest.id.clone(),
            device: ran.device,
            timings_ms: DetectTimings {
                model: opening + milliseconds(ran.loading),
                wait: milliseconds(ran.waited),
                detection,
            },
        })
    }
}

fn doubtful(persons: &[Detection]) -> Vec<Warning> {
    let doubtful = persons.iter().filter(|person| person.confidence < CONFIDENT);
    doubtful
        .map(|person| Warning {
            code: Code::LowConfidence,
            message: format!(
                "person {} was found with a confidence of only {:.2}",
                person.person_id, person.confidence
            ),
            person_id: Some(person.person_id),
        })
        .collect()
}
