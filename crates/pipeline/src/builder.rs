//! Putting a pipeline together.

use crate::models::Model;
use crate::pipeline::{Inner, Pipeline};
use crate::starter::with_starters;
use crate::voices::{MusicFolder, Voices};
use crate::worker::{Cores, Worker};
use crate::{Error, Progress};
use portrait_d_id::Client;
use portrait_kernels::{DeviceRequest, Precision, open_device};
use portrait_storage::Storage;
use portrait_voice::Speech;
use portrait_weights::{Family, Places};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// What a step may take before it is given up, waiting for the device included.
///
/// A step that is given up may still finish on the device; its result is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Looking for persons, 1 minute by default.
    pub detection: Duration,
    /// Cutting one person out, 10 minutes by default: the largest network takes one on two cores
    /// of a CPU.
    pub segmentation: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { detection: Duration::from_secs(60), segmentation: Duration::from_secs(600) }
    }
}

/// Builds a [`Pipeline`]. Nothing is read from the environment; all has defaults.
#[derive(Debug, Default)]
#[must_use]
pub struct PipelineBuilder {
    device: DeviceRequest,
    precision: Precision,
    detection: Option<Model>,
    segmentation: Option<Model>,
    places: Places,
    storage: Option<Storage>,
    d_id: Option<Client>,
    voices: Voices,
    timeouts: Timeouts,
    progress: Progress,
}

impl PipelineBuilder {
    /// The device that runs the networks; [`DeviceRequest::Auto`] by default.
    pub fn device(mut self, device: DeviceRequest) -> Self {
        self.device = device;
        self
    }

    /// The arithmetic of the networks; [`Precision::F32`] by default.
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// The model that detects persons; `None`, the default, takes [`Model::preferred`].
    pub fn detection_model(mut self, model: impl Into<Option<Model>>) -> Self {
        self.detection = model.into();
        self
    }

    /// The model that cuts persons out; `None`, the default, takes [`Model::preferred`].
    pub fn segmentation_model(mut self, model: impl Into<Option<Model>>) -> Self {
        self.segmentation = model.into();
        self
    }

    /// Where checkpoints are looked for, and whether they may be downloaded; by default nowhere but
    /// among the [`STARTER_MODELS`](crate::STARTER_MODELS), which are looked at last in any case.
    pub fn places(mut self, places: Places) -> Self {
        self.places = places;
        self
    }

    /// Where photos, cut-outs and videos are kept; in memory by default.
    pub fn storage(mut self, storage: Storage) -> Self {
        self.storage = Some(storage);
        self
    }

    /// The client that makes talks; without one [`Pipeline::animate`] is an error.
    pub fn d_id(mut self, client: Client) -> Self {
        self.d_id = Some(client);
        self
    }

    /// The service that speaks texts which name no voice of D-ID's providers; without one D-ID
    /// speaks them, and no music can be laid under a text.
    pub fn speech(mut self, speech: impl Speech + 'static) -> Self {
        self.voices.speech = Some(Arc::new(speech));
        self
    }

    /// The folder in which pieces of music are found by their ids, which are the files' names
    /// without their extensions.
    pub fn music_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.voices.music = Some(MusicFolder::new(folder.into()));
        self
    }

    /// What steps may take.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Who is told of the loading of models, beside those who watch single requests.
    pub fn progress(mut self, progress: Progress) -> Self {
        self.progress = progress;
        self
    }

    /// Opens the device. Models are found and loaded when they are first needed, or by
    /// [`Pipeline::warm_up`].
    ///
    /// # Errors
    /// [`Error::Device`] when the device cannot be opened, [`Error::Option`] for a model that does
    /// not do the step it is chosen for, or a precision the device has not.
    pub async fn build(self) -> Result<Pipeline, Error> {
        let places = with_starters(self.places);
        let detection = Model::or_preferred(self.detection, Family::Yolov8, &places).await?;
        detection.expect(Family::Yolov8, "detection model")?;
        let segmentation =
            Model::or_preferred(self.segmentation, Family::Birefnet, &places).await?;
        segmentation.expect(Family::Birefnet, "segmentation model")?;
        tracing::info!(
            detection = detection.manifest.id,
            segmentation = segmentation.manifest.id,
            "models chosen"
        );
        let worker = Worker::start("portrait-device")?;
        // A CUDA device belongs to the thread that opened it.
        let request = self.device;
        let device = worker.run("device", move || open_device(request)).await??;
        if device.is_cpu() && self.precision != Precision::F32 {
            return Err(Error::Option {
                option: "precision",
                value: format!("{:?}", self.precision),
                expected: "F32 on a CPU".into(),
            });
        }
        Ok(Pipeline::new(Inner {
            device_name: match (request, device.is_cpu()) {
                (_, true) => DeviceRequest::Cpu.to_string(),
                (DeviceRequest::Cuda(_), false) => request.to_string(),
                (_, false) => DeviceRequest::Cuda(0).to_string(),
            },
            device,
            precision: self.precision,
            detection,
            segmentation,
            places,
            storage: self.storage.unwrap_or_else(Storage::memory),
            d_id: self.d_id,
            voices: self.voices,
            timeouts: self.timeouts,
            progress: self.progress,
            worker,
            cores: Cores::new(),
            detector: OnceCell::new(),
            segmenter: OnceCell::new(),
        }))
    }
}
