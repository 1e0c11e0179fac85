//! Photos are turned upright by their EXIF orientation, whatever their format.

use crate::pictures::{exif, jpeg_with_exif, with_chunk, with_segment};
use crate::support::{FORMATS, picture};
use image::{ImageFormat, RgbImage, imageops};
use portrait_pipeline::Photo;

/// The picture whose EXIF orientation is `orientation`, as it looks upright (EXIF 2.3).
fn upright(stored: &RgbImage, orientation: u8) -> RgbImage {
    match orientation {
        2 => imageops::flip_horizontal(stored),
        3 => imageops::rotate180(stored),
        4 => imageops::flip_vertical(stored),
        5 => imageops::flip_horizontal(&imageops::rotate90(stored)),
        6 => imageops::rotate90(stored),
        7 => imageops::flip_horizontal(&imageops::rotate270(stored)),
        8 => imageops::rotate270(stored),
        _ => stored.clone(),
    }
}

#[test]
fn every_orientation_is_applied() {
    for format in FORMATS {
        let file = picture(format, 180, 130);
        let stored = image::load_from_memory(&file).unwrap().into_rgb8();
        for orientation in 0..=9 {
            let tagged = match format {
                ImageFormat::Jpeg => jpeg_with_exif(&file, orientation),
                ImageFormat::Png => with_chunk(&file, b"eXIf", &exif(orientation)),
                _ => webp_with_exif(&file, orientation, (180, 130)),
            };
            let photo = Photo::decode(tagged).unwrap();
            let want = upright(&stored, orientation);
            assert_eq!(**photo.image(), want, "{format:?}, orientation {orientation}");
        }
    }
}

/// A simple WebP file in the extended form, with an EXIF chunk at its end.
fn webp_with_exif(file: &[u8], orientation: u8, (width, height): (u32, u32)) -> Vec<u8> {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let mut chunk = kind.to_vec();
        chunk.extend((data.len() as u32).to_le_bytes());
        chunk.extend(data);
        chunk.resize(chunk.len().next_multiple_of(2), 0);
        chunk
    };
    const HAS_EXIF: u8 = 0x08;
    let mut extended = vec![HAS_EXIF, 0, 0, 0];
    extended.extend(&(width - 1).to_le_bytes()[..3]);
    extended.extend(&(height - 1).to_le_bytes()[..3]);
    let mut body = b"WEBP".to_vec();
    body.extend(chunk(b"VP8X", &extended));
    body.extend(&file[12..]);
    body.extend(chunk(b"EXIF", &exif(orientation)));
    chunk(b"RIFF", &body)
}

#[test]
fn a_damaged_exif_block_does_no_harm() {
    let file = picture(ImageFormat::Jpeg, 180, 130);
    let stored = image::load_from_memory(&file).unwrap().into_rgb8();
    for block in [&b"Exif\0\0"[..], b"Exif\0\0II\x2a\0\xff\xff\xff\xff", b"Exif\0\0MM\0\x2a\0\0"] {
        let photo = Photo::decode(with_segment(&file, 0xe1, block)).unwrap();
        assert_eq!(**photo.image(), stored);
    }
}
