//! From the id of a model to a network on a device.

use crate::Error;
use portrait_detection::{Detector, Yolov8Config};
use portrait_kernels::{Device, Precision};
use portrait_segmentation::{Birefnet, BirefnetConfig, Segmenter};
use portrait_weights::{Checkpoint, Family, Manifest, Places, resolve};
use std::path::{Path, PathBuf};

/// Which checkpoint a step uses.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// What it is.
    pub manifest: Manifest,
    /// This very file instead of the one the manifest's places hold.
    pub file: Option<PathBuf>,
}

impl Model {
    /// A model of the built-in manifests.
    ///
    /// # Errors
    /// [`Error::Weights`] for an unknown id, naming the nearest and all known ones.
    pub fn find(id: &str) -> Result<Self, Error> {
        Ok(Self { manifest: Manifest::find(id)?, file: None })
    }

    /// A model by the id of a built-in manifest, or by a folder that holds a `manifest.toml` (and,
    /// beside it, the file where the manifest names no hub).
    ///
    /// # Errors
    /// [`Error::Weights`] as [`Self::find`], or when the folder's manifest cannot be read.
    pub fn named(id_or_folder: &str) -> Result<Self, Error> {
        let folder = Path::new(id_or_folder);
        if folder.components().count() > 1 || folder.join("manifest.toml").exists() {
            return Ok(Self { manifest: Manifest::load(folder)?, file: None });
        }
        Self::find(id_or_folder)
    }

    /// The same model from this file.
    #[must_use]
    pub fn from_file(self, file: impl Into<PathBuf>) -> Self {
        Self { file: Some(file.into()), ..self }
    }

    /// Finds the file, as [`resolve`] does, and opens it.
    ///
    /// # Errors
    /// [`Error::Weights`].
    pub async fn open(&self, places: &Places) -> Result<Checkpoint, Error> {
        let file = self.file.clone().or_else(|| places.file.clone());
        let places = Places { file, ..places.clone() };
        Ok(resolve(&self.manifest, &places).await?.open()?)
    }

    pub(crate) fn expect(&self, family: Family, step: &'static str) -> Result<(), Error> {
        if self.manifest.family == family {
            return Ok(());
        }
        Err(Error::Option {
            option: step,
            value: self.manifest.id.clone(),
            expected: format!(
                "a model of the family {family}; this one is of {}",
                self.manifest.family
            ),
        })
    }
}

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
    precision
        .build(device, || Detector::new(&config, weights))
        .and_then(|detector| detector.with_image_size(image_size))
        .map_err(Error::from)
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
    let input = [manifest.input.width, manifest.input.height];
    Segmenter::new(network, device.clone(), input).map_err(Error::from)
}
