//! Where artifacts lie.

use std::fmt;

/// The five folders; each has its own retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Folder {
    /// `uploads/`: photos as the user sent them, and sounds that their persons say.
    Uploads,
    /// `detected_persons/`: who was found in a photo, and crops of these persons.
    DetectedPersons,
    /// `background_removed/`: cut-outs with transparency.
    BackgroundRemoved,
    /// `d_id_videos/`: finished videos, what is known of their orders, and deletions under way.
    DIdVideos,
    /// `temp/`: working files of running jobs, a sub-folder for each job.
    Temp,
}

impl Folder {
    /// Every folder.
    pub const ALL: [Self; 5] = [
        Self::Uploads,
        Self::DetectedPersons,
        Self::BackgroundRemoved,
        Self::DIdVideos,
        Self::Temp,
    ];

    /// The name, as it stands in keys.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Uploads => "uploads",
            Self::DetectedPersons => "detected_persons",
            Self::BackgroundRemoved => "background_removed",
            Self::DIdVideos => "d_id_videos",
            Self::Temp => "temp",
        }
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The names that a job's temporary files can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TempName {
    /// `input`: what the job works on.
    Input,
    /// `cropped`: a part of the input.
    Cropped,
    /// `mask`: a matte.
    Mask,
    /// `result`: what the job made.
    Result,
}

impl TempName {
    /// Every name.
    pub const ALL: [Self; 4] = [Self::Input, Self::Cropped, Self::Mask, Self::Result];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Cropped => "cropped",
            Self::Mask => "mask",
            Self::Result => "result",
        }
    }
}
