use crate::container::Format;
use crate::error::Error;
use crate::unread;

/// The container, and the bytes without the ID3 tags before it. Told from the content, since a
/// file's name is only what somebody called it.
pub(crate) fn sniff(mut bytes: &[u8]) -> Result<(Format, &[u8]), Error> {
    let mut tagged = false;
    while let Some(size) = id3_size(bytes) {
        tagged = true;
        bytes = bytes.get(size..).unwrap_or(&[]);
    }
    let is = |at: usize, magic: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(magic));
    let is_wave = is(8, b"WAVE") && [b"RIFF", b"RF64", b"BW64"].iter().any(|magic| is(0, *magic));
    let format = if is_wave {
        Format::Wav
    } else if is(0, b"fLaC") {
        Format::Flac
    } else if is(0, b"OggS") {
        Format::Ogg
    } else if is_webm(bytes) {
        Format::Webm
    } else if is(4, b"ftyp") && !unread::is_picture(bytes) {
        Format::Mp4
    } else if is_adts(bytes) {
        Format::Adts
    } else if is_mpeg_audio(bytes) || tagged {
        // Between a tag and the first frame there may be padding, which the reader skips.
        Format::Mp3
    } else {
        return Err(Error::Unsupported { what: unread::describe(bytes) });
    };
    Ok((format, bytes))
}

/// Size of an ID3v2 tag with its header (id3.org, ID3v2.4 structure, section 3.1).
fn id3_size(bytes: &[u8]) -> Option<usize> {
    let header = bytes.get(..10)?;
    if !header.starts_with(b"ID3") || header[6..].iter().any(|byte| *byte >= 0x80) {
        return None;
    }
    let size = header[6..].iter().fold(0, |size, byte| size << 7 | usize::from(*byte));
    let footer = if header[5] & 0x10 != 0 { 10 } else { 0 };
    Some(10 + size + footer)
}

/// A frame header of ADTS: twelve bits set, layer 0 (ISO/IEC 13818-7, 6.2).
fn is_adts(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, second, ..] if second & 0xf6 == 0xf0)
}

/// A frame header of MPEG audio: eleven bits set, and no reserved value (ISO/IEC 11172-3, 2.4.1.3).
fn is_mpeg_audio(bytes: &[u8]) -> bool {
    let [0xff, second, third, ..] = bytes else {
        return false;
    };
    let (version, layer) = (second >> 3 & 3, second >> 1 & 3);
    second & 0xe0 == 0xe0 && version != 1 && layer != 0 && third >> 4 != 0xf && third >> 2 & 3 != 3
}

/// An EBML header that names its kind near its start (RFC 9559, section 5; RFC 8794, 11.2.4).
fn is_webm(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(80)];
    let named = |kind: &[u8]| head.windows(kind.len()).any(|window| window == kind);
    head.starts_with(b"\x1a\x45\xdf\xa3")
        && (named(b"\x42\x82\x84webm") || named(b"\x42\x82\x88matroska"))
}
