//! What an error means to whoever sent the request.

use serde::{Deserialize, Serialize};

/// What an error means to whoever sent the request; each code has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The request itself is wrong: it fails again until it is changed.
    BadInput,
    /// What the request names does not exist (any more).
    NotFound,
    /// A service behind the pipeline refused the request or failed.
    RefusedUpstream,
    /// Too much is asked for at present.
    Busy,
    /// Something the pipeline needs is missing, closed or broken.
    Unavailable,
    /// A step took too long.
    TimeOut,
    /// A fault of the program.
    Internal,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::BadInput,
        Self::NotFound,
        Self::RefusedUpstream,
        Self::Busy,
        Self::Unavailable,
        Self::TimeOut,
        Self::Internal,
    ];

    /// The HTTP status (RFC 9110, section 15) of an answer with such an error.
    pub fn http_status(self) -> u16 {
        match self {
            Self::BadInput => 422,
            Self::NotFound => 404,
            Self::RefusedUpstream => 502,
            Self::Busy => 429,
            Self::Unavailable => 503,
            Self::TimeOut => 504,
            Self::Internal => 500,
        }
    }

    /// Whether the same request may succeed later without being changed.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::RefusedUpstream | Self::Busy | Self::Unavailable | Self::TimeOut)
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::BadInput => "bad input",
            Self::NotFound => "not found",
            Self::RefusedUpstream => "refused upstream",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::TimeOut => "time-out",
            Self::Internal => "internal",
        }
    }
}
