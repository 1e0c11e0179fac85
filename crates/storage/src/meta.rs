//! What is known of a stored artifact, and what is found in a folder.

use std::time::SystemTime;

use object_store::ObjectMeta;
use time::OffsetDateTime;

use crate::error::Error;
use crate::name::key::Key;
use crate::name::subject::Subject;

/// What is known of a stored artifact without reading it.
///
/// The content type is that of the key: `meta.key.format().content_type()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Meta {
    /// Its key.
    pub key: Key,
    /// Its size in bytes.
    pub size: u64,
    /// When it was stored, in UTC by the clock of the backend. Retention counts from here.
    pub stored_at: OffsetDateTime,
}

impl Meta {
    pub(crate) fn new(key: Key, meta: &ObjectMeta) -> Self {
        Self { key, size: meta.size, stored_at: utc(SystemTime::from(meta.last_modified)) }
    }
}

/// An artifact that was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Removed {
    /// The key it had.
    pub key: Key,
    /// The bytes it took.
    pub size: u64,
}

/// One thing that failed while others were done.
#[derive(Debug)]
pub struct Failure {
    /// The key or folder concerned.
    pub path: String,
    /// What went wrong with it.
    pub error: Error,
}

/// One thing that a listing came upon.
#[derive(Debug)]
pub(crate) enum Found {
    /// An artifact.
    Artifact(Meta),
    /// The description of an artifact.
    Sidecar(Sidecar),
    /// A half-written file on a local disk, left by a crash or being written at present.
    Staged(Staged),
    /// Something that this crate did not put there.
    Foreign(String),
    /// Something that could not be looked at.
    Failed(Failure),
}

impl Found {
    pub(crate) fn sidecar(key: Key) -> Self {
        Self::Sidecar(Sidecar { key, has_artifact: false })
    }

    /// The key, if it is an artifact.
    pub(crate) fn artifact(&self) -> Option<Key> {
        match self {
            Self::Artifact(meta) => Some(meta.key),
            _ => None,
        }
    }

    /// Whether it belongs to `only`, or whatever it is when nothing is asked for.
    pub(crate) fn concerns(&self, only: Option<Subject>) -> bool {
        let Some(only) = only else { return true };
        match self {
            Self::Artifact(meta) => meta.key.subject() == only,
            Self::Sidecar(sidecar) => sidecar.key.subject() == only,
            Self::Staged(staged) => staged.meta.key.subject() == only,
            Self::Foreign(_) => false,
            Self::Failed(_) => true,
        }
    }
}

/// The description of an artifact, where a listing came upon it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sidecar {
    /// The artifact it describes.
    pub(crate) key: Key,
    /// The artifact was listed right before. If not, it may be there nevertheless.
    pub(crate) has_artifact: bool,
}

/// A file in which a local store gathers content before it gets its name.
#[derive(Debug, Clone)]
pub(crate) struct Staged {
    /// Where it lies.
    pub(crate) path: std::path::PathBuf,
    /// The name it was to get.
    pub(crate) meta: Meta,
}

/// The instant in UTC; one that cannot be written as a date becomes the nearest that can.
pub(crate) fn utc(instant: SystemTime) -> OffsetDateTime {
    let (nanos, limit) = match instant.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => (i128::try_from(after.as_nanos()).ok(), time::Date::MAX),
        Err(before) => {
            (i128::try_from(before.duration().as_nanos()).ok().map(|n| -n), time::Date::MIN)
        }
    };
    nanos
        .and_then(|nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok())
        .unwrap_or(limit.midnight().assume_utc())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn instants_keep_their_nanoseconds_and_absurd_ones_do_not_panic() {
        let instant = SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789);
        assert_eq!(utc(instant).nanosecond(), 123_456_789);
        assert_eq!(utc(instant).unix_timestamp(), 1_700_000_000);
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(86_400);
        assert_eq!(utc(before).unix_timestamp(), -86_400);
        let far = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40);
        assert_eq!(utc(far).date(), time::Date::MAX);
        let long_ago = SystemTime::UNIX_EPOCH - Duration::from_secs(1 << 40);
        assert_eq!(utc(long_ago).date(), time::Date::MIN);
    }
}
