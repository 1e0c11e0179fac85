//! What goes before the network.

use crate::error::Result;
use crate::options::{DetectOptions, check_image_size};
use crate::preprocess::Letterbox;
use image::RgbImage;

/// The network's input made of a photo, how the photo lies in it, and what is asked for.
///
/// Inputs of one [`size`](Self::size) can go through the network together, also with different
/// options.
#[derive(Debug, Clone)]
pub struct PhotoInput {
    /// The photo, resized and padded.
    pub(crate) input: RgbImage,
    pub(crate) letterbox: Letterbox,
    pub(crate) options: DetectOptions,
}

impl PhotoInput {
    /// Resizes and pads the photo; needs no device. `image_size` is
    /// [`Detector::image_size`](crate::Detector::image_size), in pixels; it counts where the
    /// options name no size.
    ///
    /// Options are checked as far as that needs no network; [`DetectOptions::check`] also compares
    /// the wanted classes with those that a network has.
    ///
    /// # Errors
    /// [`Error::InvalidOption`](crate::Error::InvalidOption),
    /// [`Error::EmptyPhoto`](crate::Error::EmptyPhoto).
    pub fn new(photo: &RgbImage, options: &DetectOptions, image_size: u32) -> Result<Self> {
        options.check_ranges()?;
        let image_size = options.image_size.unwrap_or(image_size);
        check_image_size(image_size)?;
        let letterbox = Letterbox::new(photo.dimensions(), image_size, options.letterbox)?;
        Ok(Self { input: letterbox.apply(photo), letterbox, options: options.clone() })
    }

    /// Width and height of the network's input in pixels, multiples of 32.
    pub fn size(&self) -> (u32, u32) {
        self.letterbox.input
    }

    /// How the photo lies in the input.
    pub fn letterbox(&self) -> &Letterbox {
        &self.letterbox
    }

    /// What is asked for.
    pub fn options(&self) -> &DetectOptions {
        &self.options
    }
}
