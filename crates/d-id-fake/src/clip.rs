//! The videos that finished talks yield.

use std::io::Cursor;

use bytes::Bytes;
use image::ImageReader;
use image::imageops::FilterType;

use crate::h264::Still;
use crate::mp4;

/// A prepared video: 2 s of 256 × 256 H.264 with silent AAC in an MP4 file. It is what talks of
/// pictures from elsewhere yield. How it was made stands beside it, in `assets/README.md`.
pub const TALK_MP4: &[u8] = include_bytes!("../assets/talk.mp4");

/// The longer side of a video; D-ID's are 512 × 512 where faces are not put back ("stitched").
const LONGEST: u32 = 512;
/// Longer talks are cut: a stand-in's videos need not fill the disk.
const MAX_SECONDS: f64 = 60.0;

/// A video that shows the picture as long as the talk lasts, silent; `None` for what cannot be
/// decoded.
pub(crate) fn showing(picture: &[u8], seconds: f64) -> Option<Bytes> {
    let reader = ImageReader::new(Cursor::new(picture)).with_guessed_format().ok()?;
    let picture = reader.decode().ok()?;
    let scale = f64::from(LONGEST) / f64::from(picture.width().max(picture.height()));
    // Even sides, as 4:2:0 needs.
    let side = |side: u32| ((f64::from(side) * scale / 2.0).round() as u32).max(8) * 2;
    let (width, height) = (side(picture.width()), side(picture.height()));
    let picture = picture.resize_exact(width, height, FilterType::Triangle).into_rgb8();
    Some(mp4::file(&Still::of(&picture), seconds.min(MAX_SECONDS)).into())
}
