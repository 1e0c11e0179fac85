use std::fmt;
use std::time::Duration;

use thiserror::Error;

/// What can be wrong with a message or its sound. Each says what, where, and what to do.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no sound this crate decodes.
    #[error("sound: {what}; send WAV, MP3, FLAC, M4A (AAC), or Ogg or WebM (Opus, Vorbis)")]
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
    /// The folder of music, or a file of it, cannot be read.
    #[error("music folder: {reason}; check the folder")]
    MusicFolder {
        /// What cannot be read, and why.
        reason: String,
    },
    /// Something is wrong with the background music rather than with the voice.
    #[error("background music: {0}")]
    Music(Box<Error>),
    /// Only a speech service could do it, and there is none.
    #[error("{reason}; configure a speech service, or send a recording")]
    NoSpeechService {
        /// Why one is needed.
        reason: String,
    },
    /// The speech service refused the request as it was sent (4xx).
    #[error(
        "speech service refused the text with status {status} ({reason}); correct text or voice"
    )]
    SpeechRefused {
        /// The HTTP status.
        status: u16,
        /// What the service says, in one line.
        reason: String,
    },
    /// The speech service refused the key (401, 403).
    #[error("speech service refused the key with status {status} ({reason}); check its API key")]
    SpeechUnauthorised {
        /// The HTTP status.
        status: u16,
        /// What the service says, in one line.
        reason: String,
    },
    /// The speech service cannot be reached, is busy, or failed.
    #[error("speech service failed: {reason}; try again {}", Later(*retry_after))]
    SpeechUnavailable {
        /// What happened, in one line.
        reason: String,
        /// How long the service asks to wait, where it says so.
        retry_after: Option<Duration>,
    },
    /// The speech service gave no whole answer in time.
    #[error("speech service: no answer within {} s; allow more time or send a shorter text", after.as_secs_f64())]
    SpeechTimeout {
        /// The time allowed.
        after: Duration,
    },
    /// The speech service answered something else than a sound.
    #[error("speech service: its answer is no sound ({reason}); is its address right?")]
    SpeechAnswer {
        /// What it is instead, in one line.
        reason: String,
    },
    /// The file of voice profiles cannot be read.
    #[error("voice profiles: {reason}; correct the file")]
    InvalidProfiles {
        /// Where and why.
        reason: String,
    },
}

impl Error {
    /// How long to wait before another try, where the speech service says so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::SpeechUnavailable { retry_after, .. } => *retry_after,
            Error::Music(error) => error.retry_after(),
            _ => None,
        }
    }

    pub(crate) fn option(option: &'static str, reason: impl Into<String>) -> Error {
        Error::InvalidOption { option, reason: reason.into() }
    }

    pub(crate) fn message(field: &'static str, reason: impl Into<String>) -> Error {
        Error::InvalidMessage { field, reason: reason.into() }
    }
}

struct Later(Option<Duration>);

impl fmt::Display for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(wait) => write!(f, "in {} s", wait.as_secs_f64().ceil()),
            None => f.write_str("later"),
        }
    }
}

/// An option as it must be: a number from `least` to `most`.
pub(crate) fn within(option: &'static str, value: f64, least: f64, most: f64) -> Result<(), Error> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::option(option, format!("{value} is outside {least} to {most}")))
}
