//! Colour and alpha put together.

use super::matte::{Matte, level};
use crate::error::Error;
use image::{Rgb, RgbImage, Rgba, RgbaImage};

/// A picture with straight alpha (colours not multiplied by it). A pixel whose alpha is 0 carries
/// no colour: whoever drops the alpha channel does not see what was removed.
///
/// # Errors
/// [`Error::Size`] if colours and matte differ in size.
pub fn compose(colours: &RgbImage, matte: &Matte) -> Result<RgbaImage, Error> {
    if colours.dimensions() != matte.dimensions() {
        return Err(Error::Size {
            what: "the matte",
            expected: colours.dimensions(),
            found: matte.dimensions(),
        });
    }
    Ok(compose_part(colours, matte, (0, 0)))
}

/// As [`compose`], with the colours from this corner on: they need no copy of their own.
pub(crate) fn compose_part(colours: &RgbImage, matte: &Matte, (x, y): (u32, u32)) -> RgbaImage {
    let (width, height) = matte.dimensions();
    let mut out = RgbaImage::new(width, height);
    if width == 0 {
        return out;
    }
    let (x, y, width) = (x as usize, y as usize, width as usize);
    let rows = out.chunks_exact_mut(4 * width).zip(matte.chunks_exact(width)).enumerate();
    for (row, (out, matte)) in rows {
        let from = (y + row) * colours.width() as usize + x;
        let colours = colours.as_raw()[3 * from..][..3 * width].chunks_exact(3);
        for ((out, colour), &alpha) in out.chunks_exact_mut(4).zip(colours).zip(matte) {
            // All zeros until now.
            let alpha = level(alpha);
            if alpha > 0 {
                out[..3].copy_from_slice(colour);
                out[3] = alpha;
            }
        }
    }
    out
}

/// The cut-out on an opaque background, which is repeated if it is smaller.
///
/// # Errors
/// [`Error::EmptyImage`] if the background has no pixel.
pub fn flatten(cut_out: &RgbaImage, background: &RgbImage) -> Result<RgbImage, Error> {
    let (width, height) = background.dimensions();
    if width == 0 || height == 0 {
        return Err(Error::EmptyImage);
    }
    Ok(RgbImage::from_fn(cut_out.width(), cut_out.height(), |x, y| {
        let Rgba([red, green, blue, alpha]) = *cut_out.get_pixel(x, y);
        let below = background.get_pixel(x % width, y % height).0;
        let alpha = u32::from(alpha);
        let mix = |over: u8, under: u8| {
            ((u32::from(over) * alpha + u32::from(under) * (255 - alpha) + 127) / 255) as u8
        };
        Rgb([mix(red, below[0]), mix(green, below[1]), mix(blue, below[2])])
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    #[test]
    fn no_colour_under_alpha_zero() {
        let colours = RgbImage::from_pixel(4, 1, Rgb([10, 200, 30]));
        let matte = Matte::from_fn(4, 1, |x, _| Luma([[0.0, 0.4 / 255.0, 0.5, 1.0][x as usize]]));
        let picture = compose(&colours, &matte).unwrap();
        let pixels: Vec<_> = picture.pixels().map(|pixel| pixel.0).collect();
        assert_eq!(pixels, [[0; 4], [0; 4], [10, 200, 30, 128], [10, 200, 30, 255]]);
    }

    #[test]
    fn flattened_on_a_colour() {
        let mut cut_out = RgbaImage::from_pixel(3, 1, Rgba([0; 4]));
        cut_out.put_pixel(1, 0, Rgba([255, 0, 100, 255]));
        cut_out.put_pixel(2, 0, Rgba([255, 0, 100, 51]));
        let background = RgbImage::from_pixel(1, 1, Rgb([0, 255, 100]));
        let flat = flatten(&cut_out, &background).unwrap();
        let pixels: Vec<_> = flat.pixels().map(|pixel| pixel.0).collect();
        assert_eq!(pixels, [[0, 255, 100], [255, 0, 100], [51, 204, 100]]);
    }

    #[test]
    fn sizes_must_agree() {
        let error = compose(&RgbImage::new(3, 3), &Matte::new(3, 4)).unwrap_err();
        assert!(matches!(error, Error::Size { found: (3, 4), .. }));
    }
}
