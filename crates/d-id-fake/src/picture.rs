//! What an uploaded picture is, by its bytes: D-ID goes by content, not by name or declared type.

use std::io::Cursor;

use image::{ImageFormat, ImageReader};

/// More bytes than this are refused by `/images` (D-ID FAQ: 10 MB).
pub(crate) const MAX_BYTES: usize = 10 * 1024 * 1024;
/// Sides shorter than this are refused by `/images` (measured by users: 128 fails, 256 passes).
pub(crate) const MIN_SIDE: u32 = 160;
/// More pixels than this pass `/images` and are refused by `/talks` (measured by users).
pub(crate) const MAX_PIXELS: u64 = 10_485_760;

/// What the first bytes say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sniffed {
    /// JPEG or PNG with its size in pixels.
    Picture { extension: &'static str, width: u32, height: u32 },
    /// A picture of another type: its media type.
    Unsupported(&'static str),
    /// No picture, or a broken one.
    Invalid,
}

pub(crate) fn sniff(bytes: &[u8]) -> Sniffed {
    let (format, extension) = match image::guess_format(bytes) {
        Ok(format @ ImageFormat::Jpeg) => (format, "jpg"),
        Ok(format @ ImageFormat::Png) => (format, "png"),
        Ok(other) => return Sniffed::Unsupported(other.to_mime_type()),
        Err(_) => return Sniffed::Invalid,
    };
    match ImageReader::with_format(Cursor::new(bytes), format).into_dimensions() {
        Ok((width, height)) => Sniffed::Picture { extension, width, height },
        Err(_) => Sniffed::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_is_told_by_content() {
        let mut png = Vec::new();
        image::RgbImage::new(7, 9).write_to(&mut Cursor::new(&mut png), ImageFormat::Png).unwrap();
        let expected = Sniffed::Picture { extension: "png", width: 7, height: 9 };
        assert_eq!(sniff(&png), expected);
        assert_eq!(sniff(&png[..20]), Sniffed::Invalid);
        assert_eq!(sniff(b"GIF89a........"), Sniffed::Unsupported("image/gif"));
        assert_eq!(sniff(b"hello"), Sniffed::Invalid);
    }
}
