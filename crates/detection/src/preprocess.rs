//! From a photo to the network's input, and boxes back to the photo.

use crate::bbox::BoundingBox;
use crate::error::{Error, Result};
use crate::options::LetterboxMode;
use crate::resize::resize_linear;
use candle_core::{DType, Device, Tensor};
use image::{GenericImage, Rgb, RgbImage};
use portrait_kernels::normalise;
use std::borrow::Borrow;

/// The grey of the padding.
const PADDING: u8 = 114;
/// Sides of the network's input are multiples of this.
const STRIDE: u32 = 32;

/// How a photo lies in the network's input: resized with its proportions kept, and padded.
///
/// The numbers are those of Ultralytics' `LetterBox` with its defaults (small photos are
/// enlarged, the photo lies in the middle).
///
/// ```
/// use portrait_detection::{Letterbox, LetterboxMode};
///
/// let letterbox = Letterbox::new((810, 1080), 640, LetterboxMode::Rect)?;
/// assert_eq!((letterbox.resized, letterbox.input), ((480, 640), (480, 640)));
///
/// let letterbox = Letterbox::new((810, 1080), 640, LetterboxMode::Square)?;
/// assert_eq!((letterbox.input, letterbox.offset), ((640, 640), (80, 0)));
/// # Ok::<(), portrait_detection::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Letterbox {
    /// Width and height of the photo in pixels.
    pub photo: (u32, u32),
    /// New pixels for each old one.
    pub ratio: f64,
    /// Width and height of the resized photo.
    pub resized: (u32, u32),
    /// Columns of padding left of it, and rows above it.
    pub offset: (u32, u32),
    /// Width and height of the whole input, multiples of 32.
    pub input: (u32, u32),
}

impl Letterbox {
    /// Fits a photo of `photo = (width, height)` pixels into `image_size` pixels a side, rounded
    /// up to a multiple of 32.
    ///
    /// # Errors
    /// [`Error::EmptyPhoto`] for a photo without pixels, [`Error::InvalidOption`] for a size of 0.
    pub fn new(photo: (u32, u32), image_size: u32, mode: LetterboxMode) -> Result<Self> {
        let (width, height) = photo;
        if width == 0 || height == 0 {
            return Err(Error::EmptyPhoto { width, height });
        }
        let side = image_size.checked_next_multiple_of(STRIDE).filter(|&side| side > 0);
        let Some(side) = side else {
            return Err(Error::InvalidOption {
                option: "image_size",
                value: image_size.to_string(),
                expected: "at least 1 pixel".into(),
            });
        };
        let ratio = (f64::from(side) / f64::from(height)).min(f64::from(side) / f64::from(width));
        let resized = (scaled(width, ratio), scaled(height, ratio));
        let place = |length: u32| {
            let free = match mode {
                LetterboxMode::Rect => (side - length) % STRIDE,
                LetterboxMode::Square => side - length,
            };
            // An odd pixel goes to the right or bottom.
            (free / 2, length + free)
        };
        let (left, input_width) = place(resized.0);
        let (top, input_height) = place(resized.1);
        Ok(Self { photo, ratio, resized, offset: (left, top), input: (input_width, input_height) })
    }

    /// Draws a photo of the size this letterbox was made for.
    pub fn apply(&self, photo: &RgbImage) -> RgbImage {
        debug_assert_eq!(photo.dimensions(), self.photo);
        let resized = resize_linear(photo, self.resized.0, self.resized.1);
        if self.resized == self.input {
            return resized;
        }
        let (width, height) = self.input;
        let mut input = RgbImage::from_pixel(width, height, Rgb([PADDING; 3]));
        // It fits by construction: offset + resized is at most the input.
        let fits = input.copy_from(&resized, self.offset.0, self.offset.1);
        debug_assert!(fits.is_ok());
        input
    }

    /// A box in pixels of the input, in pixels of the photo and clipped to it.
    ///
    /// As Ultralytics' `scale_boxes`: it is not told the letterbox but works it out again from the
    /// sizes of photo and input. That gives the same numbers, except when the padding of a
    /// rectangular letterbox happens to be 0 on a side that was rounded down; boxes may then be a
    /// pixel off, here as there.
    pub fn to_photo(&self, bbox: BoundingBox) -> BoundingBox {
        let sides = [(self.photo.0, self.input.0), (self.photo.1, self.input.1)];
        let ratio = sides.map(|(photo, input)| f64::from(input) / f64::from(photo));
        let ratio = ratio[0].min(ratio[1]);
        let [back_x, back_y] = sides.map(|(photo, input)| {
            let resized = scaled(photo, ratio);
            let offset = (input.saturating_sub(resized) / 2) as f32;
            let gain = (f64::from(resized) / f64::from(photo)) as f32;
            move |coordinate: f32| ((coordinate - offset) / gain).clamp(0.0, photo as f32)
        });
        BoundingBox {
            x1: back_x(bbox.x1),
            y1: back_y(bbox.y1),
            x2: back_x(bbox.x2),
            y2: back_y(bbox.y2),
        }
    }
}

/// Python's `round`, and never less than a pixel.
fn scaled(length: u32, ratio: f64) -> u32 {
    ((f64::from(length) * ratio).round_ties_even() as u32).max(1)
}

/// Pictures of one size as the network's input: `(pictures, 3, height, width)`, from 0 to 1, on a
/// device and in the type of its network. Bytes go to the device.
///
/// # Errors
/// [`Error::EmptyPhoto`] where there is no picture or no pixel, [`Error::InvalidInput`] where the
/// sizes differ, [`Error::Run`] where the device fails.
pub fn to_tensor(
    pictures: &[impl Borrow<RgbImage>],
    device: &Device,
    dtype: DType,
) -> Result<Tensor> {
    let pictures: Vec<&RgbImage> = pictures.iter().map(Borrow::borrow).collect();
    let (width, height) = pictures.first().map_or((0, 0), |picture| picture.dimensions());
    if width == 0 || height == 0 {
        return Err(Error::EmptyPhoto { width, height });
    }
    if let Some(picture) = pictures.iter().find(|other| other.dimensions() != (width, height)) {
        let (width, height) = picture.dimensions();
        return Err(Error::InvalidInput { shape: vec![1, 3, height as usize, width as usize] });
    }
    let shape = (pictures.len(), height as usize, width as usize, 3);
    let run = || {
        let pixels = match pictures[..] {
            [picture] => Tensor::from_slice(picture.as_raw(), shape, device)?,
            _ => {
                let pixels = pictures.iter().flat_map(|picture| picture.as_raw().iter().copied());
                Tensor::from_vec(pixels.collect(), shape, device)?
            }
        };
        // The network takes channels first, and has them last again without moving anything.
        normalise(&pixels, [0.0; 3], [1.0; 3], dtype)?.permute((0, 3, 1, 2))
    };
    run().map_err(Error::Run)
}
