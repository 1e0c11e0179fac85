//! The geometry of a convolution.

/// The geometry of a convolution, equal in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2dParams {
    /// Step between output positions, at least 1.
    pub stride: usize,
    /// Zeros added on every side.
    pub padding: usize,
    /// Step between taps, at least 1.
    pub dilation: usize,
    /// Groups of channels that do not see each other, at least 1.
    pub groups: usize,
}

impl Conv2dParams {
    /// Whether an output is made of one pixel, where it stands.
    pub(super) fn is_pointwise(&self, kernel: [usize; 2]) -> bool {
        kernel == [1, 1] && self.stride == 1 && self.padding == 0
    }
}

impl Default for Conv2dParams {
    fn default() -> Self {
        Self { stride: 1, padding: 0, dilation: 1, groups: 1 }
    }
}
