//! Putting a pipeline together.

use crate::closing::Closing;
use crate::deletions::Deletions;
use crate::devices::{
    Batching, Cores, Devices, Engine, Settings, Source, default_policy, with_measured_peaks,
};
use crate::error::Error;
use crate::fair::FairPermits;
use crate::inner::Inner;
use crate::models::{Model, check_precision, with_starters};
use crate::observer::{Observer, StorageCallReport, Watch};
use crate::pipeline::Pipeline;
use crate::progress::{Estimates, Progress};
use crate::timeouts::Timeouts;
use crate::video::{MusicFolder, Orders, TalksAtOnce, Voices};
use portrait_d_id::Client;
use portrait_gpu_scheduling::Policy;
use portrait_kernels::{DeviceRequest, Precision};
use portrait_storage::Storage;
use portrait_voice::Speech;
use portrait_weights::{Family, Places};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The pause after which idle memory is released.
#[derive(Debug)]
struct IdleMemory(Option<Duration>);

impl Default for IdleMemory {
    fn default() -> Self {
        Self(Some(Duration::from_secs(60)))
    }
}

/// Builds a [`Pipeline`]. Nothing is read from the environment; all has defaults.
#[derive(Debug, Default)]
#[must_use]
pub struct PipelineBuilder {
    devices: Devices,
    policy: Option<Policy>,
    batching: Batching,
    idle_memory: IdleMemory,
    precision: Precision,
    detection: Option<Model>,
    segmentation: Option<Model>,
    places: Places,
    storage: Option<Storage>,
    d_id: Option<Client>,
    voices: Voices,
    timeouts: Timeouts,
    talks: TalksAtOnce,
    progress: Progress,
    watch: Option<Watch>,
}

impl Pipeline {
    /// Starts to build a pipeline.
    pub fn builder() -> PipelineBuilder {
        PipelineBuilder::default()
    }
}

impl PipelineBuilder {
    /// The devices that run the networks; [`Devices::Auto`] by default.
    pub fn devices(mut self, devices: impl Into<Devices>) -> Self {
        self.devices = devices.into();
        self
    }

    /// How many runs a device takes at once, and how many requests may wait. By default
    /// [`Policy::standard`] with 256 waiting, 64 of one flow; see docs/gpu.md for others. It must hold the classes
    /// [`YOLO`](crate::gpu_scheduling::YOLO) and [`BIREFNET`](crate::gpu_scheduling::BIREFNET).
    /// Memory that it only assumes, as [`Policy::by_memory`] does, is replaced by the peaks that
    /// the models' manifests tell for the devices and the precision.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// How many inputs go through a network together; one by one by default.
    pub fn batching(mut self, batching: Batching) -> Self {
        self.batching = batching;
        self
    }

    /// After which pause a card gives the memory back that it keeps for its next run, 1 minute by
    /// default, so that other programs can have it; the run after that is a little slower. `None`
    /// keeps it. A CPU has none.
    pub fn release_idle_memory(mut self, after: impl Into<Option<Duration>>) -> Self {
        self.idle_memory = IdleMemory(after.into());
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

    /// Looks for published models in the places where they lie on this machine without any
    /// configuration ([`Places::of_this_machine`]); nothing is downloaded. So a model that was
    /// fetched once runs where none is chosen.
    pub fn models_on_this_machine(mut self) -> Self {
        self.places = Places::of_this_machine();
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

    /// How many talks are in work at once.
    pub fn talks_at_once(mut self, talks: TalksAtOnce) -> Self {
        self.talks = talks;
        self
    }

    /// Who is told of the loading of models, beside those who watch single requests.
    pub fn progress(mut self, progress: Progress) -> Self {
        self.progress = progress;
        self
    }

    /// Who is told of every step, of the work on the cores, and of the calls of D-ID and of the
    /// storage.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.watch = Some(Watch(Arc::new(observer)));
        self
    }

    /// Opens the devices. Models are found and loaded when they are first needed, on each device
    /// when they are first needed there; or by [`Pipeline::warm_up`].
    ///
    /// # Errors
    /// [`Error::Device`] when a device cannot be opened, [`Error::Option`] for a model that does
    /// not do the step it is chosen for, a precision the device has not, or a policy that cannot
    /// work.
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
        let source = |model: &Model| {
            Source::new(model.clone(), places.clone(), self.precision, self.progress.clone())
        };
        let sources = (source(&detection), source(&segmentation));
        let policy = self.policy.unwrap_or_else(default_policy);
        let start = async |devices: &[DeviceRequest]| {
            let on_cpu = devices.contains(&DeviceRequest::Cpu);
            check_precision(on_cpu, self.precision)?;
            let manifests = [&detection.manifest, &segmentation.manifest];
            let (batching, policy) = (self.batching, policy.clone());
            let policy = with_measured_peaks(policy, batching, on_cpu, self.precision, manifests);
            let settings = Settings { policy, batching, idle_memory: self.idle_memory.0 };
            let (detection, segmentation) = sources.clone();
            Engine::start(devices, settings, detection, segmentation).await
        };
        let engine = match self.devices.requests()?[..] {
            [DeviceRequest::Auto] => match start(&[DeviceRequest::Cuda(0)]).await {
                Err(Error::Device(_)) => start(&[DeviceRequest::Cpu]).await?,
                engine => engine?,
            },
            ref devices => start(devices).await?,
        };
        let mut storage = self.storage.unwrap_or_else(Storage::memory);
        if let Some(watch) = self.watch.clone() {
            storage = storage.observed(move |call| {
                watch.0.storage_call(&StorageCallReport {
                    operation: call.operation.name(),
                    took: call.duration,
                    bytes: call.bytes,
                    ok: !call.failed(),
                });
            });
        }
        let observer = self.watch.clone();
        let d_id = self.d_id.map(|client| match observer {
            Some(watch) => client.observed(move |call| watch.d_id_call(call)),
            None => client,
        });
        let watch = self.watch.unwrap_or_default();
        let detection_config = detection.manifest.architecture()?;
        Ok(Pipeline::new(Inner {
            detection,
            detection_config,
            segmentation,
            storage,
            d_id,
            orders: Orders::default(),
            deletions: Deletions::default(),
            talks: FairPermits::new(self.talks.in_all.max(1), self.talks.per_flow.max(1)),
            voices: self.voices,
            timeouts: self.timeouts,
            engine,
            cores: Cores::new(watch.clone()),
            estimates: Arc::new(Estimates::default()),
            closing: Arc::new(Closing::default()),
            watch,
        }))
    }
}
