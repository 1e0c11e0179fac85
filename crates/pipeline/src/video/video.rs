//! A finished talk.

use crate::error::Warning;
use portrait_storage::Key;
use serde::{Deserialize, Serialize};

/// A finished talk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Video {
    /// D-ID's id of the talk; `None` for a video whose record is gone.
    pub talk_id: Option<String>,
    /// Where the video is kept in the pipeline's storage.
    pub key: Key,
    /// Its size.
    pub bytes: u64,
    /// Its length in seconds, where D-ID says so.
    pub seconds: Option<f64>,
    /// What to look at.
    pub warnings: Vec<Warning>,
}
