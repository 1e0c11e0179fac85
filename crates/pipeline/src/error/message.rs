//! What can be wrong with a message, in the pipeline's codes.

use super::code::Code;
use portrait_voice::Error;
use serde_json::{Value, json};

pub(crate) fn code(error: &Error) -> Code {
    match error {
        Error::Music(error) => code(error),
        Error::Unsupported { .. } => Code::AudioFormatUnsupported,
        Error::Damaged { .. } => Code::AudioDamaged,
        Error::TooLarge { .. } | Error::TooLong { .. } => Code::AudioTooLarge,
        Error::TooShort { .. } => Code::AudioTooShort,
        Error::Silent { .. } => Code::AudioSilent,
        Error::InvalidOption { .. } => Code::InvalidOption,
        Error::NoSpeechService { .. } | Error::MusicFolder { .. } => Code::NotConfigured,
        Error::SpeechRefused { .. } => Code::SpeechRefused,
        Error::SpeechUnauthorised { .. } => Code::SpeechUnauthorised,
        Error::SpeechTimeout { .. } => Code::SpeechTimeout,
        Error::SpeechUnavailable { .. } | Error::SpeechAnswer { .. } => Code::SpeechUnavailable,
        _ => Code::MessageInvalid,
    }
}

pub(crate) fn details(error: &Error) -> Value {
    match error {
        Error::Music(error) => {
            let mut details = details(error);
            details["of"] = "music".into();
            details
        }
        Error::TooLarge { bytes, max } => {
            json!({ "audio_size_bytes": bytes, "max_size_bytes": max })
        }
        Error::TooLong { max_seconds } => json!({ "max_seconds": max_seconds }),
        Error::TooShort { seconds, min_seconds } => {
            json!({ "seconds": seconds, "min_seconds": min_seconds })
        }
        Error::InvalidMessage { field, .. } => json!({ "field": field }),
        Error::SpeechRefused { status, .. } | Error::SpeechUnauthorised { status, .. } => {
            json!({ "status": status })
        }
        Error::SpeechTimeout { after } => json!({ "timeout_seconds": after.as_secs_f64() }),
        _ => json!({}),
    }
}
