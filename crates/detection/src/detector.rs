//! Photo in, persons out.

use crate::bbox::Detection;
use crate::config::Yolov8Config;
use crate::error::{Error, Result};
use crate::network::Yolov8;
use crate::options::{DetectOptions, check_image_size};
use crate::postprocess::{NmsOptions, candidates, non_maximum_suppression};
use crate::preprocess::{Letterbox, to_tensor};
use candle_nn::VarBuilder;
use image::RgbImage;
use std::collections::BTreeMap;

/// What the published checkpoints were trained for.
const DEFAULT_IMAGE_SIZE: u32 = 640;

/// A network with what goes before and after it.
///
/// Calls may come from several threads at once.
#[derive(Debug)]
pub struct Detector {
    model: Yolov8,
    image_size: u32,
}

impl From<Yolov8> for Detector {
    fn from(model: Yolov8) -> Self {
        Self { model, image_size: DEFAULT_IMAGE_SIZE }
    }
}

impl Detector {
    /// Builds the network from the parameters below `vb`, on its device and in its type.
    ///
    /// # Errors
    /// As [`Yolov8::load`].
    pub fn new(config: &Yolov8Config, vb: VarBuilder<'_>) -> Result<Self> {
        Ok(Yolov8::load(config, vb)?.into())
    }

    /// The same detector, with this image size where [`DetectOptions::image_size`] is `None`,
    /// instead of 640.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] unless it is 1 to 4096.
    pub fn with_image_size(self, image_size: u32) -> Result<Self> {
        check_image_size(image_size)?;
        Ok(Self { image_size, ..self })
    }

    /// The image size where the options name none.
    pub fn image_size(&self) -> u32 {
        self.image_size
    }

    /// The network.
    pub fn model(&self) -> &Yolov8 {
        &self.model
    }

    /// Finds persons, or what `options.classes` asks for, the most confident first. Equally
    /// confident ones come in the order of the network's anchors: small objects before large ones,
    /// then by rows. None found is an empty list, not an error.
    ///
    /// # Errors
    /// [`Error::InvalidOption`], [`Error::EmptyPhoto`], [`Error::Run`] where the device fails,
    /// [`Error::NotFinite`] where the network computes nonsense.
    pub fn detect(&self, photo: &RgbImage, options: &DetectOptions) -> Result<Vec<Detection>> {
        Ok(self.detect_batch(&[photo], options)?.pop().unwrap_or_default())
    }

    /// As [`detect`](Self::detect) for several photos. Those that fit the same size of input go
    /// through the network together; results do not depend on the company.
    ///
    /// # Errors
    /// As [`detect`](Self::detect), for any of the photos.
    pub fn detect_batch(
        &self,
        photos: &[&RgbImage],
        options: &DetectOptions,
    ) -> Result<Vec<Vec<Detection>>> {
        options.check(self.model.config().classes)?;
        let mut letterboxes = Vec::with_capacity(photos.len());
        let mut by_size: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        let image_size = options.image_size.unwrap_or(self.image_size);
        for (index, photo) in photos.iter().enumerate() {
            let letterbox = Letterbox::new(photo.dimensions(), image_size, options.letterbox)?;
            by_size.entry(letterbox.input).or_default().push(index);
            letterboxes.push(letterbox);
        }
        let mut found = vec![vec![]; photos.len()];
        for indices in by_size.into_values() {
            let pictures: Vec<_> =
                indices.iter().map(|&index| letterboxes[index].apply(photos[index])).collect();
            let input = to_tensor(&pictures, self.model.device(), self.model.dtype())?;
            let output = self.model.forward(&input)?;
            let values =
                output.flatten_all().and_then(|t| t.to_vec1::<f32>()).map_err(Error::Run)?;
            let each = values.len() / indices.len();
            for (index, values) in indices.into_iter().zip(values.chunks_exact(each)) {
                found[index] = self.detections(values, &letterboxes[index], options)?;
            }
        }
        Ok(found)
    }

    fn detections(
        &self,
        output: &[f32],
        letterbox: &Letterbox,
        options: &DetectOptions,
    ) -> Result<Vec<Detection>> {
        if !output.iter().all(|value| value.is_finite()) {
            return Err(Error::NotFinite);
        }
        let classes = self.model.config().classes;
        let candidates =
            candidates(output, classes, options.confidence, options.classes.as_deref())?;
        let nms = NmsOptions {
            iou: options.iou,
            class_agnostic: options.class_agnostic,
            max_detections: options.max_detections,
            ..NmsOptions::default()
        };
        let kept = non_maximum_suppression(&candidates, &nms);
        let detection = |(person_id, index): (usize, usize)| {
            let candidate = &candidates[index];
            Detection {
                person_id,
                bbox: letterbox.to_photo(candidate.bbox),
                confidence: candidate.confidence,
                class: candidate.class,
            }
        };
        Ok(kept.into_iter().enumerate().map(detection).collect())
    }
}
