//! Foreground colours at the edge, so that no fringe of the old background remains.

use super::box_filter::box_filter;
use super::matte::{Matte, level};
use crate::Error;
use image::RgbImage;
use rayon::prelude::*;

/// Keeps the divisions away from zero, as in the reference.
const EPS: f32 = 1e-5;

/// The windows of the two passes in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    let width = photo.width() as usize;
    let alpha = matte.as_raw();
    let means =
        [options.coarse, options.fine].map(|size| (size as usize, mean(alpha, width, size)));
    let mut refined = photo.clone();
    for channel in 0..3 {
        let plane: Vec<f32> =
            photo.as_raw()[channel..].iter().step_by(3).map(|&v| f32::from(v) / 255.0).collect();
        let mut foreground = plane.clone();
        let mut background = plane.clone();
        for (size, mean_alpha) in &means {
            let layers = Layers { image: &plane, alpha, mean_alpha, width, size: *size };
            (foreground, background) = layers.fuse(&foreground, &background);
        }
        let values = refined.as_mut().iter_mut().skip(channel).step_by(3);
        values.zip(&foreground).for_each(|(value, &colour)| *value = level(colour));
    }
    Ok(refined)
}

fn mean(plane: &[f32], width: usize, size: u32) -> Vec<f32> {
    box_filter(plane, width, size as usize)
}

/// One channel of one pass.
struct Layers<'a> {
    image: &'a [f32],
    alpha: &'a [f32],
    mean_alpha: &'a [f32],
    width: usize,
    size: usize,
}

impl Layers<'_> {
    /// The estimate of the foreground, and the mean of the background.
    fn fuse(&self, foreground: &[f32], background: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let weighted = |plane: &[f32], weight: fn(f32) -> f32| -> Vec<f32> {
            let pairs = plane.par_iter().zip(self.alpha);
            box_filter(
                &pairs.map(|(&value, &alpha)| value * weight(alpha)).collect::<Vec<_>>(),
                self.width,
                self.size,
            )
        };
        let mut fused = weighted(foreground, |alpha| alpha);
        let mut behind = weighted(background, |alpha| 1.0 - alpha);
        fused
            .par_iter_mut()
            .zip(&mut behind)
            .zip(self.mean_alpha)
            .zip(self.image.par_iter().zip(self.alpha))
            .for_each(|(((fused, behind), &mean_alpha), (&image, &alpha))| {
                let mean = *fused / (mean_alpha + EPS);
                *behind /= 1.0 - mean_alpha + EPS;
                let residual = image - alpha * mean - (1.0 - alpha) * *behind;
                *fused = (mean + alpha * residual).clamp(0.0, 1.0);
            });
        (fused, behind)
    }
}
