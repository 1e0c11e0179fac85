//! Both networks on an NVIDIA card: whether they are right, also under load, and how fast they are.
//!
//! `cargo bench -p portrait-benches --features cuda --bench gpu` runs all of it; behind `--`, any of
//! `networks`, `stress` and `speed`. Weights are made from names and shapes, so it needs no files. It
//! ends with 1 where a check fails, and says so and ends with 0 where no card can be opened.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints a report")]

mod matting;
mod networks;
mod speed;
mod stress;

use portrait_detection::{Variant, Yolov8, Yolov8Config};
use portrait_kernels::{Device, DeviceRequest, Precision, open_device};
use portrait_segmentation::{Birefnet, BirefnetConfig};
use portrait_test_support::reproducible;
use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What the bench does; whether all was right.
type Part = fn(&Device) -> Result<bool>;

/// A network of either kind, from the same weights on every device.
enum Network {
    Detection(Box<Yolov8>),
    Segmentation(Box<Birefnet>),
}

/// All precisions of a card; bfloat16 from compute capability 8.0 on.
const PRECISIONS: [Precision; 4] =
    [Precision::F32, Precision::Tf32, Precision::F16, Precision::Bf16];

/// Name, side of the input.
const CASES: [(&str, usize); 5] = [
    ("YOLOv8n", 640),
    ("YOLOv8m", 640),
    ("BiRefNet lite", 512),
    ("BiRefNet lite", 1024),
    ("BiRefNet Swin-L", 1024),
];

impl Network {
    fn load(name: &str, device: &Device, precision: Precision) -> Result<Self> {
        let weights = reproducible::var_builder(precision.dtype(), device);
        let detection = |variant| {
            let network = Yolov8::new(&Yolov8Config::new(variant, 80), &weights)?;
            Result::Ok(Self::Detection(Box::new(network)))
        };
        let segmentation = |config| {
            let network = Birefnet::new(&config, &weights)?;
            Result::Ok(Self::Segmentation(Box::new(network)))
        };
        precision.build(device, || {
            Ok(match name {
                "YOLOv8n" => detection(Variant::N)?,
                "YOLOv8m" => detection(Variant::M)?,
                "BiRefNet lite" => segmentation(BirefnetConfig::lite())?,
                "BiRefNet Swin-L" => segmentation(BirefnetConfig::large())?,
                other => return Err(format!("no network {other}").into()),
            })
        })
    }

    /// The raw output for noise of this many pixels a side.
    fn run(&self, side: usize, device: &Device) -> Result<candle_core::Tensor> {
        let input = reproducible::input((1, 3, side, side))?.to_device(device)?;
        self.forward(&input)
    }

    fn forward(&self, input: &candle_core::Tensor) -> Result<candle_core::Tensor> {
        Ok(match self {
            Self::Detection(network) => network.forward(input)?,
            Self::Segmentation(network) => network.forward(&input.to_dtype(network.dtype())?)?,
        })
    }
}

fn main() -> ExitCode {
    let asked: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let device = match open_device(DeviceRequest::Cuda(0)) {
        Ok(device) => device,
        Err(error) => {
            println!("SKIPPED: {error}");
            return ExitCode::SUCCESS;
        }
    };
    let mut failed = false;
    let parts: [(&str, Part); 3] =
        [("networks", networks::run), ("stress", stress::run), ("speed", speed::run)];
    for (name, run) in parts {
        if !asked.is_empty() && !asked.iter().any(|asked| asked == name) {
            continue;
        }
        println!("\n## {name}\n");
        match run(&device) {
            Ok(true) => {}
            Ok(false) => failed = true,
            Err(error) => {
                eprintln!("{name}: {error}");
                failed = true;
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
