//! Photos that are transparent in places.

use image::{DynamicImage, GrayImage};
use std::iter;

/// The picture without its alpha, which is returned alone; `None` where all is opaque.
pub(super) fn split(picture: DynamicImage) -> (DynamicImage, Option<GrayImage>) {
    if !picture.color().has_alpha() {
        return (picture, None);
    }
    let (width, height) = (picture.width(), picture.height());
    let (colours, alpha) = if picture.color().has_color() {
        let (pixels, alpha) = parts::<3, 4>(picture.into_rgba8().into_raw());
        (image::RgbImage::from_raw(width, height, pixels).map(DynamicImage::from), alpha)
    } else {
        let (pixels, alpha) = parts::<1, 2>(picture.into_luma_alpha8().into_raw());
        (GrayImage::from_raw(width, height, pixels).map(DynamicImage::from), alpha)
    };
    let alpha = alpha.and_then(|alpha| GrayImage::from_raw(width, height, alpha));
    (colours.unwrap_or_default(), alpha)
}

/// Colours and alpha of pixels, each on its own.
fn parts<const COLOURS: usize, const ALL: usize>(
    mut pixels: Vec<u8>,
) -> (Vec<u8>, Option<Vec<u8>>) {
    let alpha: Vec<u8> = pixels.as_chunks::<ALL>().0.iter().map(|pixel| pixel[COLOURS]).collect();
    let count = alpha.len();
    for at in 0..count {
        pixels.copy_within(at * ALL..at * ALL + COLOURS, at * COLOURS);
    }
    pixels.truncate(count * COLOURS);
    let is_opaque = alpha.iter().all(|&alpha| alpha == 255);
    (pixels, (!is_opaque).then_some(alpha))
}

/// Lays colours on white, as far as they are opaque.
pub(super) fn on_white(colours: &mut [u8], alpha: &GrayImage) {
    let (pixels, _) = colours.as_chunks_mut::<3>();
    for (pixel, &alpha) in iter::zip(pixels, alpha.as_raw()) {
        if alpha == 255 {
            continue;
        }
        let alpha = u32::from(alpha);
        for value in pixel {
            *value = ((u32::from(*value) * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        }
    }
}
