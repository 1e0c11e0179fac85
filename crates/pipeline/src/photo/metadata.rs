//! What a file says of its pixels.

use super::colour::Source;
use super::exif;
use image::metadata::Orientation;

/// What a file says of its pixels.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    /// The meaning of its colours; `None` is sRGB.
    pub(super) colours: Option<Source>,
    /// EXIF blocks, the one that counts most first.
    pub(super) exif: Vec<Vec<u8>>,
    /// XMP packets.
    pub(super) xmp: Vec<Vec<u8>>,
}

impl Metadata {
    /// What makes the picture upright: by EXIF, else by XMP, else nothing.
    pub(super) fn orientation(&self) -> Orientation {
        let exif = self.exif.iter().find_map(|block| exif::orientation(block));
        let xmp = || self.xmp.iter().find_map(|packet| exif::xmp_orientation(packet));
        exif.or_else(xmp).unwrap_or(Orientation::NoTransforms)
    }
}
