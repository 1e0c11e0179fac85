//! Ids: version 7 UUIDs, one type each, so that one cannot stand for another.
//!
//! Version 7 (RFC 9562, section 5.7) begins with the time, so ids sort by age, and ends with 74
//! bits that cannot be guessed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Error;
use crate::error::excerpt;

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
            /// A new id, later in order than every id made before by this process.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id with this value.
            ///
            /// # Errors
            /// [`Error::InvalidId`] when it is not a version 7 UUID.
            pub fn from_uuid(uuid: Uuid) -> Result<Self, Error> {
                let valid = uuid.get_version_num() == 7
                    && uuid.get_variant() == uuid::Variant::RFC4122;
                if valid {
                    Ok(Self(uuid))
                } else {
                    Err(Error::InvalidId { what: $what, text: uuid.to_string() })
                }
            }

            /// The value.
            #[must_use]
            pub fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            /// Reads the form that `Display` writes, and no other.
            fn from_str(text: &str) -> Result<Self, Error> {
                let invalid = || Error::InvalidId { what: $what, text: excerpt(text) };
                // The length and case come first: the parser also takes braced, bare, URN and
                // upper-case forms, which would give one artifact several names.
                if text.len() != ID_LEN || text.bytes().any(|b| b.is_ascii_uppercase()) {
                    return Err(invalid());
                }
                let uuid = Uuid::try_parse(text).map_err(|_| invalid())?;
                Self::from_uuid(uuid)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                text.parse()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_sorts_by_age() {
        let ids: Vec<_> = (0..100).map(|_| PhotoId::generate()).collect();
        assert!(ids.is_sorted());
        for id in ids {
            assert_eq!(id.to_string().parse::<PhotoId>().unwrap(), id);
            let json = serde_json::to_string(&id).unwrap();
            assert_eq!(json, format!("\"{id}\""));
            assert_eq!(serde_json::from_str::<PhotoId>(&json).unwrap(), id);
        }
    }

    #[test]
    fn only_the_one_written_form_is_an_id() {
        let id = TaskId::generate();
        let forms = [
            String::new(),
            "..".into(),
            "../../../../../../../../etc/passwd00".into(),
            format!("{{{id}}}"),
            format!("urn:uuid:{id}"),
            format!("{id}\0"),
            format!(" {id}"),
            id.as_uuid().as_simple().to_string(),
            id.to_string().to_uppercase(),
            // Version 4, version 1, the nil and the max UUID.
            "2f1ad1f0-61f2-4a4e-9c12-0a1b2c3d4e5f".into(),
            "2f1ad1f0-61f2-1a4e-9c12-0a1b2c3d4e5f".into(),
            Uuid::nil().to_string(),
            Uuid::max().to_string(),
            "é".repeat(18),
        ];
        for form in forms {
            let error = form.parse::<TaskId>().unwrap_err();
            assert!(matches!(error, Error::InvalidId { what: "task id", .. }), "{form}: {error}");
            let json = serde_json::to_string(&form).unwrap();
            assert!(serde_json::from_str::<TaskId>(&json).is_err(), "{form}");
        }
    }

    #[test]
    fn a_long_text_is_cut_in_the_message() {
        let error = "ü\n".repeat(10_000).parse::<VideoId>().unwrap_err().to_string();
        assert!(error.len() < 400 && !error.contains('\n'), "{error}");
    }
}
