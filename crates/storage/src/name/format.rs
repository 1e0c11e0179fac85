//! Formats by their first bytes: a name or a header from outside is never believed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A format that artifacts are stored in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JPEG, `image/jpeg`.
    Jpeg,
    /// PNG, `image/png`.
    Png,
    /// WebP, `image/webp`.
    WebP,
    /// MPEG-4 video, `video/mp4`.
    Mp4,
    /// QuickTime video, `video/quicktime`.
    Mov,
    /// A JSON object, `application/json`: what a program keeps of its own work.
    Json,
    /// RIFF WAVE sound, `audio/wav`.
    Wav,
    /// MPEG audio layer III, `audio/mpeg`.
    Mp3,
}

/// Major brands of files that are MPEG-4 video (ISO/IEC 14496-12 and -14; the register at
/// mp4ra.org). HEIF and AVIF pictures share the container and are told apart by this.
const MP4_BRANDS: [&[u8; 4]; 17] = [
    b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso7", b"iso8", b"iso9", b"mp41",
    b"mp42", b"mp71", b"avc1", b"dash", b"M4V ", b"M4VH", b"MSNV",
];

impl Format {
    /// Every format.
    pub const ALL: [Self; 8] =
        [Self::Jpeg, Self::Png, Self::WebP, Self::Mp4, Self::Mov, Self::Json, Self::Wav, Self::Mp3];

    /// How many of the first bytes [`sniff`](Self::sniff) looks at.
    pub const SNIFF_LEN: usize = 12;

    /// The format of the content that begins with `head`, or `None` when it is none of these or
    /// fewer than [`SNIFF_LEN`](Self::SNIFF_LEN) bytes are given.
    ///
    /// Only the signature is checked: whether the rest decodes is for a decoder to say.
    #[must_use]
    pub fn sniff(head: &[u8]) -> Option<Self> {
        let head = head.first_chunk::<{ Self::SNIFF_LEN }>()?;
        let brand = head[8..].first_chunk::<4>()?;
        if head.starts_with(&[0xff, 0xd8, 0xff]) {
            Some(Self::Jpeg)
        } else if head.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if head.starts_with(b"RIFF") && brand == b"WEBP" {
            Some(Self::WebP)
        } else if &head[4..8] == b"ftyp" && brand == b"qt  " {
            Some(Self::Mov)
        } else if &head[4..8] == b"ftyp" && MP4_BRANDS.contains(&brand) {
            Some(Self::Mp4)
        } else if head.starts_with(b"{\"") {
            Some(Self::Json)
        } else if head.starts_with(b"RIFF") && brand == b"WAVE" {
            Some(Self::Wav)
        } else if is_mp3(head) {
            Some(Self::Mp3)
        } else {
            None
        }
    }

    /// The file extension, without a dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::WebP => "webp",
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
            Self::Json => "json",
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
        }
    }

    /// The media type, as for an HTTP `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::Mp4 => "video/mp4",
            Self::Mov => "video/quicktime",
            Self::Json => "application/json",
            Self::Wav => "audio/wav",
            Self::Mp3 => "audio/mpeg",
        }
    }

    /// The inverse of [`extension`](Self::extension).
    pub(crate) fn from_extension(extension: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.extension() == extension)
    }

    /// The names of several formats, for a message.
    pub(crate) fn names(formats: &[Self]) -> String {
        let names: Vec<_> = formats.iter().map(ToString::to_string).collect();
        names.join(", ")
    }
}

/// Whether an ID3v2 tag (id3.org, ID3v2.4.0, section 3.1) or a frame of layer III (ISO/IEC 11172-3,
/// section 2.4.1.3) stands at the beginning.
fn is_mp3(head: &[u8; Format::SNIFF_LEN]) -> bool {
    if head.starts_with(b"ID3") {
        // Neither the version nor a byte of the length can be so large.
        return head[3] < 0xff && head[4] < 0xff && head[6..10].iter().all(|b| *b < 0x80);
    }
    let (sync, version) = (head[0] == 0xff && head[1] >= 0xe0, head[1] >> 3 & 0b11);
    let (layer, bit_rate, rate) = (head[1] >> 1 & 0b11, head[2] >> 4, head[2] >> 2 & 0b11);
    // The values left out are reserved.
    sync && version != 0b01 && layer == 0b01 && bit_rate != 0b1111 && rate != 0b11
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Mp4 => "MP4",
            Self::Mov => "MOV",
            Self::Json => "JSON",
            Self::Wav => "WAV",
            Self::Mp3 => "MP3",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_told_apart() {
        let cases: [(&[u8], Option<Format>); 24] = [
            (b"{\"version\":1}", Some(Format::Json)),
            (b"{not an object", None),
            (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01", Some(Format::Jpeg)),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Some(Format::Png)),
            (b"RIFF\x24\0\0\0WEBPVP8 ", Some(Format::WebP)),
            (b"\0\0\0\x20ftypisom\0\0\x02\0", Some(Format::Mp4)),
            (b"\0\0\0\x1cftypmp42\0\0\0\0", Some(Format::Mp4)),
            (b"\0\0\0\x14ftypqt  \0\0\0\0", Some(Format::Mov)),
            (b"\0\0\0\x1cftypavif\0\0\0\0", None),
            (b"\0\0\0\x18ftypheic\0\0\0\0", None),
            (b"RIFF\x24\0\0\0WAVEfmt ", Some(Format::Wav)),
            (b"RIFF\x24\0\0\0AVI LIST", None),
            (b"ID3\x04\0\0\0\0\x01\x7f\0\0", Some(Format::Mp3)),
            (b"ID3\x04\0\0\0\0\x01\x80\0\0", None),
            // MPEG-1 at 32 kHz and MPEG-2; layer I, a reserved rate of bits, and UTF-16 text.
            (b"\xff\xfb\x98\xc4\0\0\0\0\0\0\0\0", Some(Format::Mp3)),
            (b"\xff\xf3\x48\xc4\0\0\0\0\0\0\0\0", Some(Format::Mp3)),
            (b"\xff\xff\x98\xc4\0\0\0\0\0\0\0\0", None),
            (b"\xff\xfb\xf8\xc4\0\0\0\0\0\0\0\0", None),
            (b"\xff\xfea\0b\0c\0d\0e\0", None),
            (b"GIF89a\x01\0\x01\0\0\0", None),
            (b"<svg xmlns=\"http", None),
            (b"#!/bin/sh\nexit", None),
            (b"", None),
            (b"\xff\xd8\xff\xe0", None),
        ];
        for (head, format) in cases {
            assert_eq!(Format::sniff(head), format, "{head:?}");
        }
    }

    #[test]
    fn every_extension_names_its_format() {
        for format in Format::ALL {
            assert_eq!(Format::from_extension(format.extension()), Some(format));
        }
        assert_eq!(Format::from_extension("jpeg"), None);
    }
}
