//! Photos are turned upright by their EXIF orientation, whatever their format.

use crate::pictures::{exif, jpeg_with_exif, png_chunk, with_chunk, with_segment};
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
        let stored = Photo::decode(file.clone()).unwrap().image().as_ref().clone();
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
fn webp_with_exif(file: &[u8], orientation: u8, sides: (u32, u32)) -> Vec<u8> {
    const HAS_EXIF: u8 = 0x08;
    webp_with(file, HAS_EXIF, (b"EXIF", &exif(orientation)), sides)
}

/// The same with any chunk, and the flag that says so.
fn webp_with(
    file: &[u8],
    flag: u8,
    (kind, data): (&[u8; 4], &[u8]),
    (width, height): (u32, u32),
) -> Vec<u8> {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let mut chunk = kind.to_vec();
        chunk.extend((data.len() as u32).to_le_bytes());
        chunk.extend(data);
        chunk.resize(chunk.len().next_multiple_of(2), 0);
        chunk
    };
    let mut extended = vec![flag, 0, 0, 0];
    extended.extend(&(width - 1).to_le_bytes()[..3]);
    extended.extend(&(height - 1).to_le_bytes()[..3]);
    let mut body = b"WEBP".to_vec();
    body.extend(chunk(b"VP8X", &extended));
    body.extend(&file[12..]);
    body.extend(chunk(kind, data));
    chunk(b"RIFF", &body)
}

#[test]
fn a_damaged_exif_block_does_no_harm() {
    let file = picture(ImageFormat::Jpeg, 180, 130);
    let stored = Photo::decode(file.clone()).unwrap().image().as_ref().clone();
    for block in [&b"Exif\0\0"[..], b"Exif\0\0II\x2a\0\xff\xff\xff\xff", b"Exif\0\0MM\0\x2a\0\0"] {
        let photo = Photo::decode(with_segment(&file, 0xe1, block)).unwrap();
        assert_eq!(**photo.image(), stored);
    }
}

/// A TIFF block with the orientation as SHORT or LONG, in either order of bytes, behind others.
fn tiff(orientation: u8, is_long: bool, is_big: bool) -> Vec<u8> {
    let short = |value: u16| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
    let long = |value: u32| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
    let mut block = if is_big { b"MM\0\x2a".to_vec() } else { b"II\x2a\0".to_vec() };
    block.extend(long(8));
    block.extend(short(2));
    // ImageWidth.
    block.extend([short(0x0100), short(4)].concat());
    block.extend([long(1), long(180)].concat());
    block.extend([short(0x0112), short(if is_long { 4 } else { 3 })].concat());
    block.extend(long(1));
    if is_long {
        block.extend(long(u32::from(orientation)));
    } else {
        block.extend([short(u16::from(orientation)), [0, 0]].concat());
    }
    block.extend(long(0));
    block
}

fn xmp(orientation: u8, is_attribute: bool) -> Vec<u8> {
    let (attribute, element) = if is_attribute {
        (format!(" tiff:Orientation=\"{orientation}\""), String::new())
    } else {
        (String::new(), format!("<tiff:Orientation>{orientation}</tiff:Orientation>"))
    };
    format!(
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF><rdf:Description \
         xmlns:tiff=\"http://ns.adobe.com/tiff/1.0/\"{attribute}>{element}\
         </rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    .into_bytes()
}

/// As ImageMagick and ExifTool write profiles into texts.
fn in_hex(block: &[u8]) -> Vec<u8> {
    let digits: Vec<String> = block
        .chunks(36)
        .map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect())
        .collect();
    format!("\nexif\n{:8}\n{}\n", block.len(), digits.join("\n")).into_bytes()
}

fn packed(data: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// The PNG file with one more chunk before its end, behind its pixels.
fn with_last_chunk(png: &[u8], kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let end = png.len() - 12;
    [&png[..end], &png_chunk(kind, data), &png[end..]].concat()
}

#[test]
fn metadata_of_every_kind_turn_the_photo_upright() {
    let files = FORMATS.map(|format| {
        let file = picture(format, 180, 130);
        let stored = Photo::decode(file.clone()).unwrap().image().as_ref().clone();
        (format, file, stored)
    });
    let mut state = 2_026u32;
    let mut random = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..200 {
        let (format, file, stored) = &files[random(3) as usize];
        let (orientation, place) = (1 + random(8) as u8, random(8));
        let (first, second) = (random(2) == 1, random(2) == 1);
        let block = tiff(orientation, first, second);
        let prefixed = [b"Exif\0\0", block.as_slice()].concat();
        let either = if random(2) == 1 { &prefixed } else { &block };
        let packet = xmp(orientation, first);
        let text = |key: &str, middle: &[u8], value: &[u8]| {
            [key.as_bytes(), b"\0", middle, value].concat()
        };
        const RAW: &str = "Raw profile type exif";
        let hex = in_hex(either);
        let add = if random(2) == 1 { with_chunk } else { with_last_chunk };
        let tagged = match (format, place) {
            (ImageFormat::Jpeg, 0..=2) => with_segment(file, 0xe1, &prefixed),
            (ImageFormat::Jpeg, 3) => {
                // Behind another segment of the same marker that says nothing of it.
                let tagged = with_segment(file, 0xe1, &prefixed);
                with_segment(&tagged, 0xe1, b"http://ns.adobe.com/xap/1.0/\0<x/>")
            }
            (ImageFormat::Jpeg, _) => {
                let packet = [b"http://ns.adobe.com/xap/1.0/\0", packet.as_slice()].concat();
                let tagged = with_segment(file, 0xe1, &packet);
                // Nothing else, or an EXIF block that names no orientation that exists.
                if second { tagged } else { with_segment(&tagged, 0xe1, b"Exif\0\0MM\0\x2a\0\0") }
            }
            (ImageFormat::Png, 0..=2) => add(file, b"eXIf", either),
            (ImageFormat::Png, 3) => add(file, b"tEXt", &text(RAW, b"", &hex)),
            (ImageFormat::Png, 4) => add(file, b"zTXt", &text(RAW, b"\0", &packed(&hex))),
            (ImageFormat::Png, 5) => add(file, b"iTXt", &text(RAW, b"\0\0\0\0", &hex)),
            (ImageFormat::Png, 6) => {
                add(file, b"iTXt", &text("XML:com.adobe.xmp", b"\x01\0\0\0", &packed(&packet)))
            }
            (ImageFormat::Png, _) => {
                add(file, b"iTXt", &text("XML:com.adobe.xmp", b"\0\0\0\0", &packet))
            }
            (_, 0..=4) => webp_with(file, 0x08, (b"EXIF", either), (180, 130)),
            (_, _) => webp_with(file, 0x04, (b"XMP ", &packet), (180, 130)),
        };
        let photo = Photo::decode(tagged).unwrap();
        let what = format!("{format:?}, place {place}, orientation {orientation}, round {round}");
        assert!(**photo.image() == upright(stored, orientation), "{what}");
        seen.insert((format!("{format:?}"), place));
    }
    assert_eq!(seen.len(), 24);
}

#[test]
fn exif_counts_more_than_xmp() {
    let file = picture(ImageFormat::Jpeg, 180, 130);
    let stored = Photo::decode(file.clone()).unwrap().image().as_ref().clone();
    let packet = [b"http://ns.adobe.com/xap/1.0/\0", xmp(3, true).as_slice()].concat();
    let tagged = jpeg_with_exif(&with_segment(&file, 0xe1, &packet), 6);
    assert_eq!(**Photo::decode(tagged).unwrap().image(), upright(&stored, 6));
    let tagged = with_segment(&jpeg_with_exif(&file, 8), 0xe1, &packet);
    assert_eq!(**Photo::decode(tagged).unwrap().image(), upright(&stored, 8));
}
