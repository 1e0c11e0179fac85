//! What the layers of the backbone hand on.

use candle_core::{Result, Tensor};

/// Tokens of a feature map, `(batch, height · width, channels)`, row by row.
#[derive(Debug, Clone)]
pub(super) struct Tokens {
    pub(super) values: Tensor,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl Tokens {
    /// `(batch, height, width, channels)`
    pub(super) fn to_map(&self) -> Result<Tensor> {
        let (batch, _, channels) = self.values.dims3()?;
        self.values.reshape((batch, self.height, self.width, channels))
    }

    pub(super) fn with(&self, values: Tensor) -> Self {
        Self { values, height: self.height, width: self.width }
    }
}
