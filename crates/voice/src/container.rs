//! The containers of sound files.

/// The container of a sound file, told by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Wav,
    Mp3,
    Flac,
    Mp4,
    Adts,
    Ogg,
    Webm,
}

impl Format {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Format::Wav => "WAV",
            Format::Mp3 => "MP3",
            Format::Flac => "FLAC",
            Format::Mp4 => "M4A",
            Format::Adts => "AAC",
            Format::Ogg => "Ogg",
            Format::Webm => "WebM or Matroska",
        }
    }

    /// Whether a decoder must be able to decode every packet of a sound file.
    pub(crate) fn is_lossless(self) -> bool {
        matches!(self, Format::Wav | Format::Flac)
    }
}
