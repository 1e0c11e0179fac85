//! Foreground colours at the edge, so that no fringe of the old background remains.

use super::fusion::Fusion;
use super::matte::Matte;
use crate::error::Error;
use image::RgbImage;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Of a band that a thread works on.
const LEAST_ROWS: usize = 96;

/// The windows of the two passes in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefineOptions {
    /// Side of the first pass's window, which finds colours from afar.
    pub coarse: u32,
    /// Side of the second pass's window, which follows detail.
    pub fine: u32,
}

impl Default for RefineOptions {
    /// 90 and 6, as in BiRefNet's `refine_foreground`.
    fn default() -> Self {
        Self { coarse: 90, fine: 6 }
    }
}

/// Estimates the colour of the foreground at every pixel.
///
/// Two passes of blur fusion (Forte, "Approximate Fast Foreground Colour Estimation", 2021), equal
/// to the CPU path of BiRefNet's `refine_foreground` (with `f32` arithmetic): means of foreground
/// and background weighted by the matte, then the residual of the compositing equation is added.
/// Where alpha is 1, the photo's colour stays.
///
/// # Errors
/// [`Error::Size`] if photo and matte differ in size.
pub fn refine_foreground(
    photo: &RgbImage,
    matte: &Matte,
    options: RefineOptions,
) -> Result<RgbImage, Error> {
    if photo.dimensions() != matte.dimensions() {
        return Err(Error::Size {
            what: "the matte",
            expected: photo.dimensions(),
            found: matte.dimensions(),
        });
    }
    let (width, height) = (photo.width() as usize, photo.height() as usize);
    let RefineOptions { coarse, fine } = options;
    let fusion = Fusion {
        photo: photo.as_raw(),
        alpha: matte.as_raw(),
        width,
        height,
        coarse: coarse.max(1) as usize,
        fine: fine.max(1) as usize,
    };
    let mut refined = RgbImage::new(photo.width(), photo.height());
    // Each band sums up a window before its first row: few bands, yet more than threads.
    let band = height.div_ceil(2 * rayon::current_num_threads()).max(LEAST_ROWS);
    let bands = refined.par_chunks_mut(3 * (band * width).max(1)).enumerate();
    let arch = Arch::new();
    bands.for_each(|(index, out)| arch.dispatch(Band { fusion, first: index * band, out }));
    Ok(refined)
}

/// Some rows, for the vector instructions of this processor.
struct Band<'a> {
    fusion: Fusion<'a>,
    first: usize,
    out: &'a mut [u8],
}

impl WithSimd for Band<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.fusion.rows(self.first, self.out);
    }
}
