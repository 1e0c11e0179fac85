//! The handle, and the first step: who is in the photo.

use crate::builder::{PipelineBuilder, Timeouts};
use crate::catalogue::{Code, Warning};
use crate::models::{Model, load_detector, load_segmenter};
use crate::progress::{Progress, Stage};
use crate::voices::Voices;
use crate::worker::{Cores, Worker};
use crate::{Error, Photo, Selection};
use portrait_d_id::Client;
use portrait_detection::{DetectOptions, Detection, Detector};
use portrait_kernels::{Device, Precision};
use portrait_segmentation::Segmenter;
use portrait_storage::Storage;
use portrait_weights::{Checkpoint, Manifest, Places};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// A person below this confidence is reported with a warning.
const CONFIDENT: f32 = 0.5;

/// From a photo to talking portraits. A cheap handle: clones share models, device and storage.
///
/// Every step can be called alone ([`detect`](Self::detect), [`cut_out`](Self::cut_out),
/// [`animate`](Self::animate)), or all of them by [`run`](Self::run). Dropping a future cancels
/// what has not started.
#[derive(Debug, Clone)]
pub struct Pipeline {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) device: Device,
    pub(crate) device_name: String,
    pub(crate) precision: Precision,
    pub(crate) detection: Model,
    pub(crate) segmentation: Model,
    pub(crate) places: Places,
    pub(crate) storage: Storage,
    pub(crate) d_id: Option<Client>,
    pub(crate) voices: Voices,
    pub(crate) timeouts: Timeouts,
    pub(crate) progress: Progress,
    pub(crate) worker: Worker,
    pub(crate) cores: Cores,
    pub(crate) detector: OnceCell<Arc<Detector>>,
    pub(crate) segmenter: OnceCell<Arc<Segmenter>>,
}

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ImageSize {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// Who was found in a photo.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Detections {
    /// The photo's size, upright.
    pub image: ImageSize,
    /// The persons, most confident first; boxes in photo pixels.
    pub persons: Vec<Detection>,
    /// The model that found them.
    pub model: String,
    /// The device it ran on.
    pub device: String,
    /// Milliseconds of each part.
    pub timings_ms: DetectTimings,
    /// What to look at.
    pub warnings: Vec<Warning>,
}

/// Milliseconds of the parts of a detection.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DetectTimings {
    /// Finding and loading the model; 0 when it was there.
    pub model: f64,
    /// Waiting for the device.
    pub wait: f64,
    /// Letterbox, network and suppression.
    pub detection: f64,
}

impl Detections {
    /// All persons.
    pub fn select_all(&self) -> Selection {
        let selected = self.persons.iter().map(|person| person.person_id).collect();
        Selection { persons: self.persons.clone(), selected }
    }

    /// The persons with these ids, each once, in this order.
    ///
    /// # Errors
    /// [`Error::UnknownPerson`] naming the ids that do not exist.
    pub fn select(&self, ids: &[usize]) -> Result<Selection, Error> {
        Selection::new(self.persons.clone(), ids)
    }
}

impl Pipeline {
    /// Starts to build a pipeline.
    pub fn builder() -> PipelineBuilder {
        PipelineBuilder::default()
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// The device that runs the networks: `cpu` or `cuda:N`.
    pub fn device(&self) -> &str {
        &self.inner.device_name
    }

    /// The model that detects persons.
    pub fn detection_model(&self) -> &Model {
        &self.inner.detection
    }

    /// The model that cuts persons out.
    pub fn segmentation_model(&self) -> &Model {
        &self.inner.segmentation
    }

    /// Where photos, cut-outs and videos are kept.
    pub fn storage(&self) -> &Storage {
        &self.inner.storage
    }

    /// Loads both models now, so that the first request does not wait for them.
    ///
    /// # Errors
    /// [`Error::Weights`] when a checkpoint is missing or wrong.
    pub async fn warm_up(&self) -> Result<(), Error> {
        self.detector().await?;
        self.segmenter().await?;
        Ok(())
    }

    /// Finds persons, or what `options.classes` asks for.
    ///
    /// # Errors
    /// [`Error::NoPerson`] when nobody is found; [`Error::Weights`] when the model is missing or
    /// wrong; [`Error::Timeout`], [`Error::OutOfMemory`], [`Error::Detection`].
    pub async fn detect(
        &self,
        photo: &Photo,
        options: &DetectOptions,
    ) -> Result<Detections, Error> {
        let start = Instant::now();
        let detector = self.detector().await?;
        let model = milliseconds(start.elapsed());
        let queued = Instant::now();
        let (image, asked) = (photo.image().clone(), options.clone());
        let job = move || {
            let (wait, start) = (milliseconds(queued.elapsed()), Instant::now());
            let persons = detector.detect(&image, &asked);
            (persons, wait, milliseconds(start.elapsed()))
        };
        let run = self.inner.worker.run("detection", job);
        let limit = self.inner.timeouts.detection;
        let (persons, wait, detection) = within("detection", limit, run).await?;
        let persons = persons?;
        if persons.is_empty() {
            return Err(Error::NoPerson { confidence: options.confidence });
        }
        let (width, height) = photo.image().dimensions();
        Ok(Detections {
            image: ImageSize { width, height },
            warnings: doubtful(&persons),
            persons,
            model: self.inner.detection.manifest.id.clone(),
            device: self.device().to_owned(),
            timings_ms: DetectTimings { model, wait, detection },
        })
    }

    async fn detector(&self) -> Result<Arc<Detector>, Error> {
        let Inner { detector, detection, .. } = &*self.inner;
        self.loaded(detector, detection, "detection", load_detector).await
    }

    pub(crate) async fn segmenter(&self) -> Result<Arc<Segmenter>, Error> {
        let Inner { segmenter, segmentation, .. } = &*self.inner;
        self.loaded(segmenter, segmentation, "segmentation", load_segmenter).await
    }

    /// A network, loaded by the first caller while others wait; a failure is forgotten, so that it
    /// can be tried again.
    async fn loaded<T: Send + Sync + 'static>(
        &self,
        network: &OnceCell<Arc<T>>,
        model: &Model,
        stage: &'static str,
        load: fn(&Manifest, &Checkpoint, &Device, Precision) -> Result<T, Error>,
    ) -> Result<Arc<T>, Error> {
        let inner = &self.inner;
        let work = async {
            let checkpoint = model.open(&inner.places).await?;
            let (manifest, device) = (model.manifest.clone(), inner.device.clone());
            let precision = inner.precision;
            let work = move || load(&manifest, &checkpoint, &device, precision);
            Ok(Arc::new(inner.worker.run(stage, work).await??))
        };
        let watched = || inner.progress.watch(Stage::Model, None, work);
        network.get_or_try_init(watched).await.cloned()
    }
}

/// Gives a step up after `limit`.
pub(crate) async fn within<T>(
    stage: &'static str,
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
