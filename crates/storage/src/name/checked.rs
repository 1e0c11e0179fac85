//! Ids and keys from outside, with an error for what is none.

use std::str::FromStr;

use uuid::Uuid;

use crate::error::{Error, excerpt};
use crate::name::artifact::Artifact;
use crate::name::format::Format;
use crate::name::id::{PhotoId, TaskId, VideoId};
use crate::name::key::Key;
use crate::name::recipe::RecipeId;

macro_rules! checked_id {
    ($($name:ident),*) => {$(
        impl $name {
            /// The id with this value.
            ///
            /// # Errors
            /// [`Error::InvalidId`] when it is not a version 7 UUID.
            pub fn from_uuid(uuid: Uuid) -> Result<Self, Error> {
                Self::of_uuid(uuid).ok_or_else(|| Error::InvalidId {
                    what: Self::WHAT,
                    text: uuid.to_string(),
                })
            }
        }

        impl FromStr for $name {
            type Err = Error;

            /// Reads the form that `Display` writes, and no other.
            fn from_str(text: &str) -> Result<Self, Error> {
                Self::parse(text).ok_or_else(|| Error::InvalidId {
                    what: Self::WHAT,
                    text: excerpt(text),
                })
            }
        }
    )*};
}
checked_id!(PhotoId, VideoId, TaskId);

/// serde reads these as text.
macro_rules! from_owned_text {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                text.parse()
            }
        }
    )*};
}
from_owned_text!(PhotoId, VideoId, TaskId, RecipeId, Key);

impl FromStr for RecipeId {
    type Err = Error;

    /// Reads the form that `Display` writes, and no other.
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text).ok_or_else(|| Error::InvalidRecipeId { text: excerpt(text) })
    }
}

impl FromStr for Key {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text).ok_or_else(|| Error::InvalidKey { text: excerpt(text) })
    }
}

impl Key {
    /// The key of `artifact` in `format`.
    ///
    /// # Errors
    /// [`Error::FormatNotAllowed`] when this kind of artifact is never stored in that format.
    pub fn new(artifact: Artifact, format: Format) -> Result<Self, Error> {
        Self::of(artifact, format).ok_or(Error::FormatNotAllowed { artifact, found: format })
    }

    /// The key under which content that begins with `head` is stored as `artifact`.
    pub(crate) fn of_content(artifact: Artifact, head: &[u8]) -> Result<Self, Error> {
        let format = Format::sniff(head).ok_or(Error::UnknownFormat { artifact })?;
        Self::new(artifact, format)
    }
}

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

    #[test]
    fn a_recipe_id_is_the_beginning_of_a_digest() {
        let mut digest = [0xff; 32];
        digest[..8].copy_from_slice(&[0, 0, 0, 0, 0, 0x0a, 0xbc, 0xde]);
        let recipe = RecipeId::from_digest(&digest);
        assert_eq!(recipe.to_string(), "00000000000abcde");
        assert_eq!(recipe.to_string().parse::<RecipeId>().unwrap(), recipe);
        let json = serde_json::to_string(&recipe).unwrap();
        assert_eq!(json, "\"00000000000abcde\"");
        assert_eq!(serde_json::from_str::<RecipeId>(&json).unwrap(), recipe);
        digest[31] = 0;
        assert_eq!(RecipeId::from_digest(&digest), recipe);
        digest[7] = 0xdf;
        assert!(RecipeId::from_digest(&digest) > recipe);
    }

    #[test]
    fn only_sixteen_lower_case_digits_are_a_recipe_id() {
        let forms = [
            "",
            "0",
            "00000000000abcd",
            "00000000000abcdef",
            "00000000000ABCDE",
            "0x000000000abcde",
            "+0000000000abcde",
            "-0000000000abcde",
            " 0000000000abcde",
            "00000000000abcd\n",
            "../../../etc/pas",
            "éééééééé",
        ];
        for form in forms {
            let error = form.parse::<RecipeId>().unwrap_err();
            assert!(matches!(error, Error::InvalidRecipeId { .. }), "{form}: {error}");
            assert!(serde_json::from_value::<RecipeId>(form.into()).is_err(), "{form}");
        }
    }
}
