//! The easy call: a photo in, persons out.

use crate::bbox::Detection;
use crate::detected::Detected;
use crate::error::{Error, Result};
use crate::network::Yolov8;
use crate::options::{DetectOptions, check_image_size};
use crate::photo_input::PhotoInput;
use crate::preprocess::to_tensor;
use candle_core::Device;
use image::RgbImage;
use std::borrow::Borrow;
use std::collections::BTreeMap;

/// A network with the image size it was trained for.
///
/// Calls may come from several threads at once.
#[derive(Debug)]
pub struct Detector {
    network: Yolov8,
    image_size: u32,
}

impl Detector {
    /// `image_size` is used where [`DetectOptions::image_size`] is `None`: pixels of the longer
    /// side, 1 to 4096; 640 for the published checkpoints.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for another size.
    pub fn new(network: Yolov8, image_size: u32) -> Result<Self> {
        check_image_size(image_size)?;
        Ok(Self { network, image_size })
    }

    /// The network.
    pub fn network(&self) -> &Yolov8 {
        &self.network
    }

    /// The image size where the options name none.
    pub fn image_size(&self) -> u32 {
        self.image_size
    }

    /// The device it runs on.
    pub fn device(&self) -> &Device {
        self.network.device()
    }

    /// Finds persons, or what `options.classes` asks for, the most confident first. Equally
    /// confident ones come in the order of the network's anchors: small objects before large ones,
    /// then by rows. None found is an empty list, not an error.
    ///
    /// Where there are several threads, make a [`PhotoInput`], give it to [`run`](Self::run) on the
    /// device's thread, and finish elsewhere by [`Detected::persons`].
    ///
    /// # Errors
    /// [`Error::InvalidOption`], [`Error::EmptyPhoto`], [`Error::Run`] where the device fails,
    /// [`Error::NotFinite`] or [`Error::Constant`] where the network computes nonsense.
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
        options.check(self.network.config().classes)?;
        let mut by_size: BTreeMap<_, Vec<(usize, PhotoInput)>> = BTreeMap::new();
        for (index, photo) in photos.iter().enumerate() {
            let input = PhotoInput::new(photo, options, self.image_size)?;
            by_size.entry(input.size()).or_default().push((index, input));
        }
        let mut found = vec![vec![]; photos.len()];
        for together in by_size.into_values() {
            let inputs: Vec<&PhotoInput> = together.iter().map(|(_, input)| input).collect();
            let detected = self.run(&inputs)?;
            for ((index, input), detected) in together.iter().zip(detected) {
                found[*index] = detected.persons(input)?;
            }
        }
        Ok(found)
    }

    /// The device's part of detections, in one run: the network, for inputs of one size. Returns
    /// when the device has done it.
    ///
    /// # Errors
    /// [`Error::EmptyPhoto`] for no inputs, [`Error::InvalidInput`] if their sizes differ,
    /// [`Error::Run`] where the device fails, [`Error::NotFinite`] or [`Error::Constant`] where the
    /// network computes nonsense for one of them.
    pub fn run(&self, inputs: &[impl Borrow<PhotoInput>]) -> Result<Vec<Detected>> {
        let inputs: Vec<&PhotoInput> = inputs.iter().map(Borrow::borrow).collect();
        let pictures: Vec<&RgbImage> = inputs.iter().map(|input| &input.input).collect();
        let tensor = to_tensor(&pictures, self.device(), self.network.dtype())?;
        let output = self.network.forward(&tensor)?;
        let classes = self.network.config().classes;
        let detected = |(index, input): (usize, &&PhotoInput)| {
            let values = output.get(index).and_then(|output| output.flatten_all()?.to_vec1());
            Detected::new(values.map_err(Error::Run)?, classes, input)
        };
        inputs.iter().enumerate().map(detected).collect()
    }
}
