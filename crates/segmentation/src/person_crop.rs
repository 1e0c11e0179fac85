//! What goes before the network.

use crate::cut_out::{CutOutOptions, crop_photo};
use crate::error::Error;
use crate::matting::{CropPlan, crop_plan};
use crate::preprocess::stretch;
use image::RgbImage;
use image::math::Rect;
use std::sync::Arc;

/// A person with context as cut from a photo, the network's input made of it, and what is asked
/// for.
#[derive(Debug, Clone)]
pub struct PersonCrop {
    /// The photo inside `plan.context`.
    pub(crate) photo: Arc<RgbImage>,
    /// That, stretched to the network's input.
    pub(crate) input: RgbImage,
    pub(crate) plan: CropPlan,
    /// In pixels of the whole photo, as the others.
    pub(crate) person: Rect,
    pub(crate) others: Vec<Rect>,
    pub(crate) options: CutOutOptions,
}

impl PersonCrop {
    /// Cuts out and stretches; needs no device. `person` and `others` (the other persons' boxes,
    /// which keep them out) are in photo pixels, `input_size` is
    /// [`Segmenter::input_size`](crate::Segmenter::input_size).
    ///
    /// # Errors
    /// [`Error::BoxOutside`] if the box has no pixel in the photo, [`Error::Option`] for an option
    /// out of range, [`Error::EmptyImage`] for an input without pixels.
    pub fn new(
        photo: &RgbImage,
        person: Rect,
        others: &[Rect],
        options: &CutOutOptions,
        input_size: [u32; 2],
    ) -> Result<Self, Error> {
        options.check()?;
        let plan = crop_plan(photo.dimensions(), person, options.padding)
            .ok_or(Error::BoxOutside { photo: photo.dimensions() })?;
        let photo = Arc::new(crop_photo(photo, plan.context));
        Self::made(photo, plan, person, others.to_vec(), options, input_size)
    }

    /// The whole picture, of which the background is to be removed: stretched to the network's
    /// input, as the model's authors do it. There is no box: whatever the network takes for
    /// foreground stays, and the padding does not count. The picture is not copied where an `Arc`
    /// of it is given.
    ///
    /// # Errors
    /// [`Error::EmptyImage`] for a picture or an input without pixels, [`Error::Option`] for an
    /// option out of range.
    pub fn whole(
        picture: impl Into<Arc<RgbImage>>,
        options: &CutOutOptions,
        input_size: [u32; 2],
    ) -> Result<Self, Error> {
        options.check()?;
        let picture = picture.into();
        let (width, height) = picture.dimensions();
        let all = Rect { x: 0, y: 0, width, height };
        let plan = CropPlan { context: all, output: all };
        Self::made(picture, plan, all, Vec::new(), options, input_size)
    }

    fn made(
        photo: Arc<RgbImage>,
        plan: CropPlan,
        person: Rect,
        others: Vec<Rect>,
        options: &CutOutOptions,
        [width, height]: [u32; 2],
    ) -> Result<Self, Error> {
        let input = stretch(&photo, width, height)?;
        Ok(Self { photo, input, plan, person, others, options: *options })
    }
}
