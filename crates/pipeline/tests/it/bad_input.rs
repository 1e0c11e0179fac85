//! Files that are no photos: each is refused with its own code, and nothing panics.

use crate::pictures::{exif, png_chunk, png_of_size, with_chunk, with_segment};
use crate::support::{FORMATS, assert_error, encode, picture, texture};
use image::{DynamicImage, ImageBuffer, ImageFormat, Rgb, RgbImage, Rgba, imageops};
use portrait_pipeline::{Code, Error, Photo, PhotoError, PhotoLimits, Tier};
use std::time::{Duration, Instant};

const LIMIT: usize = 10 << 20;

/// A picture of one colour, which every format stores in few bytes.
fn plain(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    encode(&RgbImage::from_pixel(width, height, Rgb([90, 120, 30])).into(), format)
}

#[track_caller]
fn refused(what: &str, file: impl Into<Vec<u8>>, code: Code) -> Error {
    let error = Photo::decode(file.into()).err().unwrap_or_else(|| panic!("{what} was taken"));
    assert!(matches!(error, Error::Photo(_)), "{what}: {error:?}");
    assert_error(&error, code, Tier::High);
    error
}

#[test]
fn an_empty_file() {
    let error = refused("nothing", [], Code::ImageEmpty);
    assert_eq!(error.to_string(), "the photo is empty: 0 bytes");
}

#[test]
fn other_formats_are_named() {
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\0";
    let files: [(&str, &[u8]); 13] = [
        ("a text file", b"Dear D-ID,\nplease find attached my photo.\n"),
        ("a text file", "Ein Gru\u{df} aus K\u{f6}ln".as_bytes()),
        ("a text file", b"<!doctype html><title>404</title>"),
        ("a text file", b"\n"),
        ("a PDF document", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
        ("HEIC", heic),
        ("MP4", b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2"),
        ("GIF", b"GIF89a\x80\0\x80\0\x80\0\0"),
        ("BMP", b"BM\x36\x30\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"),
        ("TIFF", b"II\x2a\0\x08\0\0\0"),
        ("AVIF", b"\0\0\0\x20ftypavif\0\0\0\0avifmif1"),
        ("an unknown format", b"\x7fELF\x02\x01\x01\0\0\0\xff\xfe\xfd"),
        ("an unknown format", b"\xff"),
    ];
    for (name, file) in files {
        let error = refused(name, file, Code::ImageFormatUnsupported);
        assert!(error.to_string().contains(name), "{name}: {error}");
    }
}

#[test]
fn a_file_that_is_cut_off() {
    for format in FORMATS {
        let file = picture(format, 160, 130);
        assert!(Photo::decode(file.clone()).is_ok(), "{format:?}");
        let lengths = (0..file.len()).step_by(1 + file.len() / 400);
        // The last bytes one by one: there a decoder has seen all pixels.
        for length in lengths.chain(file.len().saturating_sub(20)..file.len()) {
            let error = match Photo::decode(file[..length].to_vec()) {
                // After its pixels a PNG file has nothing but its end.
                Ok(_) if format == ImageFormat::Png && length + 12 >= file.len() => continue,
                // So has a JPEG file: its last two bytes only say that it ends.
                Ok(_) if format == ImageFormat::Jpeg && length + 2 >= file.len() => continue,
                Ok(_) => panic!("{format:?}: {length} of {} bytes were taken", file.len()),
                Err(error) => error,
            };
            let code = match length {
                0 => Code::ImageEmpty,
                // Before it can be told.
                1..12 => error.code(),
                _ => Code::ImageDamaged,
            };
            assert_error(&error, code, Tier::High);
            let codes = [Code::ImageEmpty, Code::ImageFormatUnsupported, Code::ImageDamaged];
            assert!(codes.contains(&error.code()), "{format:?}, {length} bytes: {error}");
        }
    }
}

#[test]
fn bytes_that_flipped_never_panic() {
    // Reproducible: x -> 5 x + 3 goes through all residues of a power of two.
    let mut state = 12_345u32;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    let mut outcomes = [0, 0];
    for format in FORMATS {
        let file = picture(format, 144, 128);
        for round in 0..400 {
            let mut broken = file.clone();
            // Half of them in the headers, where structure is.
            let range = if round % 2 == 0 { broken.len().min(200) } else { broken.len() };
            for _ in 0..=random(8) {
                let at = random(range);
                broken[at] ^= 1 << random(8);
            }
            match Photo::decode(broken) {
                Ok(photo) => {
                    let (width, height) = photo.image().dimensions();
                    assert!((128..=4096).contains(&width) && (128..=4096).contains(&height));
                    outcomes[0] += 1;
                }
                Err(error) => {
                    assert!(matches!(error, Error::Photo(_)), "{error:?}");
                    assert_error(&error, error.code(), Tier::High);
                    outcomes[1] += 1;
                }
            }
        }
    }
    assert!(outcomes.iter().all(|&count| count > 50), "{outcomes:?}");
}

#[test]
fn sides_within_the_limits() {
    for format in FORMATS {
        for (width, height) in [(128, 128), (4096, 128), (128, 4096)] {
            let photo = Photo::decode(plain(format, width, height)).unwrap();
            assert_eq!(photo.image().dimensions(), (width, height), "{format:?}");
        }
        for (width, height) in [(1, 1), (127, 128), (128, 127), (127, 4097)] {
            let file = plain(format, width, height);
            let error = refused("a small picture", file, Code::ImageTooSmall);
            assert!(error.to_string().contains(&format!("{width} x {height}")), "{error}");
            assert_eq!(error.details()["limit"], 128);
        }
        for (width, height) in [(4097, 128), (128, 4097)] {
            let file = plain(format, width, height);
            let error = refused("a large picture", file, Code::ImageTooLarge);
            assert!(error.to_string().contains(&format!("{width} x {height}")), "{error}");
            assert_eq!(error.details()["limit"], 4096);
        }
    }
}

#[test]
fn the_largest_picture_fits_into_memory() {
    for format in FORMATS {
        let photo = Photo::decode(plain(format, 4096, 4096)).unwrap();
        assert_eq!(photo.image().dimensions(), (4096, 4096), "{format:?}");
    }
    let deep = ImageBuffer::from_pixel(4096, 4096, Rgba([23_130u16, 30_840, 7_710, 40_000]));
    let photo = Photo::decode(encode(&deep.into(), ImageFormat::Png)).unwrap();
    // On white: 40,000 of 65,535 are 156 of 255.
    let on_white = [90, 120, 30].map(|value: u32| ((value * 156 + 255 * 99 + 127) / 255) as u8);
    assert_eq!(photo.image().get_pixel(4095, 4095), &Rgb(on_white));
}

#[test]
fn a_bomb_is_not_decoded() {
    let jpeg = {
        let mut file = plain(ImageFormat::Jpeg, 128, 128);
        let frame = file.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        file[frame + 5..frame + 9].copy_from_slice(&[0x4e, 0x20, 0x4e, 0x20]);
        file
    };
    let webp = {
        // 14 bits of width - 1, then 14 of height - 1, behind the signature 0x2f.
        let mut file = plain(ImageFormat::WebP, 128, 128);
        assert_eq!((&file[12..16], file[20]), (&b"VP8L"[..], 0x2f));
        let sides = 15_999u32 | 15_999 << 14;
        file[21..25].copy_from_slice(&sides.to_le_bytes());
        file
    };
    const LARGEST: u32 = i32::MAX as u32;
    let files = [
        ("20000 x 20000", png_of_size(20_000, 20_000)),
        ("20000 x 20000", jpeg),
        ("16000 x 16000", webp),
        ("2147483647 pixels", png_of_size(1000, LARGEST)),
        ("memory", png_of_size(LARGEST, LARGEST)),
    ];
    for (what, file) in files {
        let start = Instant::now();
        let error = refused(what, file, Code::ImageTooLarge);
        assert!(start.elapsed() < Duration::from_secs(1), "{what}: {:?}", start.elapsed());
        assert!(error.to_string().contains(what), "{error}");
    }
    refused("no pixels", png_of_size(0, 0), Code::ImageDamaged);
    refused("no pixels at all", png_of_size(200, 200), Code::ImageDamaged);
}

#[test]
fn as_many_bytes_as_allowed() {
    for format in FORMATS {
        let file = picture(format, 200, 150);
        let whole = Photo::decode(file.clone()).unwrap();
        // Behind its end a file may hold anything, also what looks like one more scan.
        let mut padded = file;
        while padded.len() < LIMIT {
            padded.extend([0xff, 0xda, 0x00, 0x0c, padded.len() as u8, 0x55]);
        }
        padded.truncate(LIMIT);
        let photo = Photo::decode(padded.clone()).unwrap();
        assert_eq!(photo.image(), whole.image(), "{format:?}");
        assert_eq!(photo.bytes(), &padded);
        padded.push(0);
        let error = refused("10 MB and a byte", padded, Code::ImageTooLarge);
        let want = "the photo has 10485761 bytes, more than the 10485760 allowed";
        assert_eq!(error.to_string(), want);
        assert_eq!(error.details()["image_size_bytes"], LIMIT + 1);
    }
}

#[test]
fn other_limits_can_be_set() {
    let limits = PhotoLimits { max_bytes: 2000, min_side: 10, max_side: 50 };
    let decode =
        |width, height| Photo::decode_within(plain(ImageFormat::Png, width, height), &limits);
    assert!(decode(10, 50).is_ok());
    assert_eq!(decode(9, 50).unwrap_err().code(), Code::ImageTooSmall);
    assert_eq!(decode(10, 51).unwrap_err().code(), Code::ImageTooLarge);
    let long = Photo::decode_within(picture(ImageFormat::Png, 50, 50), &limits);
    let error = long.unwrap_err();
    assert!(matches!(error, Error::Photo(PhotoError::TooManyBytes { limit: 2000, .. })));
}

#[test]
fn a_preview_does_not_pass_for_the_picture() {
    // Cameras keep a small JPEG file, with an end marker of its own, in the EXIF block.
    let preview = picture(ImageFormat::Jpeg, 160, 128);
    let mut block = b"Exif\0\0".to_vec();
    block.extend(exif(1));
    block.extend(preview);
    let whole = with_segment(&picture(ImageFormat::Jpeg, 400, 300), 0xe1, &block);
    let photo = Photo::decode(whole.clone()).unwrap();
    assert_eq!(photo.image().dimensions(), (400, 300));
    for length in [whole.len() / 2, whole.len() - 500, whole.len() - 3] {
        refused("half a picture", &whole[..length], Code::ImageDamaged);
    }
}

#[test]
fn chunks_that_only_claim_to_be_large_are_refused() {
    let file = picture(ImageFormat::Png, 150, 150);
    let mut claims = file[..33].to_vec();
    claims.extend(0x7fff_fff0_u32.to_be_bytes());
    claims.extend(b"IDAT");
    claims.extend(&file[41..]);
    refused("a long chunk", claims, Code::ImageDamaged);
    // A chunk nobody knows is skipped.
    let unknown = with_chunk(&file, b"prVt", &[1; 1000]);
    assert!(Photo::decode(unknown).is_ok());
    let critical = [&file[..33], &png_chunk(b"IHDR", &[0; 13]), &file[33..]].concat();
    refused("two headers", critical, Code::ImageDamaged);
}

#[test]
fn the_format_is_told_by_the_content() {
    for format in FORMATS {
        let photo = Photo::decode(picture(format, 200, 130)).unwrap();
        assert_eq!(photo.image().dimensions(), (200, 130));
        if format != ImageFormat::Jpeg {
            assert_eq!(**photo.image(), texture(200, 130), "{format:?}");
        }
    }
    let other = Photo::decode(picture(ImageFormat::Png, 200, 130)).unwrap();
    let again = Photo::decode(other.bytes().clone()).unwrap();
    assert_ne!(other.id(), again.id());
    let luma = DynamicImage::ImageLuma8(imageops::grayscale(&texture(140, 140)));
    let photo = Photo::decode(encode(&luma, ImageFormat::Png)).unwrap();
    assert!(photo.image().pixels().all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]));
}
