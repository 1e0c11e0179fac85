//! A message that is ready to be said.

use super::identity::Identities;
use crate::picture::Background;
use bytes::Bytes;
use portrait_d_id::WaitOptions;
use portrait_voice::{Prepared, SpokenText};

/// A message made ready by [`Pipeline::prepare_message`](crate::Pipeline::prepare_message).
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedMessage {
    pub(crate) said: Said,
    pub(crate) background: Background,
    pub(crate) wait: WaitOptions,
    pub(crate) identities: Identities,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    /// For D-ID's providers.
    Text(SpokenText),
    /// For upload.
    Sound(Prepared),
    /// For upload: made before, and kept with the photo.
    Kept(SoundFile),
}

/// A sound for upload.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SoundFile {
    pub(crate) bytes: Bytes,
    pub(crate) media_type: &'static str,
    pub(crate) extension: &'static str,
}

impl Said {
    /// The sound to upload; or the text for D-ID's providers.
    pub(crate) fn file(&self) -> Result<SoundFile, &SpokenText> {
        match self {
            Self::Text(spoken) => Err(spoken),
            Self::Sound(Prepared { file, .. }) => Ok(SoundFile {
                bytes: file.bytes.clone(),
                media_type: file.format.media_type(),
                extension: file.format.extension(),
            }),
            Self::Kept(file) => Ok(file.clone()),
        }
    }
}

impl PreparedMessage {
    /// The sound that D-ID will get; `None` where its providers speak.
    pub fn sound(&self) -> Option<&Prepared> {
        match &self.said {
            Said::Text(_) | Said::Kept(_) => None,
            Said::Sound(sound) => Some(sound),
        }
    }
}
