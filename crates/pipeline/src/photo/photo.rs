//! A photo as the pipeline takes it: checked, turned upright, in RGB.

use super::decode::{Decoded, decode};
use super::limits::PhotoLimits;
use crate::error::Error;
use bytes::Bytes;
use image::{GrayImage, RgbImage};
use portrait_storage::PhotoId;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// A decoded photo. Clones share the pixels.
#[derive(Debug, Clone)]
pub struct Photo {
    id: PhotoId,
    bytes: Bytes,
    image: Arc<RgbImage>,
    alpha: Option<Arc<GrayImage>>,
}

impl Photo {
    /// Decodes a JPEG, PNG or WebP file within [`PhotoLimits::default`].
    ///
    /// The format is told by the content; of an animation the first picture counts. The picture
    /// is turned upright by its EXIF orientation, or that of XMP, and converted to sRGB of 8 bits
    /// by its colour profile. What is transparent is laid on white, so that colours under it are
    /// not seen; [`Self::alpha`] tells where.
    ///
    /// Needs memory of up to 16 bytes for each pixel, and one for each of the file.
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
        let Decoded { image, alpha } = decode(&bytes, limits)?;
        let (image, alpha) = (Arc::new(image), alpha.map(Arc::new));
        Ok(Self { id: PhotoId::generate(), bytes, image, alpha })
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

    /// The pixels, upright, in sRGB; on white where the photo is not opaque.
    pub fn image(&self) -> &Arc<RgbImage> {
        &self.image
    }

    /// How opaque the pixels are, 0 to 255, upright and as large as [`Self::image`]; `None` where
    /// the whole photo is opaque.
    pub fn alpha(&self) -> Option<&Arc<GrayImage>> {
        self.alpha.as_ref()
    }

    /// The file it was decoded from.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}
