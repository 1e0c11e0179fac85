//! What a program may want to know of an error beside its message.

use super::code::Code;
use super::error::Error;
use super::message;
use crate::photo::PhotoError;
use crate::stage::Stage;
use serde_json::{Value, json};
use std::time::Duration;

impl Error {
    /// How long to wait before trying again, where a server said so or waiting helps.
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after(self)
    }

    /// What a program may want to know beside the message: an object, empty where there is nothing.
    pub fn details(&self) -> Value {
        details(self)
    }
}

fn retry_after(error: &Error) -> Option<Duration> {
    match error {
        Error::DId(_) | Error::Timeout { stage: Stage::Video, .. } => {
            let said = match error {
                Error::DId(error) => error.retry_after(),
                _ => None,
            };
            let usual = match error.code() {
                // A talk that is still being made, or may still show.
                Code::DIdTimeout | Code::DIdTalkAmbiguous | Code::DIdRateLimited => Some(60),
                Code::DIdUnavailable => Some(30),
                _ => None,
            };
            said.or(usual.map(Duration::from_secs))
        }
        Error::Message(error) => error.retry_after(),
        Error::Weights(error) => match &**error {
            portrait_weights::Error::HubRateLimited { retry_after, .. } => *retry_after,
            _ => None,
        },
        Error::Busy { retry_after, .. } => Some(*retry_after),
        Error::OutOfMemory { .. } => Some(Duration::from_secs(60)),
        _ => None,
    }
}

fn details(error: &Error) -> Value {
    match error {
        Error::Photo(PhotoError::TooManyBytes { found, limit }) => {
            json!({ "image_size_bytes": found, "max_size_bytes": limit })
        }
        Error::Photo(
            PhotoError::TooSmall { width, height, limit }
            | PhotoError::TooLarge { width, height, limit },
        ) => json!({ "width": width, "height": height, "limit": limit }),
        Error::PhotoNotFound { photo } | Error::Deleted { photo } => {
            json!({ "image_id": photo.to_string() })
        }
        Error::NoPerson { confidence } => json!({
            "confidence": confidence,
            "tips": [
                "Ensure people are visible and not obstructed",
                "Use good lighting conditions",
                "Upload high-resolution images (at least 640x480)",
            ],
        }),
        Error::UnknownPerson { unknown, known } => {
            json!({ "unknown_person_ids": unknown, "person_ids": known })
        }
        Error::Option { option, value, expected } => {
            json!({ "option": option, "value": value, "expected": expected })
        }
        Error::Timeout { stage, limit } => {
            json!({ "stage": stage, "timeout_seconds": limit.as_secs_f64() })
        }
        Error::OutOfMemory { stage, .. }
        | Error::Crashed { stage, .. }
        | Error::Busy { stage, .. }
        | Error::DeviceLost { stage, .. } => json!({ "stage": stage }),
        Error::Message(error) => message::details(error),
        _ => json!({}),
    }
}
