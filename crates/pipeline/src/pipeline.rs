//! The handle, and the first step: who is in the photo.

use crate::builder::{PipelineBuilder, Timeouts};
use crate::catalogue::{Code, Warning};
use crate::cores::Cores;
use crate::drain::{Drain, Pass};
use crate::engine::{Engine, Turn};
use crate::models::Model;
use crate::order::Orders;
use crate::voices::Voices;
use crate::{Error, Photo, Scheduling, Selection};
use portrait_d_id::Client;
use portrait_detection::{DetectOptions, Detection, Letterbox, LetterboxMode, Yolov8Config};
use portrait_gpu_scheduling::Snapshot;
use portrait_storage::Storage;
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
    pub(crate) scheduling: Scheduling,
    /// Held by the handles of calls that are under way.
    pass: Option<Arc<Pass>>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) detection: Model,
    pub(crate) segmentation: Model,
    pub(crate) storage: Storage,
    pub(crate) d_id: Option<Client>,
    pub(crate) orders: Orders,
    pub(crate) voices: Voices,
    pub(crate) timeouts: Timeouts,
    pub(crate) engine: Engine,
    pub(crate) cores: Cores,
    pub(crate) drain: Arc<Drain>,
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
    /// Waiting in the queue, and for runs that began before on the device.
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
        Self { inner: Arc::new(inner), scheduling: Scheduling::default(), pass: None }
    }

    /// The same pipeline, whose requests wait in this caller's place in the queue.
    #[must_use]
    pub fn scheduled(&self, scheduling: Scheduling) -> Self {
        Self { scheduling, ..self.clone() }
    }

    /// The devices that run the networks: `cpu`, `cuda:0`, or `cuda:0, cuda:1`.
    pub fn device(&self) -> &str {
        self.inner.engine.device()
    }

    /// What runs, waits and happened so far, by device and by network; and of NVIDIA cards, their
    /// utilisation and memory where the driver tells.
    pub fn snapshot(&self) -> Snapshot {
        self.inner.engine.snapshot()
    }

    /// Takes a device out of work, such as `cuda:1`, as [`snapshot`](Self::snapshot) names it: it
    /// gets nothing new, finishes what it has, and is closed, networks and all. What waits goes to
    /// the other devices, and is refused ([`Error::DeviceLost`]) where there is none.
    ///
    /// Dropped before its end, the device is out of work all the same but may stay open.
    ///
    /// # Errors
    /// [`Error::Option`] for a device that the pipeline does not have; [`Error::Closing`].
    pub async fn drain_device(&self, name: &str) -> Result<(), Error> {
        self.admit()?.inner.engine.drain_device(name).await
    }

    /// Brings a device back that was [drained](Self::drain_device) or lost: opens it anew and gives
    /// it work. Networks are loaded when they are first needed there, or by
    /// [`warm_up`](Self::warm_up).
    ///
    /// # Errors
    /// [`Error::Option`] for a device that the pipeline does not have; [`Error::Device`] or
    /// [`Error::DeviceLost`] when it cannot be opened: then it stays out; [`Error::Closing`].
    pub async fn restore_device(&self, name: &str) -> Result<(), Error> {
        self.admit()?.inner.engine.restore_device(name).await
    }

    /// Ends the pipeline, for all its handles: refuses new calls ([`Error::Closing`]), lets those
    /// that are under way finish, talks included, and drops networks and devices.
    pub async fn close(&self) {
        self.inner.drain.close().await;
        self.inner.engine.close().await;
    }

    /// A handle for a call that is under way; what it calls is part of it.
    pub(crate) fn admit(&self) -> Result<Self, Error> {
        let pass = match &self.pass {
            Some(pass) => pass.clone(),
            None => Arc::new(self.inner.drain.enter()?),
        };
        Ok(Self { pass: Some(pass), ..self.clone() })
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

    /// Loads both models on every device now, so that the first request does not wait for them.
    /// On a GPU each runs once.
    ///
    /// # Errors
    /// [`Error::Weights`] when a checkpoint is missing or wrong; [`Error::OutOfMemory`],
    /// [`Error::DeviceLost`], [`Error::Closing`].
    pub async fn warm_up(&self) -> Result<(), Error> {
        self.admit()?.inner.engine.warm_up().await
    }

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
        let inner = &this.inner;
        let manifest = &inner.detection.manifest;
        let config: Yolov8Config = manifest.architecture()?;
        options.check(config.classes)?;
        let opening = Instant::now();
        let load = inner.engine.detection().open().await?;
        let opening = milliseconds(opening.elapsed());
        let side = options.image_size.unwrap_or(manifest.input.width.max(manifest.input.height));
        let letterbox = Letterbox::new(photo.image().dimensions(), side, options.letterbox)?;
        let turn = Turn::new(&this.scheduling, photo.id());
        let work = async {
            let (image, start) = (photo.image().clone(), Instant::now());
            // Before the work: who would be refused is told at once.
            let place = inner.engine.detection_place(&turn)?;
            let picture = inner.cores.run("detection", move || letterbox.apply(&image)).await?;
            // What has the input's size already is not changed by another letterbox.
            let (width, height) = letterbox.input;
            let fitted = DetectOptions {
                image_size: Some(width.max(height)),
                letterbox: LetterboxMode::Rect,
                ..options.clone()
            };
            let ran = inner.engine.detect(&turn, place, load, (picture, fitted)).await?;
            let working = start.elapsed().saturating_sub(ran.waited + ran.loading);
            Ok((ran, milliseconds(working)))
        };
        let limit = inner.timeouts.detection;
        let (ran, detection) = within("detection", limit, work).await?;
        let in_photo =
            |found: Detection| Detection { bbox: letterbox.to_photo(found.bbox), ..found };
        let persons: Vec<Detection> = ran.value.into_iter().map(in_photo).collect();
        if persons.is_empty() {
            return Err(Error::NoPerson { confidence: options.confidence });
        }
        let (width, height) = photo.image().dimensions();
        Ok(Detections {
            image: ImageSize { width, height },
            warnings: doubtful(&persons),
            persons,
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
