//! Checkpoints that are part of the program.

use std::fmt;
use std::path::PathBuf;

/// A checkpoint that is part of the program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Bundled {
    /// The id of its manifest.
    pub id: &'static str,
    /// The whole safetensors file.
    pub bytes: &'static [u8],
}

impl Bundled {
    /// What stands for a path in messages.
    pub(crate) fn shown(&self) -> PathBuf {
        format!("<bundled {}>", self.id).into()
    }
}

impl fmt::Debug for Bundled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundled").field("id", &self.id).field("bytes", &self.bytes.len()).finish()
    }
}
