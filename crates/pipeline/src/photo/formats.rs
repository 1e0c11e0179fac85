//! Names of files that are not read, and what to do with them.

use super::error::PhotoError;
use super::exif;

const ONLY: &str = "only JPEG, PNG and WebP are read";
const SAVE: &str = "save it as JPEG, PNG or WebP";
const PHONE: &str = "save or share it as JPEG (an iPhone takes JPEG photos with \
                     Settings > Camera > Formats > Most Compatible)";
const DEVELOP: &str = "export it as JPEG from the camera or a program for raw photos";

/// Says what a file is that is neither JPEG, PNG nor WebP.
pub(super) fn other(bytes: &[u8]) -> PhotoError {
    let (found, advice) = named(bytes);
    PhotoError::Format { found: found.into(), advice: format!("{ONLY}; {advice}") }
}

/// Says that a kind of a format that is read is not.
pub(super) fn kind(found: &str, advice: &str) -> PhotoError {
    let advice = format!("this kind is not read; {advice}");
    PhotoError::Format { found: found.into(), advice }
}

fn named(bytes: &[u8]) -> (&'static str, &'static str) {
    const STARTS: [(&[u8], &str, &str); 20] = [
        (b"GIF8", "in the format GIF", SAVE),
        (b"BM", "in the format BMP", SAVE),
        (b"8BPS", "in the format PSD (Photoshop)", SAVE),
        (b"%PDF", "a PDF document", "save the picture that is in it as JPEG or PNG"),
        (b"\xff\x0a", "in the format JXL (JPEG XL)", SAVE),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "in the format JXL (JPEG XL)", SAVE),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "in the format JPEG 2000", SAVE),
        (b"\xff\x4f\xff\x51", "in the format JPEG 2000", SAVE),
        (b"\xff\xd8", "a JPEG file that breaks off or is damaged at its start", "send it again"),
        (b"FUJIFILMCCD-RAW", "a raw photo of a camera (RAF)", DEVELOP),
        (b"IIRO", "a raw photo of a camera (ORF)", DEVELOP),
        (b"IIRS", "a raw photo of a camera (ORF)", DEVELOP),
        (b"MMOR", "a raw photo of a camera (ORF)", DEVELOP),
        (b"IIU\0", "a raw photo of a camera (RW2)", DEVELOP),
        (b"FOVb", "a raw photo of a camera (X3F)", DEVELOP),
        (b"\0\0\x01\0", "in the format ICO", SAVE),
        (b"PK\x03\x04", "a ZIP archive", "unpack it and take the photo in it"),
        (b"qoif", "in the format QOI", SAVE),
        (b"\x76\x2f\x31\x01", "in the format EXR", SAVE),
        (b"\x1aE\xdf\xa3", "a video (Matroska or WebM)", "take a photo, or a frame of the video"),
    ];
    if let Some((_, found, advice)) = STARTS.iter().find(|(start, ..)| bytes.starts_with(start)) {
        return (found, advice);
    }
    if bytes.starts_with(b"II\x2a\0") || bytes.starts_with(b"MM\0\x2a") {
        return match tiff(bytes) {
            Some(raw) => (raw, DEVELOP),
            None => ("in the format TIFF", SAVE),
        };
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return iso_media(bytes);
    }
    let head = &bytes[..bytes.len().min(512)];
    // A character that the excerpt cuts in two is no error of the text.
    let text = match std::str::from_utf8(head) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    let Some(text) = text.filter(|text| !text.contains('\0')) else {
        return ("in an unknown format", SAVE);
    };
    let start = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    if start.starts_with("<!doctype html") || start.starts_with("<html") {
        return ("a text file (HTML)", "download the photo itself, not the page that shows it");
    }
    if start.contains("<svg") {
        return ("a text file (SVG)", SAVE);
    }
    ("a text file", "choose a photo")
}

/// The name of a raw photo that is a TIFF file.
fn tiff(bytes: &[u8]) -> Option<&'static str> {
    if bytes.get(8..10) == Some(b"CR") {
        return Some("a raw photo of a camera (CR2)");
    }
    // What says it stands at the start or the end; the pixels between are not needed, but offsets
    // count from the start.
    let tags = exif::read(bytes)?;
    let has = |number| tags.get_field(exif::tag(number), exif::In::PRIMARY).is_some();
    if has(0xc612) {
        return Some("a raw photo of a camera (DNG)");
    }
    // Only raw photos keep their pixels in directories below the first.
    if !has(0x014a) {
        return None;
    }
    let make = tags.get_field(exif::Tag::Make, exif::In::PRIMARY)?;
    let make = make.display_value().to_string().to_ascii_uppercase();
    let named = |part: &str| make.contains(part);
    if named("NIKON") {
        Some("a raw photo of a camera (NEF)")
    } else if named("SONY") {
        Some("a raw photo of a camera (ARW)")
    } else if named("PENTAX") || named("RICOH") {
        Some("a raw photo of a camera (PEF)")
    } else {
        Some("a raw photo of a camera")
    }
}

/// The name of a file of the family of ISO 14496-12, by its brands.
fn iso_media(bytes: &[u8]) -> (&'static str, &'static str) {
    let length = bytes.first_chunk::<4>().map_or(0, |length| u32::from_be_bytes(*length) as usize);
    let brands = bytes.get(8..length.clamp(12, 256).min(bytes.len())).unwrap_or_default();
    let any = |names: &[&[u8; 4]]| {
        brands.chunks_exact(4).any(|brand| names.iter().any(|name| brand == *name))
    };
    if any(&[b"avif", b"avis"]) {
        ("in the format AVIF", SAVE)
    } else if any(&[b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"]) {
        ("in the format HEIC", PHONE)
    } else if any(&[b"crx "]) {
        ("a raw photo of a camera (CR3)", DEVELOP)
    } else if any(&[b"qt  "]) {
        ("a video (MOV)", "take a photo, or a frame of the video")
    } else {
        ("a video (MP4)", "take a photo, or a frame of the video")
    }
}
