//! A network alone: a tensor in, a tensor out, for comparing and timing.

use super::load::{load_detector, load_segmenter};
use super::model::Model;
use super::starter::with_starters;
use crate::error::Error;
use crate::stage::Stage;
use portrait_detection::Detector;
use portrait_kernels::{Device, DeviceRequest, Precision, device_memory, open_device};
use portrait_segmentation::Segmenter;
use portrait_weights::{Checkpoint, Family, Places, read_tensor, write_tensor};
use std::path::Path;
use std::time::{Duration, Instant};

/// A network without what comes before and after it.
#[derive(Debug)]
pub struct RawNetwork {
    network: Network,
    device: Device,
    precision: Precision,
}

#[derive(Debug)]
enum Network {
    Detector(Box<Detector>),
    Segmenter(Box<Segmenter>),
}

/// What a run of a [`RawNetwork`] gave.
#[derive(Debug, Clone)]
pub struct RawRun {
    /// The time of each forward pass alone, in order.
    pub times: Vec<Duration>,
    /// The shape of the output.
    pub shape: Vec<usize>,
}

impl RawNetwork {
    /// Loads a model, looked for in `places` and among the [`STARTER_MODELS`](crate::STARTER_MODELS). Blocks the thread it is called on while weights are read.
    ///
    /// # Errors
    /// [`Error::Device`], [`Error::Weights`].
    pub async fn load(
        model: &Model,
        places: &Places,
        device: DeviceRequest,
        precision: Precision,
    ) -> Result<Self, Error> {
        let device = open_device(device)?;
        let checkpoint: Checkpoint = model.open(&with_starters(places.clone())).await?;
        let network = match model.manifest.family {
            Family::Yolov8 => {
                let detector = load_detector(&model.manifest, &checkpoint, &device, precision)?;
                Network::Detector(Box::new(detector))
            }
            Family::Birefnet => {
                let segmenter = load_segmenter(&model.manifest, &checkpoint, &device, precision)?;
                Network::Segmenter(Box::new(segmenter))
            }
            family => {
                return Err(Error::Option {
                    option: "model",
                    value: family.to_string(),
                    expected: "a model of a family that can run here".into(),
                });
            }
        };
        Ok(Self { network, device, precision })
    }

    /// The most that was in tensors on the card at once since it was opened, in bytes: weights, input
    /// and what the runs so far needed. `None` on a CPU, and where the driver does not tell.
    pub fn peak_device_bytes(&self) -> Option<u64> {
        device_memory(&self.device).ok().flatten().map(|memory| memory.peak)
    }

    /// Reads the tensor `input` (batch × 3 × height × width, normalised as the network wants it)
    /// from one safetensors file, runs it `repeat` times, and writes the tensor `output` to another:
    /// the logits of a BiRefNet, or the head's output of a YOLOv8 (batch × (4 + classes) × anchors,
    /// boxes as centre, width and height in input pixels). `each` is told the time of each pass.
    ///
    /// # Errors
    /// [`Error::Weights`] when a file cannot be read or written, [`Error::Detection`] or
    /// [`Error::Segmentation`] when the input does not fit.
    pub fn run_file(
        &self,
        input: &Path,
        output: &Path,
        repeat: usize,
        mut each: impl FnMut(Duration),
    ) -> Result<RawRun, Error> {
        let input = read_tensor(input, "input", self.precision.dtype(), &self.device)?;
        let mut times = Vec::new();
        let mut result = None;
        for _ in 0..repeat.max(1) {
            let start = Instant::now();
            let answer = match &self.network {
                Network::Detector(detector) => detector.network().forward(&input)?,
                Network::Segmenter(segmenter) => segmenter.network().forward(&input)?,
            };
            let synchronised = self.device.synchronize();
            synchronised.map_err(|error| Error::unexpected(Stage::Model, error))?;
            let time = start.elapsed();
            each(time);
            times.push(time);
            result = Some(answer);
        }
        let shape = result.as_ref().map(|answer| answer.dims().to_vec()).unwrap_or_default();
        if let Some(answer) = result {
            write_tensor(output, "output", &answer)?;
        }
        Ok(RawRun { times, shape })
    }
}
