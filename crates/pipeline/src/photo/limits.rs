//! What a photo may measure.

/// What a photo may measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhotoLimits {
    /// Bytes of the file.
    pub max_bytes: usize,
    /// Pixels of each side, at least.
    pub min_side: u32,
    /// Pixels of each side, at most.
    pub max_side: u32,
}

impl Default for PhotoLimits {
    /// 10 MB (10 · 2²⁰ bytes), 128 to 4096 pixels a side.
    fn default() -> Self {
        Self { max_bytes: 10 << 20, min_side: 128, max_side: 4096 }
    }
}
