//! The easy call: a photo and a box in, a cut-out out.

use crate::matting::{
    CropPlan, Matte, RefineOptions, compose, crop_matte, crop_plan, feather, gate,
    mattes_from_logits, refine_foreground,
};
use crate::preprocess::preprocess;
use crate::{Birefnet, Error};
use candle_core::Device;
use image::math::Rect;
use image::{GenericImageView, RgbImage, RgbaImage};

/// How a person is cut out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutOutOptions {
    /// Pixels kept around the person's box, 20 by default; up to [`Self::MAX_PADDING`].
    pub padding: u32,
    /// Pixels over which the edge is softened to each side, 0 (off) by default; up to
    /// [`Self::MAX_FEATHER`].
    pub feather: u32,
    /// How colours at the edge are estimated; `None` keeps the photo's, with a fringe of its
    /// background.
    pub refine: Option<RefineOptions>,
}

impl Default for CutOutOptions {
    fn default() -> Self {
        Self { padding: 20, feather: 0, refine: Some(RefineOptions::default()) }
    }
}

impl CutOutOptions {
    /// The largest padding.
    pub const MAX_PADDING: u32 = 4096;
    /// The widest feather.
    pub const MAX_FEATHER: u32 = 256;

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Option`] naming the option that is out of range.
    pub fn validate(&self) -> Result<(), Error> {
        let fail = |option, value: u32, expected| {
            Err(Error::Option { option, value: value.to_string(), expected })
        };
        if self.padding > Self::MAX_PADDING {
            return fail("padding", self.padding, "at most 4096 pixels");
        }
        if self.feather > Self::MAX_FEATHER {
            return fail("feather", self.feather, "at most 256 pixels");
        }
        match self.refine {
            Some(RefineOptions { coarse, fine }) if coarse == 0 || fine == 0 => {
                fail("refine", 0, "windows of at least 1 pixel")
            }
            _ => Ok(()),
        }
    }
}

/// A person on a transparent background.
#[derive(Debug, Clone)]
pub struct CutOut {
    /// Straight alpha; no colour where alpha is 0.
    pub image: RgbaImage,
    /// The alpha of `image` in full precision.
    pub matte: Matte,
    /// The place of `image` in the photo.
    pub rect: Rect,
}

impl CutOut {
    /// The part of the picture that is foreground, the mean of alpha, in `[0, 1]`.
    pub fn coverage(&self) -> f32 {
        let sum: f64 = self.matte.iter().map(|&alpha| f64::from(alpha)).sum();
        (sum / self.matte.len().max(1) as f64) as f32
    }
}

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
        let input = preprocess(images, self.input, &self.device)?;
        let logits = self.network.forward(&input.to_dtype(self.network.dtype())?)?;
        let sizes: Vec<_> = images.iter().map(RgbImage::dimensions).collect();
        mattes_from_logits(&logits, &sizes)
    }

    /// Cuts a person out of a photo.
    ///
    /// `person` and `others` (the other persons' boxes, which keep them out) are in photo pixels.
    /// Crops the box with context, takes the matte, gates it, estimates edge colours, feathers and
    /// cuts the context off again.
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
        options.validate()?;
        let plan = crop_plan(photo.dimensions(), person, options.padding)
            .ok_or(Error::BoxOutside { photo: photo.dimensions() })?;
        let crop = crop_photo(photo, plan.context);
        let matte = self.mattes(std::slice::from_ref(&crop))?.swap_remove(0);
        finish_cut_out(&crop, matte, &plan, person, others, options)
    }
}

/// The part of a photo inside `rect`, which lies within it.
///
/// # Panics
/// If `rect` reaches out of the photo.
pub fn crop_photo(photo: &RgbImage, rect: Rect) -> RgbImage {
    photo.view(rect.x, rect.y, rect.width, rect.height).to_image()
}

/// From the matte of the context crop to the cut-out: gate, refine, feather, cut, compose.
///
/// `crop` and `matte` are the photo and its matte inside `plan.context`; `person` and `others` are
/// in photo pixels.
///
/// # Errors
/// [`Error::Size`] if crop and matte differ in size.
pub fn finish_cut_out(
    crop: &RgbImage,
    mut matte: Matte,
    plan: &CropPlan,
    person: Rect,
    others: &[Rect],
    options: &CutOutOptions,
) -> Result<CutOut, Error> {
    let others: Vec<Rect> =
        others.iter().filter_map(|&other| seen_from(other, plan.context)).collect();
    if let Some(person) = seen_from(person, plan.context) {
        gate(&mut matte, person, &others);
    }
    let refined = match options.refine {
        Some(refine) => refine_foreground(crop, &matte, refine)?,
        None => crop.clone(),
    };
    feather(&mut matte, options.feather);
    let output = plan.output_in_context();
    let matte = crop_matte(&matte, output);
    let image = compose(&crop_photo(&refined, output), &matte)?;
    Ok(CutOut { image, matte, rect: plan.output })
}

/// The part of a photo's rectangle inside `frame`, in pixels of the frame.
fn seen_from(rect: Rect, frame: Rect) -> Option<Rect> {
    let side = |start: u32, length: u32, origin: u32, limit: u32| {
        let from = start.max(origin);
        let to = start.saturating_add(length).min(origin + limit);
        (from < to).then(|| (from - origin, to - from))
    };
    let (x, width) = side(rect.x, rect.width, frame.x, frame.width)?;
    let (y, height) = side(rect.y, rect.height, frame.y, frame.height)?;
    Some(Rect { x, y, width, height })
}
