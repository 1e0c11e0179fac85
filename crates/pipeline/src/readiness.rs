//! Whether a pipeline can serve.

use crate::fair::PermitUse;
use crate::pipeline::Pipeline;
use portrait_gpu_scheduling::{DeviceState, Readiness as DeviceReadiness};
use serde::{Deserialize, Serialize};

/// Whether a pipeline can serve, and what it waits for where it cannot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Readiness {
    /// Some device is in work with both networks loaded, and the pipeline is not closing.
    pub ready: bool,
    /// The pipeline takes no new requests.
    pub closing: bool,
    /// The devices that are in work, by name.
    pub devices: Vec<String>,
    /// The devices that are not: being opened, drained or lost.
    pub devices_out: Vec<String>,
    /// Both models.
    pub models: Vec<ModelReadiness>,
}

/// How far a model is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelReadiness {
    /// Its id.
    pub model: String,
    /// Its file was found and opened.
    pub opened: bool,
    /// The devices on which its network is loaded, by name.
    pub loaded_on: Vec<String>,
}

/// What is in use beside the devices; those are in [`Pipeline::snapshot`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Usage {
    /// The processor's cores: decoding, resizing, encoding.
    pub cores: PermitUse,
    /// Talks in work.
    pub talks: PermitUse,
}

impl Pipeline {
    /// What is in use, and who waits, beside the devices.
    pub fn usage(&self) -> Usage {
        Usage { cores: self.inner.cores.usage(), talks: self.inner.talks.snapshot() }
    }

    /// Whether the pipeline can serve at once: which devices are in work, and which models are
    /// loaded on them. [`warm_up`](Self::warm_up) makes it so.
    pub fn readiness(&self) -> Readiness {
        let snapshot = self.snapshot();
        let in_work = |device: &&portrait_gpu_scheduling::DeviceSnapshot| {
            device.state == DeviceState::Up && device.readiness == Some(DeviceReadiness::Ready)
        };
        let engine = &self.inner.engine;
        let sources = [engine.detection(), engine.segmentation()];
        // The classes of the networks, in the order of the sources.
        let classes = [portrait_gpu_scheduling::YOLO, portrait_gpu_scheduling::BIREFNET];
        let place = |class: &str| snapshot.classes.iter().position(|known| known.name == class);
        let models = sources.into_iter().zip(classes).map(|(source, class)| {
            let loaded = |device: &&portrait_gpu_scheduling::DeviceSnapshot| {
                let class = place(class).and_then(|place| device.classes.get(place));
                in_work(device) && class.is_some_and(|class| class.resident)
            };
            let loaded_on = snapshot.devices.iter().filter(loaded);
            ModelReadiness {
                model: source.model.manifest.id.clone(),
                opened: source.is_open(),
                loaded_on: loaded_on.map(|device| device.name.clone()).collect(),
            }
        });
        let models: Vec<_> = models.collect();
        let names = |wanted: bool| {
            let devices = snapshot.devices.iter().filter(|device| in_work(device) == wanted);
            devices.map(|device| device.name.clone()).collect::<Vec<_>>()
        };
        let (devices, devices_out) = (names(true), names(false));
        let both = |device: &String| models.iter().all(|model| model.loaded_on.contains(device));
        let closing = self.inner.closing.is_closed();
        let ready = !closing && devices.iter().any(both);
        Readiness { ready, closing, devices, devices_out, models }
    }
}
