//! The pipeline's one error, and what the catalogue knows of it.

use crate::catalogue::{Code, Tier};
use crate::message_error;
use crate::photo::PhotoError;
use portrait_detection as detection;
use portrait_kernels::DeviceError;
use portrait_segmentation as segmentation;
use serde_json::{Value, json};
use std::time::Duration;

/// Why a step failed. Every message is one line; [`code`](Self::code) is stable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is no photo that can be used.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// Nobody was found in the photo.
    #[error("no persons detected in the photo")]
    NoPerson {
        /// The confidence that was asked for.
        confidence: f32,
    },
    /// A selected person is not among those found.
    #[error("no person {unknown:?} among those found: {known:?}")]
    UnknownPerson {
        /// Ids asked for that do not exist.
        unknown: Vec<usize>,
        /// Ids that exist.
        known: Vec<usize>,
    },
    /// A value is out of range.
    #[error("{option} = {value}: {expected}")]
    Option {
        /// The option.
        option: &'static str,
        /// What it held.
        value: String,
        /// What it takes.
        expected: String,
    },
    /// A checkpoint could not be found, fetched, opened or used.
    #[error(transparent)]
    Weights(portrait_weights::Error),
    /// The device could not be opened.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Detection failed.
    #[error(transparent)]
    Detection(detection::Error),
    /// Segmentation failed.
    #[error(transparent)]
    Segmentation(segmentation::Error),
    /// The device has not enough memory.
    #[error("{stage}: the device is out of memory: {message}")]
    OutOfMemory {
        /// The step.
        stage: &'static str,
        /// What the device says.
        message: String,
    },
    /// A step took too long and was given up.
    #[error("{stage} timed out after {} s", limit.as_secs_f64())]
    Timeout {
        /// The step.
        stage: &'static str,
        /// The time it had.
        limit: Duration,
    },
    /// A step crashed; others are not affected.
    #[error("{stage} crashed: {message}")]
    Crashed {
        /// The step.
        stage: &'static str,
        /// What is known of it.
        message: String,
    },
    /// Too many requests wait for the device: this one was refused at once.
    #[error("{stage}: too many requests wait; try again in {:.2} s", retry_after.as_secs_f64())]
    Busy {
        /// The step.
        stage: &'static str,
        /// When there should be room again, from the run times measured.
        retry_after: Duration,
    },
    /// The pipeline is closing: what is under way is finished, nothing new begins.
    #[error("the service is closing and takes no new requests")]
    Closing,
    /// The device failed and gets no more work, or none is left.
    #[error("{stage}: {message}")]
    DeviceLost {
        /// The step.
        stage: &'static str,
        /// What is known of it.
        message: String,
    },
    /// The pipeline was built without what this step needs.
    #[error("{what} is not configured: {advice}")]
    NotConfigured {
        /// What is missing.
        what: &'static str,
        /// How to give it.
        advice: &'static str,
    },
    /// The message, its sound or its music cannot be used, or its speech service failed.
    #[error(transparent)]
    Message(#[from] portrait_voice::Error),
    /// D-ID failed or refused.
    #[error(transparent)]
    DId(portrait_d_id::Error),
    /// Storage failed.
    #[error(transparent)]
    Storage(portrait_storage::Error),
    /// The record of an order cannot be read. Something may have been paid, so nothing is ordered.
    #[error(
        "`{key}` is no record of an order that this version reads ({reason}): look for the talk in D-ID's Studio, then delete the record"
    )]
    Order {
        /// The record.
        key: portrait_storage::Key,
        /// What is wrong with it.
        reason: String,
    },
    /// A picture could not be encoded.
    #[error("the picture cannot be encoded: {0}")]
    Encode(String),
}

impl Error {
    pub(crate) fn crashed(stage: &'static str, message: String) -> Self {
        Self::Crashed { stage, message }
    }

    /// The stable code, as in `NO_PERSON_DETECTED`.
    pub fn code(&self) -> Code {
        use detection::Error as D;
        use portrait_d_id::Error as Did;
        use portrait_weights::Error as W;
        use segmentation::Error as S;
        match self {
            Self::Photo(error) => match error {
                PhotoError::Empty => Code::ImageEmpty,
                PhotoError::TooManyBytes { .. }
                | PhotoError::TooLarge { .. }
                | PhotoError::TooMuchMemory(_) => Code::ImageTooLarge,
                PhotoError::Format { .. } => Code::ImageFormatUnsupported,
                PhotoError::TooSmall { .. } => Code::ImageTooSmall,
                PhotoError::Damaged(_) => Code::ImageDamaged,
            },
            Self::NoPerson { .. } => Code::NoPersonDetected,
            Self::UnknownPerson { .. } => Code::PersonNotFound,
            Self::Option { .. }
            | Self::Detection(D::InvalidOption { .. })
            | Self::Segmentation(S::Option { .. }) => Code::InvalidOption,
            Self::Weights(error) => match error {
                W::UnknownModel { .. } => Code::UnknownModel,
                W::NotFound { .. } | W::MissingFile { .. } => Code::WeightsMissing,
                W::HubNotFound { .. }
                | W::HubRefused { .. }
                | W::HubRateLimited { .. }
                | W::HubFailed { .. }
                | W::HubAnswer { .. }
                | W::Network { .. } => Code::WeightsDownloadFailed,
                _ => Code::WeightsInvalid,
            },
            Self::Detection(D::Weights(_) | D::InvalidConfig { .. })
            | Self::Segmentation(S::Config(_)) => Code::WeightsInvalid,
            Self::Device(_) | Self::DeviceLost { .. } => Code::DeviceUnavailable,
            Self::Detection(_) => Code::DetectionFailed,
            Self::Segmentation(S::BoxOutside { .. }) => Code::PersonNotFound,
            Self::Segmentation(_) => Code::SegmentationFailed,
            Self::OutOfMemory { .. } => Code::GpuOom,
            Self::Timeout { stage: "segmentation", .. } => Code::BirefnetTimeout,
            Self::Timeout { stage: "video", .. } => Code::DIdTimeout,
            Self::Timeout { .. } => Code::StageTimeout,
            Self::Crashed { .. } => Code::ServiceCrash,
            Self::Busy { .. } => Code::ServiceBusy,
            Self::Closing => Code::ServiceClosing,
            Self::NotConfigured { .. } => Code::NotConfigured,
            Self::Message(error) => message_error::code(error),
            Self::DId(error) => match error {
                Did::Unauthorised { .. } => Code::DIdUnauthorised,
                Did::InsufficientCredits { .. } => Code::DIdInsufficientCredits,
                Did::Moderation { .. } | Did::TalkRejected { .. } => Code::DIdModeration,
                Did::RateLimited { .. } => Code::DIdRateLimited,
                Did::Timeout { .. } => Code::DIdTimeout,
                Did::TalkFailed { .. } => Code::DIdTalkFailed,
                Did::InvalidRequest { .. }
                | Did::BadRequest { .. }
                | Did::InvalidImage { .. }
                | Did::Permission { .. }
                | Did::UnsupportedMediaType { .. } => Code::DIdRequestRefused,
                Did::CreateAmbiguous { .. } | Did::ListTooLong { .. } => Code::DIdTalkAmbiguous,
                _ => Code::DIdUnavailable,
            },
            Self::Storage(portrait_storage::Error::Deleted { .. }) => Code::ImageDeleted,
            Self::Storage(_) | Self::Order { .. } => Code::StorageFailed,
            Self::Encode(_) => Code::ServiceCrash,
        }
    }

    /// How severe it is.
    pub fn tier(&self) -> Tier {
        self.code().tier()
    }

    /// What the user can do.
    pub fn user_action(&self) -> &'static str {
        self.code().user_action()
    }

    /// How long to wait before trying again, where a server said so or waiting helps.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::DId(_) | Self::Timeout { stage: "video", .. } => {
                let said = match self {
                    Self::DId(error) => error.retry_after(),
                    _ => None,
                };
                let usual = match self.code() {
                    // A talk that is still being made, or may still show.
                    Code::DIdTimeout | Code::DIdTalkAmbiguous | Code::DIdRateLimited => Some(60),
                    Code::DIdUnavailable => Some(30),
                    _ => None,
                };
                said.or(usual.map(Duration::from_secs))
            }
            Self::Message(error) => error.retry_after(),
            Self::Weights(portrait_weights::Error::HubRateLimited { retry_after, .. }) => {
                *retry_after
            }
            Self::Busy { retry_after, .. } => Some(*retry_after),
            Self::OutOfMemory { .. } => Some(Duration::from_secs(60)),
            _ => None,
        }
    }

    /// What a program may want to know beside the message: an object, empty where there is nothing.
    pub fn details(&self) -> Value {
        match self {
            Self::Photo(PhotoError::TooManyBytes { found, limit }) => {
                json!({ "image_size_bytes": found, "max_size_bytes": limit })
            }
            Self::Photo(
                PhotoError::TooSmall { width, height, limit }
                | PhotoError::TooLarge { width, height, limit },
            ) => json!({ "width": width, "height": height, "limit": limit }),
            Self::NoPerson { confidence } => json!({
                "confidence": confidence,
                "tips": [
                    "Ensure people are visible and not obstructed",
                    "Use good lighting conditions",
                    "Upload high-resolution images (at least 640x480)",
                ],
            }),
            Self::UnknownPerson { unknown, known } => {
                json!({ "unknown_person_ids": unknown, "person_ids": known })
            }
            Self::Timeout { stage, limit } => {
                json!({ "stage": stage, "timeout_seconds": limit.as_secs_f64() })
            }
            Self::OutOfMemory { stage, .. }
            | Self::Crashed { stage, .. }
            | Self::Busy { stage, .. }
            | Self::DeviceLost { stage, .. } => json!({ "stage": stage }),
            Self::Message(error) => message_error::details(error),
            _ => json!({}),
        }
    }

    /// The seed's envelope: `{"success": false, "error": {code, message, tier, user_action,
    /// retry_after, details}}`, `retry_after` in seconds.
    pub fn to_json(&self) -> Value {
        json!({ "success": false, "error": self.to_json_body() })
    }

    pub(crate) fn to_json_body(&self) -> Value {
        json!({
            "code": self.code(),
            "message": self.to_string(),
            "tier": self.tier() as u8,
            "user_action": self.user_action(),
            "retry_after": self.retry_after().map(|delay| delay.as_secs_f64()),
            "details": self.details(),
        })
    }

    fn out_of_memory(stage: &'static str, error: &dyn std::error::Error) -> Option<Self> {
        let text = error.to_string();
        let message = text.lines().next().unwrap_or_default().to_owned();
        let lower = text.to_lowercase();
        let is = ["out of memory", "out_of_memory"].iter().any(|words| lower.contains(words));
        is.then_some(Self::OutOfMemory { stage, message })
    }
}

impl From<portrait_d_id::Error> for Error {
    /// What the record of an order failed with is an error of the storage.
    fn from(error: portrait_d_id::Error) -> Self {
        use portrait_d_id::Error as E;
        match error {
            E::NotRecorded { source } => match source.downcast::<Self>() {
                Ok(error) => *error,
                Err(source) => Self::DId(E::NotRecorded { source }),
            },
            error => Self::DId(error),
        }
    }
}

impl From<portrait_weights::Error> for Error {
    fn from(error: portrait_weights::Error) -> Self {
        Self::Weights(error)
    }
}

impl From<portrait_storage::Error> for Error {
    /// What a download into the storage failed with is an error of the download.
    fn from(error: portrait_storage::Error) -> Self {
        use portrait_storage::Error as S;
        match error {
            S::Input { artifact, source } => match source.downcast() {
                Ok(download) => Self::DId(*download),
                Err(source) => Self::Storage(S::Input { artifact, source }),
            },
            error => Self::Storage(error),
        }
    }
}

/// Tells wrong weights and a device without memory from other failures of the step.
impl From<detection::Error> for Error {
    fn from(error: detection::Error) -> Self {
        use detection::Error as D;
        match error {
            D::Weights(source) => match portrait_weights::Error::from_candle(source) {
                Ok(error) => Self::Weights(error),
                Err(source) => Self::out_of_memory("detection", &source)
                    .unwrap_or(Self::Detection(D::Weights(source))),
            },
            D::Run(source) => {
                Self::out_of_memory("detection", &source).unwrap_or(Self::Detection(D::Run(source)))
            }
            error => Self::Detection(error),
        }
    }
}

/// Tells wrong weights and a device without memory from other failures of the step.
impl From<segmentation::Error> for Error {
    fn from(error: segmentation::Error) -> Self {
        use segmentation::Error as S;
        match error {
            S::Model(source) => match portrait_weights::Error::from_candle(source) {
                Ok(error) => Self::Weights(error),
                Err(source) => Self::out_of_memory("segmentation", &source)
                    .unwrap_or(Self::Segmentation(S::Model(source))),
            },
            error => Self::Segmentation(error),
        }
    }
}
