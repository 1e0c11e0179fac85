//! What a cut-out is, how it is asked for, and its making on processor cores.

use crate::error::Error;
use crate::matting::{
    CropPlan, Matte, RefineOptions, compose_part, crop_matte, feather, gate, refine_foreground,
};
use image::math::Rect;
use image::{GenericImageView, RgbImage, RgbaImage};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How a person is cut out.
///
/// Their JSON is stable, because it becomes part of what identifies a result: all fields below, in
/// this order. A field that a later version adds is left out where it has its default, so that the
/// same wish has the same JSON for good. A field that is missing when it is read has its default;
/// an unknown one is an error. Reading checks no ranges: [`check`](Self::check) does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
    pub fn check(&self) -> Result<(), Error> {
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

/// A person, or the foreground of a whole picture, on a transparent background.
///
/// Eight bytes for each pixel: share it by an `Arc` rather than clone it.
#[derive(Debug, Clone)]
pub struct CutOut {
    /// Straight alpha; no colour where alpha is 0.
    pub image: RgbaImage,
    /// The alpha of `image` in full precision; the very levels of `image` where it was made on a
    /// card.
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
    if crop.dimensions() != matte.dimensions() {
        let (expected, found) = (crop.dimensions(), matte.dimensions());
        return Err(Error::Size { what: "the matte", expected, found });
    }
    if let Some((person, others)) = seen_from(plan.context, person, others) {
        gate(&mut matte, person, &others);
    }
    let colours = match options.refine {
        Some(refine) => Cow::Owned(refine_foreground(crop, &matte, refine)?),
        None => Cow::Borrowed(crop),
    };
    feather(&mut matte, options.feather);
    let output = plan.output_in_context();
    if matte.dimensions() != (output.width, output.height) {
        matte = crop_matte(&matte, output);
    }
    let image = compose_part(&colours, &matte, (output.x, output.y));
    Ok(CutOut { image, matte, rect: plan.output })
}

/// The parts of the person's box and the others' inside a rectangle of the photo, in its pixels;
/// `None` where the person has none.
pub(crate) fn seen_from(frame: Rect, person: Rect, others: &[Rect]) -> Option<(Rect, Vec<Rect>)> {
    let others = others.iter().filter_map(|&other| part_of(frame, other)).collect();
    part_of(frame, person).map(|person| (person, others))
}

fn part_of(frame: Rect, rect: Rect) -> Option<Rect> {
    let side = |start: u32, length: u32, origin: u32, limit: u32| {
        let from = start.max(origin);
        let to = start.saturating_add(length).min(origin + limit);
        (from < to).then(|| (from - origin, to - from))
    };
    let (x, width) = side(rect.x, rect.width, frame.x, frame.width)?;
    let (y, height) = side(rect.y, rect.height, frame.y, frame.height)?;
    Some(Rect { x, y, width, height })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_stable_and_read_back() {
        let options = CutOutOptions::default();
        let text = serde_json::to_string(&options).unwrap();
        assert_eq!(text, r#"{"padding":20,"feather":0,"refine":{"coarse":90,"fine":6}}"#);
        let read = |text: &str| serde_json::from_str::<CutOutOptions>(text);
        assert_eq!(read(&text).unwrap(), options);
        let other = CutOutOptions { padding: 3, feather: 7, refine: None };
        let text = serde_json::to_string(&other).unwrap();
        assert_eq!(text, r#"{"padding":3,"feather":7,"refine":null}"#);
        assert_eq!(read(&text).unwrap(), other);
        assert_eq!(read("{}").unwrap(), options);
        assert!(read(r#"{"fether":5}"#).unwrap_err().to_string().contains("fether"));
    }
}
