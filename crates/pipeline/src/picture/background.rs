//! What stands behind a person.

use super::colour_names::named;
use crate::error::Error;
use image::math::Rect;
use image::{Rgb, RgbImage, RgbaImage, imageops};
use portrait_segmentation::flatten;
use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;

/// What an opaque picture of a cut-out shows behind the person.
#[derive(Debug, Clone, PartialEq)]
pub enum Background {
    /// One colour: red, green, blue.
    Colour([u8; 3]),
    /// From one colour at the top to another at the bottom.
    Gradient {
        /// Red, green, blue of the first row.
        top: [u8; 3],
        /// Red, green, blue of the last row.
        bottom: [u8; 3],
    },
    /// A picture, scaled to cover and cut at the centre.
    Picture(Arc<RgbImage>),
}

impl Default for Background {
    /// White.
    fn default() -> Self {
        Self::Colour([255; 3])
    }
}

impl FromStr for Background {
    type Err = Error;

    /// Reads a name that CSS has for a colour, `#rrggbb` or `#rgb`, all in any case; two of them
    /// with a hyphen between are a gradient, as in `white-#a0c0ff`. `green` is `#00ff00`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let read = match text.split_once('-') {
            None => colour(text).map(Self::Colour),
            Some((top, bottom)) => {
                colour(top).zip(colour(bottom)).map(|(top, bottom)| Self::Gradient { top, bottom })
            }
        };
        read.ok_or_else(|| Error::Option {
            option: "background",
            value: text.to_owned(),
            expected: "a colour's name in CSS, #rrggbb, #rgb, or two with a hyphen between".into(),
        })
    }
}

/// A name of CSS, `#rrggbb` or `#rgb`.
fn colour(text: &str) -> Option<[u8; 3]> {
    let Some(digits) = text.strip_prefix('#') else { return named(text) };
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let number = u32::from_str_radix(digits, 16).ok()?;
    match digits.len() {
        6 => Some([(number >> 16) as u8, (number >> 8) as u8, number as u8]),
        // Each digit stands for itself twice.
        3 => Some([8, 4, 0].map(|shift| ((number >> shift) & 0xf) as u8 * 0x11)),
        _ => None,
    }
}

impl Background {
    /// What tells this background from others.
    pub(crate) fn words(&self) -> Vec<Cow<'_, [u8]>> {
        fn word(bytes: &[u8]) -> Cow<'_, [u8]> {
            Cow::Borrowed(bytes)
        }
        match self {
            Self::Colour(colour) => vec![word(b"colour"), word(colour)],
            Self::Gradient { top, bottom } => vec![word(b"gradient"), word(top), word(bottom)],
            Self::Picture(picture) => vec![
                word(b"picture"),
                Cow::Owned(picture.width().to_be_bytes().to_vec()),
                word(picture.as_raw()),
            ],
        }
    }

    /// The cut-out on this background, opaque.
    pub fn behind(&self, cut_out: &RgbaImage) -> Result<RgbImage, Error> {
        let background = match self {
            Self::Colour(colour) => RgbImage::from_pixel(1, 1, Rgb(*colour)),
            Self::Gradient { top, bottom } => {
                let (width, height) = cut_out.dimensions();
                let last = height.saturating_sub(1).max(1) as f32;
                RgbImage::from_fn(width, height, |_, y| {
                    let part = y as f32 / last;
                    let mix = |channel: usize| {
                        let (from, to) = (f32::from(top[channel]), f32::from(bottom[channel]));
                        (from + (to - from) * part).round() as u8
                    };
                    Rgb([mix(0), mix(1), mix(2)])
                })
            }
            Self::Picture(picture) => cover(picture, cut_out.dimensions()),
        };
        Ok(flatten(cut_out, &background)?)
    }
}

/// Cuts the middle out of a picture, as much as has the shape of `size`, and scales it to `size`.
fn cover(picture: &RgbImage, (width, height): (u32, u32)) -> RgbImage {
    let middle = middle(picture.dimensions(), (width, height));
    let middle = imageops::crop_imm(picture, middle.x, middle.y, middle.width, middle.height);
    // What is scaled is no larger than what is cut out, however long and thin the picture is.
    imageops::resize(&*middle, width, height, imageops::FilterType::Triangle)
}

/// The largest rectangle of the shape of `size` in the middle of a picture, of a pixel at least.
fn middle((from_w, from_h): (u32, u32), (width, height): (u32, u32)) -> Rect {
    let scale = (f64::from(width) / f64::from(from_w)).max(f64::from(height) / f64::from(from_h));
    let side = |to: u32, from: u32| ((f64::from(to) / scale).round() as u32).clamp(1, from.max(1));
    let (cut_w, cut_h) = (side(width, from_w), side(height, from_h));
    Rect { x: (from_w - cut_w) / 2, y: (from_h - cut_h) / 2, width: cut_w, height: cut_h }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn colours_by_name_and_number() {
        assert_eq!("#0a0B0c".parse::<Background>().unwrap(), Background::Colour([10, 11, 12]));
        assert_eq!("grey".parse::<Background>().unwrap(), Background::Colour([128; 3]));
        for (text, colour) in [
            ("#fff", [255; 3]),
            ("#a1C", [0xaa, 0x11, 0xcc]),
            ("WHITE", [255; 3]),
            ("Purple", [128, 0, 128]),
            ("green", [0, 255, 0]),
            ("tomato", [0xff, 0x63, 0x47]),
        ] {
            assert_eq!(text.parse::<Background>().unwrap(), Background::Colour(colour), "{text}");
        }
        for wrong in [
            "", "#", "#12", "#1234", "#+12", "#é", "#12345", "#1234567", "#12345g", "#+12345",
            "purpel", "white-", "-",
        ] {
            let error = wrong.parse::<Background>().unwrap_err();
            assert_eq!(error.code(), Code::InvalidOption, "{wrong}");
        }
    }

    #[test]
    fn a_gradient_runs_from_top_to_bottom() {
        let background: Background = "white-#204060".parse().unwrap();
        let wanted = Background::Gradient { top: [255; 3], bottom: [0x20, 0x40, 0x60] };
        assert_eq!(background, wanted);
        let flat = background.behind(&RgbaImage::new(3, 101)).unwrap();
        assert_eq!(flat.get_pixel(1, 0).0, [255; 3]);
        assert_eq!(flat.get_pixel(2, 100).0, [0x20, 0x40, 0x60]);
        assert_eq!(flat.get_pixel(0, 50).0, [144, 160, 176]);
        assert!(background.behind(&RgbaImage::new(5, 1)).is_ok());
    }

    #[test]
    fn a_long_thin_picture_is_cut_before_it_is_scaled() {
        let size = (4096, 4096);
        let rect = |x, y, width, height| Rect { x, y, width, height };
        assert_eq!(middle((4096, 128), size), rect(1984, 0, 128, 128));
        assert_eq!(middle((128, 4096), size), rect(0, 1984, 128, 128));
        assert_eq!(middle((40, 10), (20, 20)), rect(15, 0, 10, 10));
        assert_eq!(middle((30, 20), (30, 20)), rect(0, 0, 30, 20));
        assert_eq!(middle((4096, 1), (1, 4096)), rect(2047, 0, 1, 1));
        let long = RgbImage::from_pixel(4096, 128, Rgb([9, 90, 190]));
        let flat = Background::Picture(Arc::new(long)).behind(&RgbaImage::new(64, 1024)).unwrap();
        assert_eq!((flat.dimensions(), flat.get_pixel(63, 1023).0), ((64, 1024), [9, 90, 190]));
    }

    #[test]
    fn a_picture_covers_the_background() {
        let stripes = RgbImage::from_fn(40, 10, |x, _| Rgb([if x < 20 { 0 } else { 255 }; 3]));
        let background = Background::Picture(Arc::new(stripes));
        let flat = background.behind(&RgbaImage::new(20, 20)).unwrap();
        assert_eq!(flat.dimensions(), (20, 20));
        assert!(flat.get_pixel(1, 10).0[0] < 30 && flat.get_pixel(18, 10).0[0] > 225);
    }
}
