//! Encoding pictures, and preparing them for D-ID.

use crate::Error;
use crate::catalogue::{Code, Warning};
use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::math::Rect;
use image::{
    ExtendedColorType, GrayImage, ImageBuffer, ImageEncoder, Pixel, Rgb, RgbImage, RgbaImage,
    imageops,
};
use portrait_d_id::{MAX_PICTURE_BYTES, MAX_PICTURE_PIXELS, MIN_PICTURE_SIDE};
use portrait_segmentation::flatten;
use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;

/// A cut-out as PNG, straight alpha.
///
/// # Errors
/// [`Error::Encode`].
pub fn encode_png(picture: &RgbaImage) -> Result<Bytes, Error> {
    encode_as_png(picture, ExtendedColorType::Rgba8)
}

/// A matte as PNG with 256 levels of grey.
///
/// # Errors
/// [`Error::Encode`].
pub fn encode_gray_png(matte: &GrayImage) -> Result<Bytes, Error> {
    encode_as_png(matte, ExtendedColorType::L8)
}

/// An opaque picture as PNG.
///
/// # Errors
/// [`Error::Encode`].
pub fn encode_rgb_png(picture: &RgbImage) -> Result<Bytes, Error> {
    encode_as_png(picture, ExtendedColorType::Rgb8)
}

fn encode_as_png<P: Pixel<Subpixel = u8>>(
    picture: &ImageBuffer<P, Vec<u8>>,
    colour: ExtendedColorType,
) -> Result<Bytes, Error> {
    let mut bytes = Vec::new();
    let encoder =
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive);
    encoder
        .write_image(picture.as_raw(), picture.width(), picture.height(), colour)
        .map_err(|error| Error::Encode(error.to_string()))?;
    Ok(bytes.into())
}

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

    /// Reads `white`, `black`, `grey`, `green`, `blue`, `red` or `#rrggbb`; two of them with a
    /// hyphen between are a gradient, as in `white-#a0c0ff`.
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
            expected: "white, black, grey, red, green, blue, #rrggbb, or two with a hyphen".into(),
        })
    }
}

fn colour(text: &str) -> Option<[u8; 3]> {
    match text {
        "white" => Some([255; 3]),
        "black" => Some([0; 3]),
        "grey" | "gray" => Some([128; 3]),
        "red" => Some([255, 0, 0]),
        "green" => Some([0, 255, 0]),
        "blue" => Some([0, 0, 255]),
        _ => {
            let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
            let digits = Some(digits).filter(|digits| !digits.starts_with('+'))?;
            let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
            Some([red, green, blue])
        }
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
        flatten(cut_out, &background).map_err(Error::Segmentation)
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

/// Background added above and beside a person, in parts of the cut-out's longer side: D-ID looks
/// for a face with room around it, and cut-outs end where the person does. Below there is none, so
/// that a bust does not float.
const MARGIN: f64 = 0.08;

/// The cut-out with room above and beside it.
fn with_margin(cut_out: &RgbaImage) -> RgbaImage {
    let (width, height) = cut_out.dimensions();
    let margin = (f64::from(width.max(height)) * MARGIN).round() as u32;
    let mut wider = RgbaImage::new(width + 2 * margin, height + margin);
    let (row, wider_row) = (4 * width as usize, 4 * (width + 2 * margin) as usize);
    let rows = wider.chunks_exact_mut(wider_row.max(1)).skip(margin as usize);
    for (to, from) in rows.zip(cut_out.chunks_exact(row.max(1))) {
        to[4 * margin as usize..][..row].copy_from_slice(from);
    }
    wider
}

/// A picture fit for D-ID: opaque, a JPEG within its limits.
#[derive(Debug, Clone)]
pub struct TalkPicture {
    /// A JPEG file.
    pub bytes: Bytes,
    /// Set when the picture had to be scaled.
    pub warning: Option<Warning>,
}

/// Flattens a cut-out, whole and with room around it, and brings it within D-ID's limits: sides of at least 160 pixels, at most
/// 10,485,760 pixels and 10 MB.
///
/// # Errors
/// [`Error::Encode`]; [`Error::Option`] for a picture so long and thin that no size fits.
pub fn talk_picture(cut_out: &RgbaImage, background: &Background) -> Result<TalkPicture, Error> {
    let picture = background.behind(&with_margin(cut_out))?;
    let (width, height) = picture.dimensions();
    let (to_w, to_h) = fitting(width, height)?;
    let mut warning = None;
    let picture = if (to_w, to_h) == (width, height) {
        picture
    } else {
        warning = Some(Warning {
            code: Code::PictureScaled,
            message: format!("scaled from {width} x {height} to {to_w} x {to_h} pixels for D-ID"),
            person_id: None,
        });
        imageops::resize(&picture, to_w, to_h, imageops::FilterType::CatmullRom)
    };
    for quality in [95, 85, 70, 50] {
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, quality)
            .encode_image(&picture)
            .map_err(|error| Error::Encode(error.to_string()))?;
        if bytes.len() <= MAX_PICTURE_BYTES {
            return Ok(TalkPicture { bytes: bytes.into(), warning });
        }
    }
    Err(Error::Encode("a JPEG of more than 10 MB at every quality".into()))
}

/// The size nearest to this one, of the same shape, that D-ID takes.
fn fitting(width: u32, height: u32) -> Result<(u32, u32), Error> {
    let pixels = f64::from(width) * f64::from(height);
    let grow = f64::from(MIN_PICTURE_SIDE) / f64::from(width.min(height).max(1));
    let shrink = (MAX_PICTURE_PIXELS as f64 / pixels.max(1.0)).sqrt();
    if grow > shrink {
        return Err(Error::Option {
            option: "picture",
            value: format!("{width} x {height}"),
            expected: "a picture that fits 160 pixels a side and 10,485,760 in all".into(),
        });
    }
    let scale = 1f64.max(grow).min(shrink);
    // Growing rounds up and shrinking down, so that both limits hold.
    let side = |side: u32| {
        let scaled = f64::from(side) * scale;
        (if scale > 1.0 { (scaled - 1e-6).ceil() } else { scaled.floor() }) as u32
    };
    Ok(if scale == 1.0 { (width, height) } else { (side(width), side(height)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgba;

    #[test]
    fn colours_by_name_and_number() {
        assert_eq!("#0a0B0c".parse::<Background>().unwrap(), Background::Colour([10, 11, 12]));
        assert_eq!("grey".parse::<Background>().unwrap(), Background::Colour([128; 3]));
        for wrong in ["", "#12345", "#1234567", "#12345g", "#+12345", "purple", "white-", "-"] {
            let error = wrong.parse::<Background>().unwrap_err();
            assert_eq!(error.code(), Code::InvalidOption, "{wrong}");
        }
    }

    #[test]
    fn a_png_comes_back_with_its_alpha() {
        let mut picture = RgbaImage::from_pixel(7, 5, Rgba([0; 4]));
        picture.put_pixel(3, 2, Rgba([10, 20, 30, 40]));
        let bytes = encode_png(&picture).unwrap();
        assert_eq!(image::load_from_memory(&bytes).unwrap().into_rgba8(), picture);
    }

    #[test]
    fn talk_pictures_keep_the_limits_and_the_whole_person() {
        for (width, height, scaled) in [
            (100, 400, false),
            (100, 130, true),
            (160, 160, false),
            (300, 200, false),
            (1, 4096, false),
        ] {
            // Marked at its corners.
            let mut cut_out = RgbaImage::from_pixel(width, height, Rgba([200, 10, 10, 255]));
            let side = (width.min(height) / 4).max(1);
            for (x, y) in
                [(0, 0), (width - side, 0), (0, height - side), (width - side, height - side)]
            {
                let blue = RgbaImage::from_pixel(side, side, Rgba([10, 10, 200, 255]));
                imageops::replace(&mut cut_out, &blue, i64::from(x), i64::from(y));
            }
            let picture = talk_picture(&cut_out, &Background::default()).unwrap();
            assert_eq!(picture.warning.is_some(), scaled, "{width}x{height}");
            assert!(picture.bytes.len() <= MAX_PICTURE_BYTES);
            let decoded = image::load_from_memory(&picture.bytes).unwrap().into_rgb8();
            assert!(decoded.width().min(decoded.height()) >= 160);
            assert!(u64::from(decoded.width()) * u64::from(decoded.height()) <= MAX_PICTURE_PIXELS);
            let margin = f64::from(width.max(height)) * MARGIN;
            let (whole_w, whole_h) = (f64::from(width) + 2.0 * margin, f64::from(height) + margin);
            let scale = f64::from(decoded.width()) / whole_w;
            assert!((scale - f64::from(decoded.height()) / whole_h).abs() < 0.01 * scale);
            if width < 100 {
                continue;
            }
            let at = |x: f64, y: f64| {
                let (x, y) = ((margin + x) * scale, (margin + y) * scale);
                decoded.get_pixel(x as u32, y as u32).0
            };
            let (w, h, half) = (f64::from(width), f64::from(height), f64::from(side) / 2.0);
            for (x, y) in [(half, half), (w - half, half), (half, h - half), (w - half, h - half)] {
                let [red, _, blue] = at(x, y);
                assert!(blue > 150 && red < 60, "{width}x{height}: corner at {x},{y}");
            }
            for (x, y) in
                [(w / 2.0, -margin / 2.0), (-margin / 2.0, h / 2.0), (w + margin / 2.0, h / 2.0)]
            {
                assert!(at(x, y).iter().all(|&channel| channel > 240), "{width}x{height}");
            }
        }
    }

    #[test]
    fn sizes_stay_within_the_limits() {
        for (width, height) in [(4096, 4096), (100, 9000), (3238, 3238), (3239, 3239)] {
            let (to_w, to_h) = fitting(width, height).unwrap();
            assert!(to_w.min(to_h) >= MIN_PICTURE_SIDE);
            assert!(u64::from(to_w) * u64::from(to_h) <= MAX_PICTURE_PIXELS);
            let ratio = |w: u32, h: u32| f64::from(w) / f64::from(h);
            assert!((ratio(to_w, to_h) / ratio(width, height) - 1.0).abs() < 0.01);
        }
        assert_eq!(fitting(3000, 3000).unwrap(), (3000, 3000));
        assert_eq!(fitting(1, 4096).unwrap_err().code(), Code::InvalidOption);
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
