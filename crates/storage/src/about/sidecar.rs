//! The small JSON file beside an artifact that holds what is known of it.
//!
//! Beside it, because a file system has no place for attributes of an object.

use object_store::path::Path;

use crate::about::description::About;
use crate::name::key::Key;

/// What follows the artifact's key.
const SUFFIX: &str = ".about.json";

/// More bytes than the longest description takes, with every character escaped.
pub(crate) const MAX_LEN: u64 = 1 << 20;

/// Where the description of `key` lies.
pub(crate) fn path(key: Key) -> Path {
    Path::from(format!("{key}{SUFFIX}"))
}

/// The key that the file at `path` describes; `None` for any other file.
pub(crate) fn parse(path: &str) -> Option<Key> {
    Key::parse(path.strip_suffix(SUFFIX)?)
}

/// Reads a description; `None` when it cannot be that of the artifact under `key`.
///
/// The size is compared and not the digest, which would take reading the whole artifact.
pub(crate) fn read(text: &[u8], key: Key, size: u64) -> Option<About> {
    let about: About = serde_json::from_slice(text).ok()?;
    let fits = about.size == size && about.content_type == key.format().content_type();
    fits.then_some(about)
}
