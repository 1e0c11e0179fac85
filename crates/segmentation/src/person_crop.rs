//! What goes before the network.

use crate::Error;
use crate::cut_out::{CutOutOptions, crop_photo};
use crate::matting::{CropPlan, crop_plan};
use crate::preprocess::stretch;
use image::RgbImage;
use image::math::Rect;

/// A person with context as cut from a photo, the network's input made of it, and what is asked for.
#[derive(Debug, Clone)]
pub struct PersonCrop {
    /// The photo inside `plan.context`.
    pub(crate) photo: RgbImage,
    /// That, stretched to the network's input.
    pub(crate) input: RgbImage,
    pub(crate) plan: CropPlan,
    /// In pixels of the whole photo, as the others.
    pub(crate) person: Rect,
    pub(crate) others: Vec<Rect>,
    pub(crate) options: CutOutOptions,
}

impl PersonCrop {
    /// Cuts out and stretches; needs no device. `person` and `others` (the other persons' boxes, which
    /// keep them out) are in photo pixels, `input` is [`Segmenter::input`](crate::Segmenter::input).
    ///
    /// # Errors
    /// [`Error::BoxOutside`] if the box has no pixel in the photo, [`Error::Option`] for an option
    /// out of range, [`Error::EmptyImage`] for an input without pixels.
    pub fn new(
        photo: &RgbImage,
        person: Rect,
        others: &[Rect],
        options: &CutOutOptions,
        [width, height]: [u32; 2],
    ) -> Result<Self, Error> {
        options.validate()?;
        let plan = crop_plan(photo.dimensions(), person, options.padding)
            .ok_or(Error::BoxOutside { photo: photo.dimensions() })?;
        let photo = crop_photo(photo, plan.context);
        let input = stretch(&photo, width, height)?;
        Ok(Self { photo, input, plan, person, others: others.to_vec(), options: *options })
    }
}
