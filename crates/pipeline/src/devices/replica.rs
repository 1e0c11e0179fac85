//! One device with the networks on it.

use crate::error::Error;
use crate::models::{Model, load_detector, load_segmenter};
use crate::progress::Progress;
use crate::recipe::ModelStamp;
use crate::stage::Stage;
use portrait_detection::Detector;
use portrait_gpu_scheduling::Failure;
use portrait_kernels::{
    Device, DeviceRequest, Precision, device_memory, open_device, release_idle_memory,
};
use portrait_segmentation::Segmenter;
use portrait_weights::{Checkpoint, Places};
use std::sync::Arc;
use tokio::sync::Mutex;

/// A model's checkpoint, opened once and built anew on each device that runs it.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) model: Model,
    places: Places,
    precision: Precision,
    progress: Progress,
    opened: Mutex<Option<Arc<Checkpoint>>>,
}

/// All that a device's thread needs to build a network, and whom to tell of it.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    source: Arc<Source>,
    checkpoint: Arc<Checkpoint>,
    progress: Progress,
}

impl Source {
    pub(crate) fn new(
        model: Model,
        places: Places,
        precision: Precision,
        progress: Progress,
    ) -> Arc<Self> {
        Arc::new(Self { model, places, precision, progress, opened: Mutex::default() })
    }

    /// Finds and opens the checkpoint, by the first caller while others wait. A failure is
    /// forgotten, so that it can be tried again. `progress` is told beside the pipeline's own.
    pub(crate) async fn open(self: &Arc<Self>, progress: &Progress) -> Result<Load, Error> {
        let progress = Progress::both(self.progress.clone(), progress.clone());
        let mut opened = self.opened.lock().await;
        let checkpoint = match &*opened {
            Some(checkpoint) => checkpoint.clone(),
            None => {
                let open = self.model.open(&self.places);
                let checkpoint = Arc::new(progress.watch(Stage::Model, None, open).await?);
                opened.insert(checkpoint).clone()
            }
        };
        Ok(Load { source: self.clone(), checkpoint, progress })
    }

    /// Whether the checkpoint was found and opened.
    pub(crate) fn is_open(&self) -> bool {
        self.opened.try_lock().is_ok_and(|opened| opened.is_some())
    }

    /// Forgets a checkpoint that was no use, so that the next request looks for it again.
    pub(crate) async fn forget(&self) {
        *self.opened.lock().await = None;
    }
}

/// A device and the networks that were needed on it so far. Lives on the device's thread.
#[derive(Debug)]
pub(crate) struct Replica {
    name: String,
    device: Device,
    detector: Option<Detector>,
    segmenter: Option<Segmenter>,
}

impl Replica {
    /// Opens the device; loads nothing.
    pub(crate) fn open(name: &str, request: DeviceRequest) -> Result<Self, Failure> {
        let device = open_device(request).map_err(Failure::device_lost)?;
        Ok(Self { name: name.to_owned(), device, detector: None, segmenter: None })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// Gives memory that is kept for the next run back to the card's driver.
    pub(crate) fn release_idle_memory(&mut self) {
        match release_idle_memory(&self.device) {
            Ok(()) => tracing::debug!(device = self.name, "gave idle memory back"),
            Err(error) => tracing::warn!(device = self.name, %error, "no memory given back"),
        }
    }

    /// Logs what the networks took of a card so far.
    pub(crate) fn log_memory(&self) {
        if let Ok(Some(memory)) = device_memory(&self.device) {
            let (device, peak, reserved) = (&self.name, memory.peak, memory.reserved);
            tracing::info!(device, peak, reserved, "bytes of the card in use by both networks");
        }
    }

    /// The detector, built now if it is not there. Blocks: reads and folds weights.
    pub(crate) fn detector(&mut self, load: &Load) -> Result<&Detector, Error> {
        let detector = match self.detector.take() {
            Some(detector) => detector,
            None => load.build(&self.device, load_detector)?,
        };
        Ok(self.detector.insert(detector))
    }

    /// The segmenter, built now if it is not there. Blocks: reads and folds weights.
    pub(crate) fn segmenter(&mut self, load: &Load) -> Result<&Segmenter, Error> {
        let segmenter = match self.segmenter.take() {
            Some(segmenter) => segmenter,
            None => load.build(&self.device, load_segmenter)?,
        };
        Ok(self.segmenter.insert(segmenter))
    }
}

type Build<T> =
    fn(&portrait_weights::Manifest, &Checkpoint, &Device, Precision) -> Result<T, Error>;

impl Load {
    /// What names the model in recipes. The first time it reads the whole file.
    pub(crate) async fn stamp(&self) -> Result<ModelStamp, Error> {
        let manifest = &self.source.model.manifest;
        let (checkpoint, id) = (self.checkpoint.clone(), manifest.id.clone());
        // The bytes of the program are those of its manifests; a test compares them.
        if let Some(sha256) = manifest.sha256.clone().filter(|_| checkpoint.is_bundled()) {
            return Ok(ModelStamp { id, sha256 });
        }
        let digest = tokio::task::spawn_blocking(move || checkpoint.sha256().to_owned()).await;
        let sha256 = digest.map_err(|error| Error::unexpected(Stage::Model, error))?;
        Ok(ModelStamp { id, sha256 })
    }

    fn build<T>(&self, device: &Device, build: Build<T>) -> Result<T, Error> {
        let Source { model, precision, .. } = &*self.source;
        let work = || build(&model.manifest, &self.checkpoint, device, *precision);
        self.progress.watch_blocking(Stage::Model, None, work)
    }
}
