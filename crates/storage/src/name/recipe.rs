//! The short name of how something was made.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Names how something was made: 64 bits of a digest over all that shapes the result, such as
/// models, options and what the result was made of.
///
/// Two results with the same recipe are the same; a result with another recipe has another key,
/// so it does not replace the first. What goes into the digest is for the caller to decide.
///
/// Written and read (also by serde) as 16 lower-case hexadecimal digits, and in no other form.
///
/// ```
/// use portrait_storage::RecipeId;
///
/// let mut digest = [0; 32]; // a SHA-256
/// digest[..8].copy_from_slice(&[0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
/// let recipe = RecipeId::from_digest(&digest);
/// assert_eq!(recipe.to_string(), "0123456789abcdef");
/// assert_eq!("0123456789abcdef".parse::<RecipeId>()?, recipe);
/// # Ok::<(), portrait_storage::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecipeId(u64);

impl RecipeId {
    /// The length of the text.
    const LEN: usize = 16;

    /// The id that consists of the first 8 bytes of a SHA-256.
    #[must_use]
    pub fn from_digest(digest: &[u8; 32]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = *digest;
        Self(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }

    /// Reads the form that `Display` writes, and no other.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != Self::LEN || !text.bytes().all(digit) {
            return None;
        }
        u64::from_str_radix(text, 16).ok().map(Self)
    }
}

impl fmt::Display for RecipeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<RecipeId> for String {
    fn from(id: RecipeId) -> Self {
        id.to_string()
    }
}
