//! The steps of the pipeline.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The steps of the pipeline, in the order of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// A device is being opened, drained or restored.
    Device,
    /// A checkpoint is being found, fetched or loaded: told of once as the file is found and opened,
    /// and once on each device as the network is built there.
    Model,
    /// A photo is being decoded or read from the storage.
    Photo,
    /// Persons are being looked for.
    Detection,
    /// A person is being cut out.
    Segmentation,
    /// The message is being spoken by a service, or its sound made ready.
    Message,
    /// A cut-out is being uploaded and its talk ordered.
    Talk,
    /// D-ID is making the video.
    Video,
    /// The video is being downloaded.
    Download,
    /// A photo, and all that came from it, is being deleted.
    Deletion,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 10] = [
        Self::Device,
        Self::Model,
        Self::Photo,
        Self::Detection,
        Self::Segmentation,
        Self::Message,
        Self::Talk,
        Self::Video,
        Self::Download,
        Self::Deletion,
    ];

    /// The stage as text, as in `segmentation`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Model => "model",
            Self::Photo => "photo",
            Self::Detection => "detection",
            Self::Segmentation => "segmentation",
            Self::Message => "message",
            Self::Talk => "talk",
            Self::Video => "video",
            Self::Download => "download",
            Self::Deletion => "deletion",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
