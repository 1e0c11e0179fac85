//! From the bytes of a file to upright RGB pixels.

use super::error::PhotoError;
use super::limits::PhotoLimits;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};
use std::io::Cursor;

/// Decodes a file after its size, its format and its measures were checked.
pub(super) fn decode(bytes: &[u8], limits: &PhotoLimits) -> Result<RgbImage, PhotoError> {
    if bytes.is_empty() {
        return Err(PhotoError::Empty);
    }
    if bytes.len() > limits.max_bytes {
        return Err(PhotoError::TooManyBytes { found: bytes.len(), limit: limits.max_bytes });
    }
    let format = match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) => format,
        guess => return Err(PhotoError::Format { found: describe(bytes, guess.ok()) }),
    };
    let damaged = |error: ImageError| match error {
        ImageError::Limits(_) => PhotoError::TooMuchMemory(first_line(&error)),
        error => PhotoError::Damaged(first_line(&error)),
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut memory = Limits::default();
    memory.max_alloc = Some(most_memory(limits));
    reader.limits(memory);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    if width.min(height) < limits.min_side {
        return Err(PhotoError::TooSmall { width, height, limit: limits.min_side });
    }
    if width.max(height) > limits.max_side {
        return Err(PhotoError::TooLarge { width, height, limit: limits.max_side });
    }
    if format == ImageFormat::Jpeg && !jpeg_has_end(bytes) {
        return Err(PhotoError::Damaged("the JPEG file is cut off before its end".into()));
    }
    // A damaged EXIF block does not make the picture unusable.
    let orientation = decoder.orientation();
    let mut picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    if let Ok(orientation) = orientation {
        picture.apply_orientation(orientation);
    }
    Ok(picture.into_rgb8())
}

/// Bytes that the largest picture takes, four channels of 16 bits, and more than a camera
/// puts beside it: a block of metadata may be a bomb too.
fn most_memory(limits: &PhotoLimits) -> u64 {
    const OTHER: u64 = 32 << 20;
    let side = u64::from(limits.max_side);
    side.saturating_mul(side).saturating_mul(8).saturating_add(OTHER)
}

/// Whether the first picture of the file is there to its end marker: the decoder fills what is
/// missing with grey.
///
/// Follows the markers (ITU-T T.81, annex B), since anything may come after the end: the video of
/// a moving photo, further pictures.
fn jpeg_has_end(bytes: &[u8]) -> bool {
    let mut at = 0;
    // What is between segments, such as the data of a scan, has no 0xff but before a marker.
    while let Some(found) = bytes[at..].iter().position(|&byte| byte == 0xff) {
        at += found + 1;
        match bytes.get(at) {
            Some(0xd9) => return true,
            // A stuffed 0xff of the data, padding, or a marker that stands alone.
            None | Some(0x00 | 0x01 | 0xff | 0xd0..=0xd8) => {}
            Some(_) => {
                let length = bytes.get(at + 1..at + 3);
                let Some(&[high, low]) = length else { return false };
                at += 1 + usize::from(u16::from_be_bytes([high, low]));
                if at > bytes.len() {
                    return false;
                }
            }
        }
    }
    false
}

fn describe(bytes: &[u8], guess: Option<ImageFormat>) -> String {
    if let Some(format) = guess {
        let name = format.extensions_str().first().copied().unwrap_or("an image");
        return format!("in the format {}", name.to_uppercase());
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return "in the format HEIC, AVIF or MP4".into();
    }
    if bytes.starts_with(b"%PDF") {
        return "a PDF document".into();
    }
    let head = &bytes[..bytes.len().min(512)];
    // A character that the excerpt cuts in two is no error of the text.
    let is_text = |text: Result<&str, std::str::Utf8Error>| match text {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    let text = !head.contains(&0) && is_text(std::str::from_utf8(head));
    if text { "a text file".into() } else { "in an unknown format".into() }
}

fn first_line(error: &dyn std::error::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
