//! The full name of an artifact.

use std::fmt;

use object_store::path::Path;
use serde::{Deserialize, Serialize};

use crate::name::artifact::Artifact;
use crate::name::folder::Folder;
use crate::name::format::Format;
use crate::name::subject::Subject;

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

    /// The key of `artifact` in `format`, if it may be stored so.
    pub(crate) fn of(artifact: Artifact, format: Format) -> Option<Self> {
        artifact.formats().contains(&format).then_some(Self { artifact, format })
    }

    /// The path in the store.
    pub(crate) fn path(self) -> Path {
        Path::from(self.to_string())
    }

    /// Reads a path of the store; `None` for a file that is no artifact.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (stem, extension) = text.rsplit_once('.')?;
        let key = Self::of(Artifact::parse(stem)?, Format::from_extension(extension)?)?;
        // Comparing settles every doubt at once, such as `person_007` or `person_+7`.
        (key.to_string() == text).then_some(key)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.artifact, self.format.extension())
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.to_string()
    }
}
