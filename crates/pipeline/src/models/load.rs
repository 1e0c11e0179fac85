//! From an open checkpoint to a network on a device.

use crate::error::Error;
use portrait_detection::{Detector, Yolov8, Yolov8Config};
use portrait_kernels::{Device, Precision};
use portrait_segmentation::{Birefnet, BirefnetConfig, Segmenter};
use portrait_weights::{Checkpoint, Manifest};

/// A CPU has single precision alone, its products rounded or not; a card has no bytes.
///
/// # Errors
/// [`Error::Option`] for one that the device has not.
pub(crate) fn check_precision(on_cpu: bool, precision: Precision) -> Result<(), Error> {
    let expected = match (on_cpu, precision) {
        (true, Precision::F16 | Precision::Bf16) => "f32, tf32 or int8: a CPU runs no other",
        (false, Precision::Int8) => "f32, tf32, f16 or bf16: int8 is for CPUs",
        _ => return Ok(()),
    };
    let (value, expected) = (precision.to_string(), expected.into());
    Err(Error::Option { option: "precision", value, expected })
}

/// Builds the detector of a manifest from an open checkpoint. Blocks: reads and folds weights.
///
/// # Errors
/// [`Error::Weights`] when manifest and file do not belong together, [`Error::Option`] for a
/// precision that the device has not.
pub fn load_detector(
    manifest: &Manifest,
    checkpoint: &Checkpoint,
    device: &Device,
    precision: Precision,
) -> Result<Detector, Error> {
    check_precision(device.is_cpu(), precision)?;
    let config: Yolov8Config = manifest.architecture()?;
    let weights = checkpoint.var_builder(precision.dtype(), device);
    let image_size = manifest.input.width.max(manifest.input.height);
    let network = precision.build(device, || Yolov8::new(&config, &weights))?;
    Detector::new(network, image_size).map_err(Error::from)
}

/// Builds the segmenter of a manifest from an open checkpoint. Blocks: reads and folds weights.
///
/// # Errors
/// [`Error::Weights`] when manifest and file do not belong together, [`Error::Option`] for a
/// precision that the device has not.
pub fn load_segmenter(
    manifest: &Manifest,
    checkpoint: &Checkpoint,
    device: &Device,
    precision: Precision,
) -> Result<Segmenter, Error> {
    check_precision(device.is_cpu(), precision)?;
    let config: BirefnetConfig = manifest.architecture()?;
    let weights = checkpoint.var_builder(precision.dtype(), device);
    let network = precision.build(device, || Birefnet::new(&config, &weights))?;
    let input_size = [manifest.input.width, manifest.input.height];
    Segmenter::new(network, input_size).map_err(Error::from)
}
