//! What stands in a PNG file beside its pixels.

use super::colour::Source;
use super::error::PhotoError;
use super::formats;
use super::metadata::Metadata;
use flate2::Crc;
use flate2::read::ZlibDecoder;
use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorProfile, MatrixCoefficients, TransferCharacteristics,
};
use std::io::Read;

const SIGNATURE: usize = 8;
/// Bytes of a text or a profile, unpacked, at most: they may be bombs.
const MOST_TEXT: u64 = 4 << 20;

/// A PNG file, taken apart.
#[derive(Debug)]
pub(super) struct PngFile {
    /// The file without all that is not needed for its pixels: a smaller place for bombs, and
    /// of an animation there is the picture that it begins with.
    pub(super) pixels: Vec<u8>,
    pub(super) metadata: Metadata,
}

/// A chunk: its kind, its data, and all of its bytes.
struct Chunk<'a> {
    kind: [u8; 4],
    data: &'a [u8],
    all: &'a [u8],
}

/// The whole chunks of a file, and the bytes behind the last one.
fn chunks(bytes: &[u8]) -> (Vec<Chunk<'_>>, &[u8]) {
    let (mut chunks, mut rest) = (Vec::new(), bytes.get(SIGNATURE..).unwrap_or_default());
    while let Some(head) = rest.first_chunk::<8>() {
        let [l0, l1, l2, l3, kind @ ..] = *head;
        let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        let Some(data) = rest.get(8..8 + length) else { break };
        if rest.len() < length + 12 {
            break;
        }
        chunks.push(Chunk { kind, data, all: &rest[..length + 12] });
        rest = &rest[length + 12..];
        if kind == *b"IEND" {
            break;
        }
    }
    (chunks, rest)
}

/// Takes a file apart.
///
/// # Errors
/// [`PhotoError::Format`] for the files that only Apple's programs read.
pub(super) fn open(bytes: &[u8]) -> Result<PngFile, PhotoError> {
    let (chunks, rest) = chunks(bytes);
    if chunks.first().is_some_and(|chunk| chunk.kind == *b"CgBI") {
        let advice = "take the PNG file from before Xcode changed it, or save it as PNG with \
                      Preview on a Mac";
        return Err(formats::kind("a PNG file of an iOS app (CgBI)", advice));
    }
    let mut pixels = bytes[..SIGNATURE.min(bytes.len())].to_vec();
    let is_needed =
        |kind: &[u8]| kind.first().is_some_and(u8::is_ascii_uppercase) || kind == b"tRNS";
    for chunk in &chunks {
        if is_needed(&chunk.kind) {
            pixels.extend_from_slice(chunk.all);
        }
    }
    let has_pixels = chunks.iter().any(|chunk| chunk.kind == *b"IDAT");
    // What is cut off is only missed where it belongs to the pixels.
    let is_missed = !has_pixels || rest.get(4..8).is_some_and(is_needed);
    if is_missed && chunks.last().is_none_or(|chunk| chunk.kind != *b"IEND") {
        pixels.extend_from_slice(rest);
    }
    Ok(PngFile { pixels, metadata: metadata(&chunks) })
}

/// Why the pixels could not be decoded, in plain words.
pub(super) fn what_is_wrong(bytes: &[u8]) -> &'static str {
    let (chunks, _) = chunks(bytes);
    let is_right = |chunk: &Chunk<'_>| {
        let mut sum = Crc::new();
        let (content, stored) = chunk.all[4..].split_at(chunk.all.len() - 8);
        sum.update(content);
        sum.sum().to_be_bytes() == stored
    };
    if !chunks.iter().filter(|chunk| chunk.kind[0].is_ascii_uppercase()).all(is_right) {
        "a checksum in the PNG file is wrong, so the file was damaged"
    } else if chunks.last().is_none_or(|chunk| chunk.kind != *b"IEND") {
        "the PNG file is cut off before its end"
    } else {
        "the pixels of the PNG file are damaged or incomplete"
    }
}

fn metadata(chunks: &[Chunk<'_>]) -> Metadata {
    let of = |kind: &[u8; 4]| {
        let found = chunks.iter().find(|chunk| chunk.kind == *kind);
        found.map(|chunk| chunk.data)
    };
    // The order of PNG's third edition (section 4.3).
    let colours = of(b"cICP")
        .and_then(cicp)
        .or_else(|| of(b"iCCP").and_then(icc))
        .or_else(|| if of(b"sRGB").is_some() { None } else { gamma(of(b"gAMA")?, of(b"cHRM")) });
    let mut exif: Vec<Vec<u8>> = of(b"eXIf").map(<[u8]>::to_vec).into_iter().collect();
    let mut xmp = Vec::new();
    // One of each is enough, and a thousand are a bomb.
    let first = |names: &[&str]| {
        chunks.iter().find_map(|chunk| {
            let text = Text::of(chunk)?;
            names.iter().any(|name| text.key == name.as_bytes()).then_some(text)
        })
    };
    for names in [["Raw profile type exif", "Raw profile type APP1"], ["EXIF", "exif"]] {
        exif.extend(first(&names).and_then(|text| profile_in_hex(&text.unpacked())));
    }
    xmp.extend(first(&["XML:com.adobe.xmp"]).map(|text| text.unpacked()));
    xmp.extend(first(&["Raw profile type xmp"]).and_then(|text| profile_in_hex(&text.unpacked())));
    // APP1 of JPEG is EXIF or XMP.
    let (packets, blocks) = exif.into_iter().partition(|block| block.starts_with(b"http"));
    let packets: Vec<Vec<u8>> = packets;
    xmp.extend(packets);
    Metadata { colours, exif: blocks, xmp }
}

fn unpack(data: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    // What can be read counts: a damaged text does no harm.
    let _ = ZlibDecoder::new(data).take(MOST_TEXT).read_to_end(&mut unpacked);
    unpacked
}

fn icc(data: &[u8]) -> Option<Source> {
    let name = data.iter().take(80).position(|&byte| byte == 0)?;
    // Behind the name stands the number of the method.
    Some(Source::Icc(unpack(data.get(name + 2..)?)))
}

fn cicp(data: &[u8]) -> Option<Source> {
    let &[primaries, transfer, 0, 1] = data else { return None };
    let cicp = CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(primaries).ok()?,
        transfer_characteristics: TransferCharacteristics::try_from(transfer).ok()?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    };
    // Brighter than white is not for a conversion without tone mapping.
    let (pq, hlg) = (16, 18);
    if [pq, hlg].contains(&transfer) {
        return None;
    }
    Some(Source::Named(Box::new(ColorProfile::new_from_cicp(cicp))))
}

fn gamma(gamma: &[u8], primaries: Option<&[u8]>) -> Option<Source> {
    let hundred_thousandths = |bytes: &[u8; 4]| u32::from_be_bytes(*bytes) as f32 / 100_000.0;
    let exponent = 1.0 / hundred_thousandths(gamma.try_into().ok()?);
    let primaries = primaries.and_then(|data| {
        let (numbers, _) = data.as_chunks::<4>();
        let points: Vec<[f32; 2]> = numbers
            .chunks_exact(2)
            .map(|pair| [0, 1].map(|at| hundred_thousandths(&pair[at])))
            .collect();
        points.try_into().ok()
    });
    Some(Source::Gamma { gamma: exponent, primaries })
}

/// A text of a PNG file.
struct Text<'a> {
    key: &'a [u8],
    value: &'a [u8],
    is_packed: bool,
}

impl<'a> Text<'a> {
    fn of(chunk: &Chunk<'a>) -> Option<Self> {
        let split = |data: &'a [u8]| {
            let end = data.iter().position(|&byte| byte == 0)?;
            Some((&data[..end], &data[end + 1..]))
        };
        match &chunk.kind {
            b"tEXt" => {
                let (key, value) = split(chunk.data)?;
                Some(Self { key, value, is_packed: false })
            }
            b"zTXt" => {
                let (key, rest) = split(chunk.data)?;
                Some(Self { key, value: rest.get(1..)?, is_packed: true })
            }
            b"iTXt" => {
                let (key, rest) = split(chunk.data)?;
                let (_language, value) = split(rest.get(2..)?)?;
                let (_translated, value) = split(value)?;
                Some(Self { key, value, is_packed: rest[0] == 1 })
            }
            _ => None,
        }
    }

    fn unpacked(&self) -> Vec<u8> {
        if self.is_packed { unpack(self.value) } else { self.value.to_vec() }
    }
}

/// What ImageMagick and ExifTool keep as text: the name of the profile, its length, and its bytes
/// in hexadecimal digits, on lines of their own.
fn profile_in_hex(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii_start();
    let after_line = |text: &[u8]| {
        let end = text.iter().position(|&byte| byte == b'\n')?;
        Some(text[end + 1..].trim_ascii_start().to_vec())
    };
    let digits = after_line(&after_line(text)?)?;
    let digits: Vec<u8> = digits.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let value = |digit: u8| char::from(digit).to_digit(16);
    let (pairs, _) = digits.as_chunks::<2>();
    pairs.iter().map(|&[high, low]| Some((value(high)? << 4 | value(low)?) as u8)).collect()
}
