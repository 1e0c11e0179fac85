//! What an artifact is ([`Artifact`]), where it lies ([`Folder`]) and its full name ([`Key`]).

use std::fmt;
use std::str::FromStr;

use object_store::path::Path;
use serde::{Deserialize, Serialize};

use crate::error::excerpt;
use crate::id::ID_LEN;
use crate::{Error, Format, PhotoId, Subject, TaskId, VideoId};

/// The five folders; each has its own retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Folder {
    /// `uploads/`: photos as the user sent them.
    Uploads,
    /// `detected_persons/`: crops of the persons found in a photo.
    DetectedPersons,
    /// `background_removed/`: cut-outs with transparency.
    BackgroundRemoved,
    /// `d_id_videos/`: finished videos, and what is known of their orders.
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

    fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Cropped => "cropped",
            Self::Mask => "mask",
            Self::Result => "result",
        }
    }
}

/// What is stored, before its format is known.
///
/// With the [`Format`] found in the content this makes a [`Key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Artifact {
    /// A photo as the user sent it: `uploads/{photo}.{jpg,png,webp}`.
    Upload {
        /// The photo.
        photo: PhotoId,
    },
    /// A crop of one person: `detected_persons/{photo}_person_{person}.{jpg,png,webp}`.
    Person {
        /// The photo the person is in.
        photo: PhotoId,
        /// The number of the person, as detection gave it.
        person: u32,
    },
    /// A person without background: `background_removed/{photo}_person_{person}_nobg.png`.
    CutOut {
        /// The photo the person is in.
        photo: PhotoId,
        /// The number of the person, as detection gave it.
        person: u32,
    },
    /// A talking portrait: `d_id_videos/{photo}_person_{person}_{video}.{mp4,mov}`.
    ///
    /// The photo comes first, so that a photo's videos are found, and deleted, with it.
    Video {
        /// The photo the person is in.
        photo: PhotoId,
        /// The number of the person, as detection gave it.
        person: u32,
        /// One of possibly several videos of this person.
        video: VideoId,
    },
    /// What is known of the order of a video: `d_id_videos/{photo}_person_{person}_{video}_order.json`.
    ///
    /// It lies, expires and is deleted with the video it is about.
    Order {
        /// The photo the person is in.
        photo: PhotoId,
        /// The number of the person, as detection gave it.
        person: u32,
        /// The video ordered.
        video: VideoId,
    },
    /// A working file of a job: `temp/{task}/{name}.{any format}`.
    Temp {
        /// The job.
        task: TaskId,
        /// Which of its files.
        name: TempName,
    },
}

impl Artifact {
    /// The folder it lies in.
    #[must_use]
    pub fn folder(self) -> Folder {
        match self {
            Self::Upload { .. } => Folder::Uploads,
            Self::Person { .. } => Folder::DetectedPersons,
            Self::CutOut { .. } => Folder::BackgroundRemoved,
            Self::Video { .. } | Self::Order { .. } => Folder::DIdVideos,
            Self::Temp { .. } => Folder::Temp,
        }
    }

    /// The photo or task it belongs to, with which it is held and deleted.
    #[must_use]
    pub fn subject(self) -> Subject {
        match self {
            Self::Upload { photo }
            | Self::Person { photo, .. }
            | Self::CutOut { photo, .. }
            | Self::Video { photo, .. }
            | Self::Order { photo, .. } => Subject::Photo(photo),
            Self::Temp { task, .. } => Subject::Task(task),
        }
    }

    /// The formats it may be stored in.
    #[must_use]
    pub fn formats(self) -> &'static [Format] {
        match self {
            Self::Upload { .. } | Self::Person { .. } => &[Format::Jpeg, Format::Png, Format::WebP],
            // Only PNG: a cut-out needs transparency, and the next step reads PNG.
            Self::CutOut { .. } => &[Format::Png],
            Self::Video { .. } => &[Format::Mp4, Format::Mov],
            Self::Order { .. } => &[Format::Json],
            Self::Temp { .. } => &Format::ALL,
        }
    }

    /// Reads the name without extension that `Display` writes.
    fn parse(text: &str) -> Option<Self> {
        let (folder, name) = text.split_once('/')?;
        let folder = Folder::ALL.into_iter().find(|f| f.name() == folder)?;
        if folder == Folder::Temp {
            let (task, name) = name.split_once('/')?;
            let name = TempName::ALL.into_iter().find(|n| n.name() == name)?;
            let task = task.parse().ok()?;
            return Some(Self::Temp { task, name });
        }
        let photo = name.get(..ID_LEN)?.parse().ok()?;
        let rest = &name[ID_LEN..];
        if folder == Folder::Uploads {
            return rest.is_empty().then_some(Self::Upload { photo });
        }
        let rest = rest.strip_prefix("_person_")?;
        let (person, rest) = match rest.split_once('_') {
            Some((person, rest)) => (person, Some(rest)),
            None => (rest, None),
        };
        let person = person.parse().ok()?;
        match (folder, rest) {
            (Folder::DetectedPersons, None) => Some(Self::Person { photo, person }),
            (Folder::BackgroundRemoved, Some("nobg")) => Some(Self::CutOut { photo, person }),
            (Folder::DIdVideos, Some(video)) => Some(match video.strip_suffix("_order") {
                Some(video) => Self::Order { photo, person, video: video.parse().ok()? },
                None => Self::Video { photo, person, video: video.parse().ok()? },
            }),
            _ => None,
        }
    }
}

/// The path without its extension.
impl fmt::Display for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.folder())?;
        match self {
            Self::Upload { photo } => write!(f, "{photo}"),
            Self::Person { photo, person } => write!(f, "{photo}_person_{person}"),
            Self::CutOut { photo, person } => write!(f, "{photo}_person_{person}_nobg"),
            Self::Video { photo, person, video } => write!(f, "{photo}_person_{person}_{video}"),
            Self::Order { photo, person, video } => {
                write!(f, "{photo}_person_{person}_{video}_order")
            }
            Self::Temp { task, name } => write!(f, "{task}/{}", name.name()),
        }
    }
}

/// The full name of an artifact, such as `uploads/0197c2d4-….jpg`.
///
/// A key is made from ids and a format only. Reading one from text (also by serde) accepts exactly
/// the texts that `Display` writes, so no text from outside reaches a path: no `..`, no separators,
/// no second spelling of the same file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key {
    artifact: Artifact,
    format: Format,
}

impl Key {
    /// The key of `artifact` in `format`.
    ///
    /// # Errors
    /// [`Error::FormatNotAllowed`] when this kind of artifact is never stored in that format.
    pub fn new(artifact: Artifact, format: Format) -> Result<Self, Error> {
        if artifact.formats().contains(&format) {
            Ok(Self { artifact, format })
        } else {
            Err(Error::FormatNotAllowed { artifact, found: format })
        }
    }

    /// The key under which content that begins with `head` is stored as `artifact`.
    pub(crate) fn of_content(artifact: Artifact, head: &[u8]) -> Result<Self, Error> {
        let format = Format::sniff(head).ok_or(Error::UnknownFormat { artifact })?;
        Self::new(artifact, format)
    }

    /// What it names.
    #[must_use]
    pub fn artifact(self) -> Artifact {
        self.artifact
    }

    /// The format of the content.
    #[must_use]
    pub fn format(self) -> Format {
        self.format
    }

    /// The folder it lies in.
    #[must_use]
    pub fn folder(self) -> Folder {
        self.artifact.folder()
    }

    /// The photo or task it belongs to.
    #[must_use]
    pub fn subject(self) -> Subject {
        self.artifact.subject()
    }

    /// The path in the store.
    pub(crate) fn path(self) -> Path {
        Path::from(self.to_string())
    }

    /// Reads a path of the store; `None` for a file that is not of this crate.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (stem, extension) = text.rsplit_once('.')?;
        let key = Self::new(Artifact::parse(stem)?, Format::from_extension(extension)?).ok()?;
        // Comparing settles every doubt at once, such as `person_007` or `person_+7`.
        (key.to_string() == text).then_some(key)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.artifact, self.format.extension())
    }
}

impl FromStr for Key {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text).ok_or_else(|| Error::InvalidKey { text: excerpt(text) })
    }
}

impl TryFrom<String> for Key {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.to_string()
    }
}
