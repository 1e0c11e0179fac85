//! The one error type of this crate.

use std::path::PathBuf;

use crate::name::artifact::Artifact;
use crate::name::format::Format;
use crate::name::key::Key;
use crate::name::subject::Subject;

/// What can go wrong when storing, reading or deleting artifacts.
///
/// Causes are given by [`source`](std::error::Error::source), not repeated in the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such artifact: it was never stored, was deleted, or its retention ended.
    #[error("`{key}` is not in the storage: it was never stored, was deleted or has expired")]
    NotFound {
        /// The key asked for.
        key: Key,
    },

    /// The first bytes are of no format this crate knows.
    #[error(
        "the content for {artifact} is not {}: send one of these formats",
        Format::names(&Format::ALL)
    )]
    UnknownFormat {
        /// What the content was meant to be.
        artifact: Artifact,
    },

    /// The format is known, but this kind of artifact is never stored in it.
    #[error(
        "{artifact} cannot be stored as {found}: send one of {}",
        Format::names(artifact.formats())
    )]
    FormatNotAllowed {
        /// What the content was meant to be.
        artifact: Artifact,
        /// The format of the content.
        found: Format,
    },

    /// A stream went on past the limit the caller set; nothing of it was kept.
    #[error(
        "the content for {artifact} is longer than the limit of {limit} bytes: nothing was stored"
    )]
    TooLarge {
        /// What was being stored.
        artifact: Artifact,
        /// The limit in bytes.
        limit: u64,
    },

    /// A stream ended early or went on too long for the length announced; nothing of it was kept.
    #[error(
        "the content for {artifact} was announced with {expected} bytes but {actual} came: nothing was stored, send it again"
    )]
    LengthMismatch {
        /// What was being stored.
        artifact: Artifact,
        /// The announced length in bytes.
        expected: u64,
        /// The bytes that came before the storage stopped reading.
        actual: u64,
    },

    /// The stream that was to be stored failed; nothing of it was kept.
    #[error("reading the content for {artifact} failed: nothing was stored, send it again")]
    Input {
        /// What was being stored.
        artifact: Artifact,
        /// The error of the stream.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// A description could not be kept as it is; nothing was stored.
    #[error("the description for {artifact} cannot be kept: {problem}")]
    InvalidDescription {
        /// What was to be stored.
        artifact: Artifact,
        /// What is wrong with the description.
        problem: String,
    },

    /// The artifact is stored, but its description is not.
    #[error("`{key}` is stored, but its description could not be: store it again to have both")]
    NotDescribed {
        /// The key of the artifact, which can be read.
        key: Key,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// The requested byte range has nothing in common with the artifact.
    #[error("the requested range lies outside `{key}`, which has {size} bytes")]
    RangeNotSatisfiable {
        /// The key asked for.
        key: Key,
        /// The size of the artifact in bytes.
        size: u64,
    },

    /// The photo or task was deleted while something of it was being stored; nothing was kept.
    #[error("{subject} was deleted in the meantime: nothing was stored, stop working on it")]
    Deleted {
        /// What was deleted.
        subject: Subject,
    },

    /// A text is not an id: only hyphenated lower-case version 7 UUIDs are.
    #[error("{text:?} is not a {what}: it must be a version 7 UUID in lower case with hyphens")]
    InvalidId {
        /// The kind of id, in words.
        what: &'static str,
        /// The text, cut to a bounded length.
        text: String,
    },

    /// A text is not the id of a recipe.
    #[error("{text:?} is not a recipe id: it must be 16 hexadecimal digits in lower case")]
    InvalidRecipeId {
        /// The text, cut to a bounded length.
        text: String,
    },

    /// A text is not the key of an artifact.
    #[error("{text:?} is not the key of an artifact: use a key that this storage returned")]
    InvalidKey {
        /// The text, cut to a bounded length.
        text: String,
    },

    /// The folder for a local storage cannot be prepared.
    #[error("the storage folder {} cannot be used: check that it can be created and written", path.display())]
    Root {
        /// The folder.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// The backend failed.
    #[error("cannot {action} `{path}`: check that the storage is reachable, writable and not full")]
    Backend {
        /// What was attempted, as a verb.
        action: &'static str,
        /// The key or folder concerned.
        path: String,
        /// The error of the backend.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// A backend error about `key`; "not found" becomes [`Error::NotFound`].
    pub(crate) fn at_key(action: &'static str, key: Key, source: object_store::Error) -> Self {
        match source {
            object_store::Error::NotFound { .. } => Self::NotFound { key },
            source => Self::backend(action, key.to_string(), source),
        }
    }

    /// A backend error about `path`.
    pub(crate) fn backend(
        action: &'static str,
        path: String,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        let source = source.into();
        Self::Backend { action, path, source }
    }
}

/// Bounds a text from outside, so that an error message stays one short line.
pub(crate) fn excerpt(text: &str) -> String {
    const MAX: usize = 80;
    match text.char_indices().nth(MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
