//! Ids: version 7 UUIDs, one type each, so that one cannot stand for another.
//!
//! Version 7 (RFC 9562, section 5.7) begins with the time, so ids sort by age, and ends with 74
//! bits that cannot be guessed.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The length of a hyphenated UUID.
pub(crate) const ID_LEN: usize = 36;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        ///
        /// Written and read (also by serde) as a hyphenated lower-case version 7 UUID, and in no
        /// other form, so a text from outside never becomes part of a path unchecked.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// The kind of id, in words.
            pub(crate) const WHAT: &'static str = $what;

            /// A new id, later in order than every id made before by this process.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// The value.
            #[must_use]
            pub fn as_uuid(self) -> Uuid {
                self.0
            }

            /// The id with this value, if it is a version 7 UUID.
            pub(crate) fn of_uuid(uuid: Uuid) -> Option<Self> {
                let valid = uuid.get_version_num() == 7
                    && uuid.get_variant() == uuid::Variant::RFC4122;
                valid.then_some(Self(uuid))
            }

            /// Reads the form that `Display` writes, and no other.
            pub(crate) fn parse(text: &str) -> Option<Self> {
                // The length and case come first: the parser also takes braced, bare, URN and
                // upper-case forms, which would give one artifact several names.
                if text.len() != ID_LEN || text.bytes().any(|b| b.is_ascii_uppercase()) {
                    return None;
                }
                Self::of_uuid(Uuid::try_parse(text).ok()?)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

id!(
    /// A photo that a user uploaded; all that is made from it carries this id.
    PhotoId,
    "photo id"
);
id!(
    /// A finished video.
    VideoId,
    "video id"
);
id!(
    /// A running job, which owns a folder of temporary files.
    TaskId,
    "task id"
);
