//! The easy call: a photo and a box in, a cut-out out.

use crate::cut_out::{CutOut, CutOutOptions};
use crate::error::Error;
use crate::matting::{Matte, mattes_from_logits};
use crate::network::Birefnet;
use crate::person_crop::PersonCrop;
use crate::preprocess::{network_input, stretch};
use crate::segmented::{Segmented, check_logits};
use candle_core::{Device, Tensor};
use image::RgbImage;
use image::math::Rect;
use std::borrow::Borrow;
use std::sync::Arc;

/// A network with the input size it was trained for.
///
/// Calls may come from several threads at once.
#[derive(Debug)]
pub struct Segmenter {
    network: Birefnet,
    input_size: [u32; 2],
}

impl Segmenter {
    /// `input_size` is the width and height that photos are stretched to.
    ///
    /// # Errors
    /// [`Error::InputShape`] unless both are positive multiples of 32.
    pub fn new(network: Birefnet, input_size: [u32; 2]) -> Result<Self, Error> {
        if input_size.iter().any(|&side| side == 0 || !side.is_multiple_of(32)) {
            return Err(wrong_size(input_size));
        }
        Ok(Self { network, input_size })
    }

    /// The network.
    pub fn network(&self) -> &Birefnet {
        &self.network
    }

    /// Width and height that photos are stretched to.
    pub fn input_size(&self) -> [u32; 2] {
        self.input_size
    }

    /// The device it runs on.
    pub fn device(&self) -> &Device {
        self.network.device()
    }

    /// The matte of whole images, each in its own size, through the network as one batch.
    ///
    /// # Errors
    /// [`Error::EmptyImage`] for an image without pixels, [`Error::Run`] when candle fails,
    /// [`Error::NotFinite`] or [`Error::Constant`] where the network computes nonsense for one of
    /// them.
    pub fn mattes(&self, images: &[RgbImage]) -> Result<Vec<Matte>, Error> {
        let [width, height] = self.input_size;
        let inputs = images.iter().map(|image| stretch(image, width, height));
        let logits = self.logits(&inputs.collect::<Result<Vec<_>, _>>()?)?;
        for index in 0..images.len() {
            check_logits(&logits.narrow(0, index, 1)?)?;
        }
        let sizes: Vec<_> = images.iter().map(RgbImage::dimensions).collect();
        mattes_from_logits(&logits, &sizes)
    }

    /// Cuts a person out of a photo.
    ///
    /// `person` and `others` (the other persons' boxes, which keep them out) are in photo pixels.
    /// Crops the box with context, takes the matte, gates it, estimates edge colours, feathers and
    /// cuts the context off again. Where there are several threads, make a [`PersonCrop`], give it
    /// to [`run`](Self::run) on the device's thread, and finish elsewhere by
    /// [`Segmented::cut_out`].
    ///
    /// # Errors
    /// [`Error::BoxOutside`] if the box has no pixel in the photo, [`Error::Option`] for an option
    /// out of range, [`Error::Run`] when candle fails, [`Error::NotFinite`] or [`Error::Constant`]
    /// where the network computes nonsense.
    pub fn cut_out(
        &self,
        photo: &RgbImage,
        person: Rect,
        others: &[Rect],
        options: &CutOutOptions,
    ) -> Result<CutOut, Error> {
        self.finished(&PersonCrop::new(photo, person, others, options, self.input_size)?)
    }

    /// Removes the background of a whole picture: as [`cut_out`](Self::cut_out), without boxes. For
    /// several threads there is [`PersonCrop::whole`].
    ///
    /// # Errors
    /// [`Error::EmptyImage`] for a picture without pixels, else as [`cut_out`](Self::cut_out).
    pub fn remove_background(
        &self,
        picture: impl Into<Arc<RgbImage>>,
        options: &CutOutOptions,
    ) -> Result<CutOut, Error> {
        self.finished(&PersonCrop::whole(picture, options, self.input_size)?)
    }

    fn finished(&self, crop: &PersonCrop) -> Result<CutOut, Error> {
        self.run(&[crop])?.swap_remove(0).cut_out(crop)
    }

    /// The device's part of cut-outs, in one run: the network, and on an NVIDIA card all that
    /// follows, so that the finished pixels come back from it. Returns when the device has done it.
    ///
    /// # Errors
    /// [`Error::EmptyImage`] for no crops, [`Error::InputShape`] if a crop was made for another
    /// size of input, [`Error::Run`] when candle fails, [`Error::NotFinite`] or [`Error::Constant`]
    /// where the network computes nonsense for one of them.
    pub fn run(&self, crops: &[impl Borrow<PersonCrop>]) -> Result<Vec<Segmented>, Error> {
        let crops: Vec<&PersonCrop> = crops.iter().map(Borrow::borrow).collect();
        for crop in &crops {
            let (width, height) = crop.input.dimensions();
            if [width, height] != self.input_size {
                return Err(wrong_size([width, height]));
            }
        }
        let inputs: Vec<&RgbImage> = crops.iter().map(|crop| &crop.input).collect();
        let logits = self.logits(&inputs)?;
        let each = crops.iter().enumerate();
        each.map(|(index, crop)| Segmented::new(&logits.narrow(0, index, 1)?, crop)).collect()
    }

    /// The network's answer to pictures of the size of its input.
    fn logits(&self, inputs: &[impl Borrow<RgbImage>]) -> Result<Tensor, Error> {
        self.network.forward(&network_input(inputs, self.device(), self.network.dtype())?)
    }
}

fn wrong_size([width, height]: [u32; 2]) -> Error {
    Error::InputShape(vec![1, 3, height as usize, width as usize])
}
