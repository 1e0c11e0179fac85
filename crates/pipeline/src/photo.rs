//! A photo as the pipeline takes it: checked, turned upright, in RGB.

use crate::Error;
use bytes::Bytes;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};
use portrait_storage::PhotoId;
use sha2::{Digest, Sha256};
use std::io::Cursor;
use std::sync::Arc;

/// What a photo may measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhotoLimits {
    /// Bytes of the file.
    pub max_bytes: usize,
    /// Pixels of each side, at least.
    pub min_side: u32,
    /// Pixels of each side, at most.
    pub max_side: u32,
}

impl Default for PhotoLimits {
    /// 10 MB (10 · 2²⁰ bytes), 128 to 4096 pixels a side.
    fn default() -> Self {
        Self { max_bytes: 10 << 20, min_side: 128, max_side: 4096 }
    }
}

/// Why a file is no photo for the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PhotoError {
    /// The file has no bytes.
    #[error("the photo is empty: 0 bytes")]
    Empty,
    /// The file has too many bytes.
    #[error("the photo has {found} bytes, more than the {limit} allowed")]
    TooManyBytes {
        /// Bytes of the file.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The content is of no format that is read, whatever the file's name says.
    #[error("the photo is {found}: only JPEG, PNG and WebP are read")]
    Format {
        /// What it seems to be.
        found: String,
    },
    /// The picture is too small.
    #[error("the photo measures {width} x {height} pixels, less than {limit} on a side")]
    TooSmall {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Pixels needed on each side.
        limit: u32,
    },
    /// The picture is too large; it was not decoded.
    #[error("the photo measures {width} x {height} pixels, more than {limit} on a side")]
    TooLarge {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Pixels allowed on each side.
        limit: u32,
    },
    /// The file asks for more memory than any picture of the allowed size takes; it was not decoded.
    #[error("the photo needs too much memory: {0}")]
    TooMuchMemory(String),
    /// The file is damaged or cut off.
    #[error("the photo cannot be decoded: {0}")]
    Damaged(String),
}

/// A decoded photo. Clones share the pixels.
#[derive(Debug, Clone)]
pub struct Photo {
    id: PhotoId,
    bytes: Bytes,
    image: Arc<RgbImage>,
}

impl Photo {
    /// Decodes a JPEG, PNG or WebP file within [`PhotoLimits::default`].
    ///
    /// The format is told by the content. The picture is turned upright by its EXIF orientation
    /// and converted to 8-bit RGB; an alpha channel is dropped, colours under it stay.
    ///
    /// # Errors
    /// [`Error::Photo`] saying what is wrong. Size and format are checked before pixels are decoded.
    pub fn decode(bytes: impl Into<Bytes>) -> Result<Self, Error> {
        Self::decode_within(bytes, &PhotoLimits::default())
    }

    /// [`Self::decode`] within other limits.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn decode_within(bytes: impl Into<Bytes>, limits: &PhotoLimits) -> Result<Self, Error> {
        let bytes = bytes.into();
        let image = decode(&bytes, limits)?;
        Ok(Self { id: PhotoId::generate(), bytes, image: Arc::new(image) })
    }

    /// The photo's id, new for each decoding unless [`with_id`](Self::with_id) gave it another.
    pub fn id(&self) -> PhotoId {
        self.id
    }

    /// The photo under an id that is known: what is stored of it, and the videos that were ordered
    /// of it, are found again after a restart.
    #[must_use]
    pub fn with_id(self, id: PhotoId) -> Self {
        Self { id, ..self }
    }

    /// An id that follows from the file's bytes (SHA-256): the same file has the same id whenever
    /// it is decoded, for a program that keeps no list of its photos, such as a command.
    ///
    /// As an id without a date it sorts before those that [`PhotoId::generate`] makes. Whoever has
    /// the file knows the id, and everybody who sends the file shares it with what is stored under
    /// it; where photos belong to several users, keep ids that were generated instead.
    pub fn content_id(&self) -> PhotoId {
        let hash = Sha256::digest(&self.bytes);
        let mut random = [0; 10];
        random.copy_from_slice(&hash[..10]);
        let uuid = uuid::Builder::from_unix_timestamp_millis(0, &random).into_uuid();
        PhotoId::from_uuid(uuid).expect("the builder makes version 7")
    }

    /// The pixels, upright.
    pub fn image(&self) -> &Arc<RgbImage> {
        &self.image
    }

    /// The file it was decoded from.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

fn decode(bytes: &[u8], limits: &PhotoLimits) -> Result<RgbImage, PhotoError> {
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
