//! A picture that D-ID takes.

use super::background::Background;
use super::encode::encode_jpeg;
use crate::error::{Code, Error, Warning};
use bytes::Bytes;
use image::{RgbaImage, imageops};
use portrait_d_id::{MAX_PICTURE_BYTES, MAX_PICTURE_PIXELS, MIN_PICTURE_SIDE};

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
        let bytes = encode_jpeg(&picture, quality)?;
        if bytes.len() <= MAX_PICTURE_BYTES {
            return Ok(TalkPicture { bytes, warning });
        }
    }
    let source = std::io::Error::other("a JPEG of more than 10 MB at every quality");
    Err(Error::encode("the picture for D-ID", source))
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
}
