//! How many talks are in work at once.

/// How many talks are in work at once, from the upload of the picture to the stored video. Others
/// wait for their turn; flows take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TalksAtOnce {
    /// Of one [flow](crate::Context::flow), at least 1; 4 by default.
    pub per_flow: usize,
    /// In all, at least 1; 16 by default.
    pub in_all: usize,
}

impl Default for TalksAtOnce {
    fn default() -> Self {
        Self { per_flow: 4, in_all: 16 }
    }
}
