//! Which side of a photo is up, as EXIF and XMP say it.

use image::metadata::Orientation;

pub(super) use exif_reader::{In, Tag};

/// The directories of a TIFF structure, as far as they can be read.
pub(super) fn read(tiff: &[u8]) -> Option<exif_reader::Exif> {
    let mut reader = exif_reader::Reader::new();
    reader.continue_on_error(true);
    let read = reader.read_raw(tiff.to_vec());
    read.or_else(|error| error.distill_partial_result(|_| {})).ok()
}

/// A tag of TIFF by its number.
pub(super) fn tag(number: u16) -> Tag {
    Tag(exif_reader::Context::Tiff, number)
}

/// The orientation of an EXIF block, with the prefix of JPEG or without.
///
/// `None` where it says none, none that exists, or cannot be read: damaged metadata do not make
/// a picture unusable.
pub(super) fn orientation(block: &[u8]) -> Option<Orientation> {
    let tiff = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let read = read(tiff)?;
    let value = read.get_field(Tag::Orientation, In::PRIMARY)?.value.get_uint(0)?;
    Orientation::from_exif(u8::try_from(value).ok()?)
}

/// The orientation of an XMP packet: the property `tiff:Orientation` as an attribute or an
/// element.
pub(super) fn xmp_orientation(packet: &[u8]) -> Option<Orientation> {
    const NAME: &[u8] = b"tiff:Orientation";
    let mut rest = packet;
    while let Some(found) = rest.windows(NAME.len()).position(|window| window == NAME) {
        rest = &rest[found + NAME.len()..];
        let value = rest.trim_ascii_start();
        let value = match value.split_first() {
            Some((b'=', value)) => match value.trim_ascii_start().split_first() {
                Some((b'"' | b'\'', value)) => value,
                _ => continue,
            },
            Some((b'>', value)) => value,
            _ => continue,
        };
        let value = value.trim_ascii_start();
        let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if let (1, Some(&digit)) = (digits, value.first()) {
            return Orientation::from_exif(digit - b'0');
        }
    }
    None
}
