//! The pipeline's one error, and what the catalogue knows of it.

use super::code::Tier;
use super::kind::Kind;
use crate::photo::PhotoError;
use crate::stage::Stage;
use portrait_kernels::DeviceError;
use portrait_storage::PhotoId;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// An error below an [`Error`]; shared, so that errors can be cloned.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Why a step failed. Every message is one line; [`code`](Self::code) is stable.
///
/// Clones share their causes ([`source`](std::error::Error::source)).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is no photo that can be used.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// The storage has no photo of this id.
    #[error("no photo {photo} is stored")]
    PhotoNotFound {
        /// The id asked for.
        photo: PhotoId,
    },
    /// The photo was deleted before or while it was worked on.
    #[error("photo {photo} was deleted")]
    Deleted {
        /// The photo.
        photo: PhotoId,
    },
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
    Weights(Arc<portrait_weights::Error>),
    /// The device could not be opened.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Detection failed.
    #[error(transparent)]
    Detection(Arc<portrait_detection::Error>),
    /// Segmentation failed.
    #[error(transparent)]
    Segmentation(Arc<portrait_segmentation::Error>),
    /// The device has not enough memory.
    #[error("{stage}: the device is out of memory: {}", first_line(source))]
    OutOfMemory {
        /// The step.
        stage: Stage,
        /// What the device says.
        source: Cause,
    },
    /// A step took too long and was given up.
    #[error("{stage} timed out after {} s", limit.as_secs_f64())]
    Timeout {
        /// The step.
        stage: Stage,
        /// The time it had.
        limit: Duration,
    },
    /// A step crashed; others are not affected.
    #[error("{stage} crashed: {message}")]
    Crashed {
        /// The step.
        stage: Stage,
        /// What is known of it: the message of a panic.
        message: String,
        /// The error behind it, where there is one.
        source: Option<Cause>,
    },
    /// Too many requests wait for the device: this one was refused at once.
    #[error("{stage}: too many requests wait; try again in {:.2} s", retry_after.as_secs_f64())]
    Busy {
        /// The step.
        stage: Stage,
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
        stage: Stage,
        /// What is known of it.
        message: String,
        /// What the device reported, where it did.
        source: Option<Cause>,
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
    DId(Arc<portrait_d_id::Error>),
    /// Storage failed.
    #[error(transparent)]
    Storage(Arc<portrait_storage::Error>),
    /// A stored record cannot be read. Of an order something may have been paid, so nothing is
    /// ordered.
    #[error(
        "`{key}` is no record that this version reads ({reason}): what it is about may be paid for"
    )]
    Record {
        /// The record.
        key: portrait_storage::Key,
        /// What is wrong with it.
        reason: String,
        /// The error behind it, where there is one.
        source: Option<Cause>,
    },
    /// A picture or a record could not be encoded.
    #[error("{what} cannot be encoded")]
    Encode {
        /// What.
        what: &'static str,
        /// Why.
        source: Cause,
    },
}

impl Error {
    /// A step that crashed with this message.
    pub(crate) fn crashed(stage: Stage, message: impl Into<String>) -> Self {
        Self::Crashed { stage, message: message.into(), source: None }
    }

    /// A step that failed in a way that nobody expects.
    pub(crate) fn unexpected(
        stage: Stage,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        let message = first_line(&source);
        Self::Crashed { stage, message, source: Some(Arc::new(source)) }
    }

    /// A stored record that is not what this version writes.
    pub(crate) fn record(key: portrait_storage::Key, source: serde_json::Error) -> Self {
        Self::Record { key, reason: source.to_string(), source: Some(Arc::new(source)) }
    }

    pub(crate) fn encode(
        what: &'static str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Encode { what, source: Arc::new(source) }
    }

    /// How severe it is.
    pub fn tier(&self) -> Tier {
        self.code().tier()
    }

    /// What it means to whoever sent the request.
    pub fn kind(&self) -> Kind {
        self.code().kind()
    }

    /// What the person who sent the request can do.
    pub fn user_action(&self) -> &'static str {
        self.code().user_action()
    }

    /// What whoever runs the program can do.
    pub fn operator_action(&self) -> &'static str {
        match self {
            Self::Record { .. } => {
                "Look for the talk in D-ID's Studio, then delete the record that the message names"
            }
            _ => self.code().operator_action(),
        }
    }

    /// The envelope of an answer: `{"success": false, "error": {code, message, tier, user_action,
    /// retry_after, details}}`, `retry_after` in seconds.
    pub fn to_json(&self) -> Value {
        json!({ "success": false, "error": {
            "code": self.code(),
            "message": self.to_string(),
            "tier": self.tier() as u8,
            "user_action": self.user_action(),
            "retry_after": self.retry_after().map(|delay| delay.as_secs_f64()),
            "details": self.details(),
        } })
    }
}

pub(super) fn first_line(error: &dyn std::error::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
