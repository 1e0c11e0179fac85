//! What an artifact is.

use std::fmt;

use crate::name::folder::{Folder, TempName};
use crate::name::format::Format;
use crate::name::id::{ID_LEN, PhotoId, TaskId, VideoId};
use crate::name::recipe::RecipeId;
use crate::name::subject::Subject;

/// What is stored, before its format is known.
///
/// With the [`Format`] found in the content this makes a [`Key`](crate::Key).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Artifact {
    /// A photo as the user sent it: `uploads/{photo}.{jpg,png,webp}`.
    Upload {
        /// The photo.
        photo: PhotoId,
    },
    /// A sound that persons of the photo say: `uploads/{photo}_sound_{sound}.{wav,mp3}`.
    Sound {
        /// The photo whose persons speak.
        photo: PhotoId,
        /// Names the sound, such as by the message and the options it was made from.
        sound: RecipeId,
    },
    /// A crop of one person:
    /// `detected_persons/{photo}_person_{person}[_{recipe}].{jpg,png,webp}`.
    Person {
        /// The photo the person is in.
        photo: PhotoId,
        /// The number of the person, as detection gave it.
        person: u32,
        /// How the person was found and cropped. `None` in keys of former versions.
        recipe: Option<RecipeId>,
    },
    /// Who was found in a photo: `detected_persons/{photo}_detections_{recipe}.json`.
    Detections {
        /// The photo that was looked at.
        photo: PhotoId,
        /// The model and options of the detection.
        recipe: RecipeId,
    },
    /// A person without background:
    /// `background_removed/{photo}_person_{person}[_{recipe}]_nobg.png`.
    CutOut {
        /// The photo the person is in.
        photo: PhotoId,
        /// The number of the person, as detection gave it.
        person: u32,
        /// How the person was found and cut out. `None` in keys of former versions.
        recipe: Option<RecipeId>,
    },
    /// The whole photo without background: `background_removed/{photo}_{recipe}_nobg.png`.
    WholeCutOut {
        /// The photo.
        photo: PhotoId,
        /// How the background was removed.
        recipe: RecipeId,
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
    /// What is known of the order of a video:
    /// `d_id_videos/{photo}_person_{person}_{video}_order.json`.
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
    /// A deletion that has begun and is not finished: `d_id_videos/{photo}_deletion.json`.
    ///
    /// It never expires. [`Storage::delete_photo`](crate::Storage::delete_photo) removes it last,
    /// and only when all else is gone, so a deletion that was cut off is
    /// [found](crate::Storage::unfinished_deletions) and can be repeated.
    Deletion {
        /// The photo being deleted.
        photo: PhotoId,
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
            Self::Upload { .. } | Self::Sound { .. } => Folder::Uploads,
            Self::Person { .. } | Self::Detections { .. } => Folder::DetectedPersons,
            Self::CutOut { .. } | Self::WholeCutOut { .. } => Folder::BackgroundRemoved,
            Self::Video { .. } | Self::Order { .. } | Self::Deletion { .. } => Folder::DIdVideos,
            Self::Temp { .. } => Folder::Temp,
        }
    }

    /// The photo or task it belongs to, with which it is held and deleted.
    #[must_use]
    pub fn subject(self) -> Subject {
        match self {
            Self::Upload { photo }
            | Self::Sound { photo, .. }
            | Self::Person { photo, .. }
            | Self::Detections { photo, .. }
            | Self::CutOut { photo, .. }
            | Self::WholeCutOut { photo, .. }
            | Self::Video { photo, .. }
            | Self::Order { photo, .. }
            | Self::Deletion { photo } => Subject::Photo(photo),
            Self::Temp { task, .. } => Subject::Task(task),
        }
    }

    /// The formats it may be stored in.
    #[must_use]
    pub fn formats(self) -> &'static [Format] {
        match self {
            Self::Upload { .. } | Self::Person { .. } => &[Format::Jpeg, Format::Png, Format::WebP],
            // What a sound is encoded in before it is sent to D-ID.
            Self::Sound { .. } => &[Format::Wav, Format::Mp3],
            // Only PNG: a cut-out needs transparency, and the next step reads PNG.
            Self::CutOut { .. } | Self::WholeCutOut { .. } => &[Format::Png],
            Self::Video { .. } => &[Format::Mp4, Format::Mov],
            Self::Detections { .. } | Self::Order { .. } | Self::Deletion { .. } => &[Format::Json],
            Self::Temp { .. } => &Format::ALL,
        }
    }

    /// Whether it says that a deletion is under way: it does not expire, and goes last.
    pub(crate) fn records_deletion(self) -> bool {
        matches!(self, Self::Deletion { .. })
    }

    /// Reads the name without extension that `Display` writes; also some that it does not write,
    /// such as `person_007`, which [`Key`](crate::Key) refuses.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (folder, name) = text.split_once('/')?;
        let folder = Folder::ALL.into_iter().find(|f| f.name() == folder)?;
        if folder == Folder::Temp {
            let (task, name) = name.split_once('/')?;
            let name = TempName::ALL.into_iter().find(|n| n.name() == name)?;
            return Some(Self::Temp { task: TaskId::parse(task)?, name });
        }
        let photo = PhotoId::parse(name.get(..ID_LEN)?)?;
        let rest = &name[ID_LEN..];
        if let Some(rest) = rest.strip_prefix("_person_") {
            return Self::parse_of_person(folder, photo, rest);
        }
        match folder {
            Folder::Uploads if rest.is_empty() => Some(Self::Upload { photo }),
            Folder::Uploads => {
                let sound = RecipeId::parse(rest.strip_prefix("_sound_")?)?;
                Some(Self::Sound { photo, sound })
            }
            Folder::DetectedPersons => {
                let recipe = RecipeId::parse(rest.strip_prefix("_detections_")?)?;
                Some(Self::Detections { photo, recipe })
            }
            Folder::BackgroundRemoved => {
                let recipe = rest.strip_prefix('_')?.strip_suffix("_nobg")?;
                Some(Self::WholeCutOut { photo, recipe: RecipeId::parse(recipe)? })
            }
            Folder::DIdVideos => (rest == "_deletion").then_some(Self::Deletion { photo }),
            Folder::Temp => None,
        }
    }

    /// Reads what follows `{photo}_person_`.
    fn parse_of_person(folder: Folder, photo: PhotoId, text: &str) -> Option<Self> {
        let (person, rest) = match text.split_once('_') {
            Some((person, rest)) => (person, Some(rest)),
            None => (text, None),
        };
        let person = person.parse().ok()?;
        let recipe = |text: Option<&str>| match text {
            None => Some(None),
            Some(text) => RecipeId::parse(text).map(Some),
        };
        match (folder, rest) {
            (Folder::DetectedPersons, rest) => {
                Some(Self::Person { photo, person, recipe: recipe(rest)? })
            }
            (Folder::BackgroundRemoved, Some("nobg")) => {
                Some(Self::CutOut { photo, person, recipe: None })
            }
            (Folder::BackgroundRemoved, Some(rest)) => {
                let recipe = recipe(Some(rest.strip_suffix("_nobg")?))?;
                Some(Self::CutOut { photo, person, recipe })
            }
            (Folder::DIdVideos, Some(rest)) => Some(match rest.strip_suffix("_order") {
                Some(video) => Self::Order { photo, person, video: VideoId::parse(video)? },
                None => Self::Video { photo, person, video: VideoId::parse(rest)? },
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
            Self::Sound { photo, sound } => write!(f, "{photo}_sound_{sound}"),
            Self::Person { photo, person, recipe } => {
                write!(f, "{photo}_person_{person}")?;
                recipe.map_or(Ok(()), |recipe| write!(f, "_{recipe}"))
            }
            Self::Detections { photo, recipe } => write!(f, "{photo}_detections_{recipe}"),
            Self::CutOut { photo, person, recipe } => {
                write!(f, "{photo}_person_{person}")?;
                recipe.map_or(Ok(()), |recipe| write!(f, "_{recipe}"))?;
                f.write_str("_nobg")
            }
            Self::WholeCutOut { photo, recipe } => write!(f, "{photo}_{recipe}_nobg"),
            Self::Video { photo, person, video } => write!(f, "{photo}_person_{person}_{video}"),
            Self::Order { photo, person, video } => {
                write!(f, "{photo}_person_{person}_{video}_order")
            }
            Self::Deletion { photo } => write!(f, "{photo}_deletion"),
            Self::Temp { task, name } => write!(f, "{task}/{}", name.name()),
        }
    }
}
