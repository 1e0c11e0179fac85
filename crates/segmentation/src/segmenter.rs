//! The easy call: a photo and a box in, a cut-out out.

use crate::cut_out::{CutOut, CutOutOptions};
use crate::matting::{Matte, mattes_from_logits};
use crate::person_crop::PersonCrop;
use crate::preprocess::{network_input, stretch};
use crate::segmented::Segmented;
use crate::{Birefnet, Error};
use candle_core::{Device, Tensor};
use image::RgbImage;
use image::math::Rect;
use std::borrow::Borrow;

/// A network with the input size it was trained for, on a device.
#[derive(Debug)]
pub struct Segmenter {
    network: Birefnet,
    device: Device,
    input: [u32; 2],
}

impl Segmenter {
    /// `input` is the width and height that photos are stretched to.
    ///
    /// # Errors
    /// [`Error::InputShape`] unless both are positive multiples of 32.
    pub fn new(network: Birefnet, device: Device, input: [u32; 2]) -> Result<Self, Error> {
        if input.iter().any(|&side| side == 0 || !side.is_multiple_of(32)) {
            return Err(Error::InputShape(vec![1, 3, input[1] as usize, input[0] as usize]));
        }
        Ok(Self { network, device, input })
    }

    /// The network.
    pub fn network(&self) -> &Birefnet {
        &self.network
    }

    /// Width and height that photos are stretched to.
    pub fn input(&self) -> [u32; 2] {
        self.input
    }

    /// The device it runs on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The matte of whole images, each in its own size, through the network as one batch.
    ///
    /// # Errors
    /// [`Error::EmptyImage`] for an image without pixels, [`Error::Model`] when candle fails.
    pub fn mattes(&self, images: &[RgbImage]) -> Result<Vec<Matte>, Error> {
        let [width, height] = self.input;
        let inputs = images.iter().map(|image| stretch(image, width, height));
        let logits = self.logits(&inputs.collect::<Result<Vec<_>, _>>()?)?;
        let sizes: Vec<_> = images.iter().map(RgbImage::dimensions).collect();
        mattes_from_logits(&logits, &sizes)
    }

    /// Cuts a person out of a photo.
    ///
    /// `person` and `others` (the other persons' boxes, which keep them out) are in photo pixels.
    /// Crops the box with context, takes the matte, gates it, estimates edge colours, feathers and
    /// cuts the context off again. Where there are several threads, make a [`PersonCrop`], give it
    /// to [`segment`](Self::segment) on the device's thread, and finish elsewhere.
    ///
    /// # Errors
    /// [`Error::BoxOutside`] if the box has no pixel in the photo, [`Error::Option`] for an option
    /// out of range, [`Error::Model`] when candle fails.
    pub fn cut_out(
        &self,
        photo: &RgbImage,
        person: Rect,
        others: &[Rect],
        options: &CutOutOptions,
    ) -> Result<CutOut, Error> {
        let crop = PersonCrop::new(photo, person, others, options, self.input)?;
        let segmented = self.segment(std::slice::from_ref(&crop))?.swap_remove(0);
        segmented.cut_out(&crop)
    }

    /// The device's part of cut-outs, in one run: the network, and on an NVIDIA card all that follows, so
    /// that the finished pixels come back from it. Returns when the device has done it.
    ///
    /// # Errors
    /// [`Error::EmptyImage`] for no crops, [`Error::InputShape`] if a crop was made for another size of
    /// input, [`Error::Model`] when candle fails.
    pub fn segment(&self, crops: &[PersonCrop]) -> Result<Vec<Segmented>, Error> {
        for crop in crops {
            let (width, height) = crop.input.dimensions();
            if [width, height] != self.input {
                return Err(Error::InputShape(vec![1, 3, height as usize, width as usize]));
            }
        }
        let inputs: Vec<&RgbImage> = crops.iter().map(|crop| &crop.input).collect();
        let logits = self.logits(&inputs)?;
        let each = crops.iter().enumerate();
        each.map(|(index, crop)| Segmented::new(&logits.narrow(0, index, 1)?, crop)).collect()
    }

    /// The network's answer to pictures of the size of its input.
    fn logits(&self, inputs: &[impl Borrow<RgbImage>]) -> Result<Tensor, Error> {
        self.network.forward(&network_input(inputs, &self.device, self.network.dtype())?)
    }
}
