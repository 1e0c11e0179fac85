//! From the bytes of a file to upright RGB pixels.

use super::alpha;
use super::colour;
use super::error::PhotoError;
use super::formats;
use super::jpeg::{Decoder, JpegError};
use super::jpeg_metadata;
use super::limits::PhotoLimits;
use super::metadata::Metadata;
use super::pixels::Pixels;
use super::{png, webp};
use image::RgbImage;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use std::io::Cursor;

/// What a file shows, upright.
#[derive(Debug)]
pub(super) struct Decoded {
    /// The colours in sRGB; on white, where the file is not opaque.
    pub(super) image: RgbImage,
    /// How opaque the pixels are; `None` where all are.
    pub(super) alpha: Option<GrayImage>,
}

/// Pixels as a file has them.
struct Stored {
    width: u32,
    height: u32,
    pixels: Pixels,
    alpha: Option<GrayImage>,
    metadata: Metadata,
}

/// Decodes a file after its size, its format and its measures were checked.
pub(super) fn decode(bytes: &[u8], limits: &PhotoLimits) -> Result<Decoded, PhotoError> {
    if bytes.is_empty() {
        return Err(PhotoError::Empty);
    }
    if bytes.len() > limits.max_bytes {
        return Err(PhotoError::TooManyBytes { found: bytes.len(), limit: limits.max_bytes });
    }
    let stored = match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => jpeg(bytes, limits)?,
        Ok(ImageFormat::Png) => {
            let file = png::open(bytes)?;
            let damaged = || png::what_is_wrong(bytes);
            by_image(file.pixels, ImageFormat::Png, file.metadata, limits, &damaged)?
        }
        Ok(ImageFormat::WebP) => {
            let damaged = || "the WebP file is damaged or cut off";
            by_image(bytes, ImageFormat::WebP, webp::metadata(bytes), limits, &damaged)?
        }
        _ => return Err(formats::other(bytes)),
    };
    let Stored { width, height, pixels, mut alpha, metadata } = stored;
    let orientation = metadata.orientation();
    let mut picture = match colour::to_srgb(pixels, metadata.colours.as_ref()) {
        Pixels::Grey(grey) => {
            let grey = GrayImage::from_raw(width, height, grey);
            grey.map(|grey| DynamicImage::from(grey).into_rgb8())
        }
        Pixels::Rgb(rgb) | Pixels::InvertedCmyk(rgb) => RgbImage::from_raw(width, height, rgb),
    }
    .ok_or_else(|| PhotoError::Damaged("it has not as many pixels as it says".into()))?;
    if let Some(alpha) = &alpha {
        alpha::on_white(&mut picture, alpha);
    }
    let mut upright = DynamicImage::from(picture);
    upright.apply_orientation(orientation);
    alpha = alpha.map(|alpha| {
        let mut upright = DynamicImage::from(alpha);
        upright.apply_orientation(orientation);
        upright.into_luma8()
    });
    Ok(Decoded { image: upright.into_rgb8(), alpha })
}

fn jpeg(bytes: &[u8], limits: &PhotoLimits) -> Result<Stored, PhotoError> {
    let failed = |error| match error {
        JpegError::CutOff => PhotoError::Damaged("the JPEG file is cut off before its end".into()),
        JpegError::Damaged(what) => {
            PhotoError::Damaged(format!("the JPEG file is damaged: {what}"))
        }
        JpegError::NotRead(kind) => {
            formats::kind(kind, "save it as a usual JPEG (baseline or progressive, 8 bits) or PNG")
        }
    };
    let decoder = Decoder::new(bytes).map_err(failed)?;
    let (width, height) = decoder.dimensions();
    check_sides(width, height, limits)?;
    let metadata = jpeg_metadata::metadata(decoder.applications());
    let pixels = decoder.decode().map_err(failed)?;
    Ok(Stored { width, height, pixels, alpha: None, metadata })
}

/// Decodes by the library `image`. `damaged` says what is wrong when that fails.
fn by_image(
    bytes: impl AsRef<[u8]>,
    format: ImageFormat,
    metadata: Metadata,
    limits: &PhotoLimits,
    damaged: &dyn Fn() -> &'static str,
) -> Result<Stored, PhotoError> {
    let most = most_memory(limits);
    let failed = |error: ImageError| match error {
        ImageError::Limits(_) => {
            PhotoError::TooMuchMemory(format!("more than the {} MB allowed", most >> 20))
        }
        _ => PhotoError::Damaged(damaged().into()),
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut memory = Limits::default();
    memory.max_alloc = Some(most);
    reader.limits(memory);
    let decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    check_sides(width, height, limits)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
    let (picture, alpha) = alpha::split(picture);
    let pixels = if picture.color().has_color() {
        Pixels::Rgb(picture.into_rgb8().into_raw())
    } else {
        Pixels::Grey(picture.into_luma8().into_raw())
    };
    Ok(Stored { width, height, pixels, alpha, metadata })
}

fn check_sides(width: u32, height: u32, limits: &PhotoLimits) -> Result<(), PhotoError> {
    if width.min(height) < limits.min_side {
        return Err(PhotoError::TooSmall { width, height, limit: limits.min_side });
    }
    if width.max(height) > limits.max_side {
        return Err(PhotoError::TooLarge { width, height, limit: limits.max_side });
    }
    Ok(())
}

/// Bytes that the largest picture takes, four channels of 16 bits, and more than a camera
/// puts beside it: a block of metadata may be a bomb too.
fn most_memory(limits: &PhotoLimits) -> u64 {
    const OTHER: u64 = 32 << 20;
    let side = u64::from(limits.max_side);
    side.saturating_mul(side).saturating_mul(8).saturating_add(OTHER)
}
