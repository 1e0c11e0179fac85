//! What a caller says of an artifact, and what the storage adds.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use crate::error::Error;
use crate::name::artifact::Artifact;

/// Where an artifact came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Origin {
    /// A user sent it.
    Uploaded,
    /// Detection made it: who was found, or a crop of a person.
    Detected,
    /// Segmentation made it: a cut-out.
    CutOut,
    /// A sound that was made from a text or a recording.
    Spoken,
    /// It says what was ordered.
    Ordered,
    /// It was fetched from a service.
    Downloaded,
    /// None of these; also what a later version wrote and this one does not know.
    #[serde(other)]
    Other,
}

/// What the caller says of an artifact, for [`Storage::put_described`].
///
/// ```
/// use portrait_storage::{Description, Origin};
///
/// let description = Description::new(Origin::CutOut)
///     .with_owner("customer-17")
///     .with_recipe(serde_json::json!({ "model": "birefnet-small", "padding": 0.1 }));
/// # let _ = description;
/// ```
///
/// [`Storage::put_described`]: crate::Storage::put_described
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Description {
    /// Whose it is, in the caller's words: at most [`MAX_OWNER`](Self::MAX_OWNER) bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Where it came from.
    pub origin: Origin,
    /// How it was made, as JSON of at most [`MAX_RECIPE`](Self::MAX_RECIPE) bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Value>,
}

impl Description {
    /// The most bytes of an owner.
    pub const MAX_OWNER: usize = 256;
    /// The most bytes of a recipe, written as compact JSON.
    pub const MAX_RECIPE: usize = 64 * 1024;

    /// A description without owner and recipe.
    #[must_use]
    pub fn new(origin: Origin) -> Self {
        Self { owner: None, origin, recipe: None }
    }

    /// The description with this owner.
    #[must_use]
    pub fn with_owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// The description with this recipe.
    #[must_use]
    pub fn with_recipe(mut self, recipe: impl Into<Value>) -> Self {
        self.recipe = Some(recipe.into());
        self
    }

    /// Refuses what could not be kept or read back, before anything of `artifact` is stored.
    pub(crate) fn check(&self, artifact: Artifact) -> Result<(), Error> {
        let invalid = |problem: String| Err(Error::InvalidDescription { artifact, problem });
        if self.owner.as_ref().is_some_and(|owner| owner.len() > Self::MAX_OWNER) {
            return invalid(format!("its owner has more than {} bytes", Self::MAX_OWNER));
        }
        let Some(recipe) = &self.recipe else {
            return Ok(());
        };
        if recipe.to_string().len() > Self::MAX_RECIPE {
            return invalid(format!("its recipe has more than {} bytes", Self::MAX_RECIPE));
        }
        // JSON nested deeper than its reader follows would be written and never read again.
        let written = serde_json::to_vec(self);
        if written.is_ok_and(|written| serde_json::from_slice::<Self>(&written).is_ok()) {
            return Ok(());
        }
        invalid("its recipe is nested too deeply".to_owned())
    }
}

/// What is known of an artifact that was stored with a [`Description`]: the caller's words, and
/// what the storage found while it wrote the content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct About {
    /// The media type of the content, such as `image/png`.
    pub content_type: String,
    /// The size of the content in bytes.
    pub size: u64,
    /// The SHA-256 of the content; 64 hexadecimal digits in JSON.
    #[serde(with = "crate::about::digest::hex")]
    pub sha256: [u8; 32],
    /// When it was stored, in UTC by the clock of the writer; RFC 3339 in JSON.
    #[serde(with = "time::serde::rfc3339")]
    pub stored_at: OffsetDateTime,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Where it came from.
    pub origin: Origin,
    /// How it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Value>,
}

impl About {
    /// Whether this is about exactly this content, by its SHA-256.
    #[must_use]
    pub fn fits(&self, content: &[u8]) -> bool {
        self.size == content.len() as u64 && self.sha256[..] == Sha256::digest(content)[..]
    }
}
