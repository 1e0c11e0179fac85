//! Names for what is not read, so that a message can say more than no.

use crate::container::Format;

/// Files by the bytes at a place.
const KNOWN: [(usize, &[u8], &str); 49] = [
    (0, b"FORM", "AIFF is not decoded"),
    (0, b"#!AMR", "AMR is not decoded"),
    (0, b"caff", "CAF is not decoded"),
    (0, b"\x30\x26\xb2\x75", "Windows Media (WMA, WMV) is not decoded"),
    (0, b"\x1a\x45\xdf\xa3", "WebM or Matroska without its header is not decoded"),
    (0, b"RIFX", "RIFX is not decoded"),
    (0, b".snd", "AU is not decoded"),
    (0, b"wvpk", "WavPack is not decoded"),
    (0, b"MAC ", "Monkey's Audio is not decoded"),
    (0, b"MPCK", "Musepack is not decoded"),
    (0, b"MP+", "Musepack is not decoded"),
    (0, b"TTA1", "True Audio is not decoded"),
    (0, b"DSD ", "DSD is not decoded"),
    (0, b"FRM8", "DSD is not decoded"),
    (0, b".RMF", "RealMedia is not decoded"),
    (0, b"\x0b\x77", "AC-3 is not decoded"),
    (0, b"Creative Voice File", "VOC is not decoded"),
    (0, b"#!SILK", "SILK is not decoded"),
    (0, b"\x02#!SILK", "SILK is not decoded"),
    (0, b"MThd", "MIDI holds notes and no sound"),
    (8, b"RMID", "MIDI holds notes and no sound"),
    (8, b"AVI ", "AVI, a film, is of no known format of sound"),
    (0, b"FLV\x01", "Flash video is not decoded"),
    (0, b"\0\0\x01\xba", "an MPEG film is not decoded"),
    (0, b"\0\0\x01\xb3", "an MPEG film is not decoded"),
    (4, b"moov", "QuickTime of an old kind is not decoded"),
    (4, b"mdat", "QuickTime of an old kind is not decoded"),
    (0, b"\x89PNG", "it is a picture"),
    (0, b"\xff\xd8\xff", "it is a picture"),
    (0, b"GIF8", "it is a picture"),
    (0, b"BM", "it is a picture"),
    (8, b"WEBP", "it is a picture"),
    (0, b"II*\0", "it is a picture"),
    (0, b"MM\0*", "it is a picture"),
    (8, b"heic", "it is a picture"),
    (8, b"heix", "it is a picture"),
    (8, b"mif1", "it is a picture"),
    (8, b"avif", "it is a picture"),
    (0, b"%PDF", "it is a document"),
    (0, b"{\\rtf", "it is a document"),
    (0, b"PK\x03\x04", "it is a ZIP archive or a document"),
    (0, b"\x1f\x8b", "it is a compressed archive"),
    (0, b"7z\xbc\xaf", "it is a compressed archive"),
    (0, b"Rar!", "it is a compressed archive"),
    (0, b"<!DOCTYPE", "it is a web page"),
    (0, b"<!doctype", "it is a web page"),
    (0, b"<html", "it is a web page"),
    (0, b"#EXTM3U", "it is a playlist and holds no sound itself"),
    (0, b"[playlist]", "it is a playlist and holds no sound itself"),
];

/// What a file is that none of the formats is.
pub(crate) fn describe(bytes: &[u8]) -> String {
    let starts =
        |at: &usize, magic: &[u8]| bytes.get(*at..).is_some_and(|rest| rest.starts_with(magic));
    // Packets of 188 bytes, each with the same first byte.
    let is_transport = [0, 188, 376].iter().all(|at| bytes.get(*at) == Some(&0x47));
    match KNOWN.iter().find(|(at, magic, _)| starts(at, magic)) {
        _ if bytes.is_empty() => "it has no content".to_owned(),
        Some((_, _, what)) => (*what).to_owned(),
        None if is_transport => "an MPEG transport stream is not decoded".to_owned(),
        None => "its content is of no known format".to_owned(),
    }
}

/// Whether the first bytes of an MP4 are those of a picture in such a container.
pub(crate) fn is_picture(bytes: &[u8]) -> bool {
    [b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis"]
        .iter()
        .any(|brand| bytes.get(8..12) == Some(brand.as_slice()))
}

/// Codecs by the mark that they leave in a container.
const CODECS: [(Format, &[u8], &str); 16] = [
    (Format::Mp4, b"samr", "AMR"),
    (Format::Mp4, b"sawb", "AMR"),
    (Format::Mp4, b"ac-3", "AC-3"),
    (Format::Mp4, b"ec-3", "AC-3"),
    (Format::Mp4, b"drms", "copy protection"),
    (Format::Mp4, b"enca", "copy protection"),
    (Format::Mp4, b"aavd", "copy protection"),
    (Format::Mp4, b"dOps", "Opus of more than two channels"),
    (Format::Mp4, b"esds", "a kind of AAC (such as HE-AAC v2 or xHE-AAC)"),
    (Format::Ogg, b"OpusHead", "Opus of more than two channels"),
    (Format::Ogg, b"Speex   ", "Speex"),
    (Format::Webm, b"A_OPUS", "Opus of more than two channels"),
    (Format::Webm, b"A_AAC", "a kind of AAC"),
    (Format::Webm, b"A_AC3", "AC-3"),
    (Format::Webm, b"A_EAC3", "AC-3"),
    (Format::Webm, b"A_DTS", "DTS"),
];

/// The codec in a container, where it is known: `M4A with AMR`.
pub(crate) fn codec_in(format: Format, bytes: &[u8]) -> String {
    let here = CODECS.iter().filter(|(container, _, _)| *container == format);
    let mut found = here.filter(|(_, mark, _)| contains(bytes, mark));
    match found.next() {
        Some((_, _, codec)) => format!("{} with {codec}", format.name()),
        None if format == Format::Mp3 => "MPEG audio of layer I or II".to_owned(),
        None => format!("the codec in this {} file", format.name()),
    }
}

/// What a file is that is read but has no sound.
pub(crate) fn without_sound(format: Format, bytes: &[u8]) -> String {
    let is_film = match format {
        Format::Mp4 => contains(bytes, b"vide"),
        Format::Webm => contains(bytes, b"V_"),
        Format::Ogg => contains(bytes, b"theora"),
        _ => false,
    };
    match format {
        Format::Mp4 if contains(bytes, b"soun") => {
            format!("{} is not decoded", codec_in(format, bytes))
        }
        _ if is_film => "it is a film without sound".to_owned(),
        Format::Ogg => format!("{} is not decoded", codec_in(format, bytes)),
        _ => format!("the {} has no sound", format.name()),
    }
}

fn contains(bytes: &[u8], mark: &[u8]) -> bool {
    bytes.windows(mark.len()).any(|window| window == mark)
}
