//! Colour and alpha put together.

use super::matte::{Matte, level};
use crate::Error;
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
    Ok(RgbaImage::from_fn(colours.width(), colours.height(), |x, y| {
        let Rgb([red, green, blue]) = *colours.get_pixel(x, y);
        match level(matte.get_pixel(x, y).0[0]) {
            0 => Rgba([0; 4]),
            alpha => Rgba([red, green, blue, alpha]),
        }
    }))
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
