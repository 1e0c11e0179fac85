//! What a picture is, by its first bytes: no decoding, only what the headers say.

/// Most bytes of a picture that D-ID takes (its FAQ: 10 MB).
pub const MAX_PICTURE_BYTES: usize = 10 * 1024 * 1024;
/// Shortest side of a picture that D-ID takes, in pixels (measured by users: 128 is refused, 256 passes).
pub const MIN_PICTURE_SIDE: u32 = 160;
/// Most pixels of a picture that D-ID animates (measured by users: the upload passes, the talk is refused).
pub const MAX_PICTURE_PIXELS: u64 = 10_485_760;

/// A type D-ID takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ImageType {
    /// `image/jpeg`
    Jpeg,
    /// `image/png`
    Png,
}

impl ImageType {
    /// The type of a file by its content.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<ImageType> {
        if bytes.starts_with(&[0xFF, 0xD8, 0xFF]) {
            Some(ImageType::Jpeg)
        } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(ImageType::Png)
        } else {
            None
        }
    }

    /// `image/jpeg` or `image/png`.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            ImageType::Jpeg => "image/jpeg",
            ImageType::Png => "image/png",
        }
    }

    pub(crate) fn default_name(self) -> &'static str {
        match self {
            ImageType::Jpeg => "image.jpg",
            ImageType::Png => "image.png",
        }
    }

    /// Width and height in pixels, where the header states them.
    pub(crate) fn dimensions(self, bytes: &[u8]) -> Option<(u32, u32)> {
        match self {
            // IHDR is always the first chunk (PNG specification, section 5.6).
            ImageType::Png => {
                (bytes.get(12..16)? == b"IHDR").then_some(())?;
                Some((be32(bytes, 16)?, be32(bytes, 20)?))
            }
            ImageType::Jpeg => jpeg_dimensions(bytes),
        }
    }
}

/// Walks the segments to the frame header, SOF0 to SOF15 (ITU-T T.81, annex B).
fn jpeg_dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xFF {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            // Fill bytes, and markers without a segment.
            0xFF => at += 1,
            0x01 | 0xD0..=0xD8 => at += 2,
            // A frame; C4, C8 and CC lie in the range and are tables.
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                return Some((be16(bytes, at + 7)?, be16(bytes, at + 5)?));
            }
            0xD9 | 0xDA => return None,
            _ => at += 2 + be16(bytes, at + 2)? as usize,
        }
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    let two = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(u32::from(u16::from_be_bytes(two)))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(u32::from_be_bytes(four))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn encoded(format: image::ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        image::RgbImage::new(301, 203).write_to(&mut Cursor::new(&mut bytes), format).unwrap();
        bytes
    }

    #[test]
    fn dimensions_are_read_from_real_files() {
        for (format, kind) in
            [(image::ImageFormat::Jpeg, ImageType::Jpeg), (image::ImageFormat::Png, ImageType::Png)]
        {
            let bytes = encoded(format);
            assert_eq!(ImageType::of(&bytes), Some(kind));
            assert_eq!(kind.dimensions(&bytes), Some((301, 203)));
        }
    }

    #[test]
    fn cut_and_odd_files_have_no_dimensions() {
        let jpeg = encoded(image::ImageFormat::Jpeg);
        let png = encoded(image::ImageFormat::Png);
        for end in 0..24 {
            assert_eq!(ImageType::Png.dimensions(&png[..end]), None);
            assert_eq!(ImageType::Jpeg.dimensions(&jpeg[..end]), None);
        }
        assert_eq!(ImageType::Jpeg.dimensions(&[0xFF; 64]), None);
        // A segment that states length 0 must not loop for ever.
        let stuck = [0xFF, 0xD8, 0xFF, 0xE0, 0, 0, 0, 0];
        assert_eq!(ImageType::Jpeg.dimensions(&stuck), None);
        assert_eq!(ImageType::of(b"GIF89a"), None);
    }
}
