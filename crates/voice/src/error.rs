use thiserror::Error;

/// What can be wrong with a message or its sound. Each says what, where, and what to do.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no sound this crate decodes.
    #[error("sound: {what}; send WAV, MP3, FLAC, M4A (AAC) or Ogg Vorbis")]
    Unsupported {
        /// What it is, as far as it can be told.
        what: String,
    },
    /// The format is known, but the file breaks its rules or ends early.
    #[error("sound: the {format} file is damaged ({reason}); record or export it again")]
    Damaged {
        /// The format, such as `FLAC`.
        format: &'static str,
        /// Where it breaks.
        reason: String,
    },
    /// More bytes than allowed.
    #[error(
        "sound: it has {bytes} bytes, at most {max} are allowed; send a shorter or a compressed file"
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The most allowed.
        max: usize,
    },
    /// Longer than allowed.
    #[error("sound: it is longer than {max_seconds:.1} s; shorten it")]
    TooLong {
        /// The most seconds allowed.
        max_seconds: f64,
    },
    /// Shorter than allowed.
    #[error(
        "sound: it lasts {seconds:.2} s, at least {min_seconds:.2} s are needed; record a longer one"
    )]
    TooShort {
        /// Its length in seconds.
        seconds: f64,
        /// The fewest seconds allowed.
        min_seconds: f64,
    },
    /// Nothing is to be heard.
    #[error(
        "sound: its loudest part has {loudest_dbfs:.0} dBFS, which is silence; check the microphone"
    )]
    Silent {
        /// Level of the loudest moment in dB below full scale; minus infinity for digital silence.
        loudest_dbfs: f64,
    },
    /// An option is outside its range.
    #[error("option {option}: {reason}")]
    InvalidOption {
        /// Its name.
        option: &'static str,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// A field of a message breaks a limit or does not go with another.
    #[error("message.{field}: {reason}")]
    InvalidMessage {
        /// Its name.
        field: &'static str,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// No such voice profile.
    #[error("voice profile {id:?} is unknown; use one of: {known}")]
    UnknownVoiceProfile {
        /// The id asked for.
        id: String,
        /// The ids there are.
        known: String,
    },
    /// No such prosody preset.
    #[error("prosody preset {name:?} is unknown; use one of: {known}")]
    UnknownProsodyPreset {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// No such piece of music.
    #[error("background music {id:?} is not in the music folder; use one of: {known}")]
    UnknownTrack {
        /// The id asked for.
        id: String,
        /// The ids there are.
        known: String,
    },
    /// The file of voice profiles cannot be read.
    #[error("voice profiles: {reason}; correct the file")]
    InvalidProfiles {
        /// Where and why.
        reason: String,
    },
}

impl Error {
    pub(crate) fn option(option: &'static str, reason: impl Into<String>) -> Error {
        Error::InvalidOption { option, reason: reason.into() }
    }

    pub(crate) fn message(field: &'static str, reason: impl Into<String>) -> Error {
        Error::InvalidMessage { field, reason: reason.into() }
    }
}

/// An option as it must be: a number from `least` to `most`.
pub(crate) fn within(option: &'static str, value: f64, least: f64, most: f64) -> Result<(), Error> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::option(option, format!("{value} is outside {least} to {most}")))
}
