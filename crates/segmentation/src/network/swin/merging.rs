//! Patch merging: half the resolution, twice the channels.

use super::tokens::Tokens;
use crate::network::layers::{layer_norm, linear_without_bias};
use candle_core::Result;
use candle_nn::VarBuilder;
use portrait_kernels::{LayerNorm, Linear};

#[derive(Debug)]
pub(super) struct PatchMerging {
    norm: LayerNorm,
    reduction: Linear,
}

impl PatchMerging {
    pub(super) fn new(channels: usize, vb: &VarBuilder<'_>) -> Result<Self> {
        let norm = layer_norm(&vb.pp("norm"), 4 * channels)?;
        let reduction = linear_without_bias(&vb.pp("reduction"), [4 * channels, 2 * channels])?;
        Ok(Self { norm, reduction })
    }

    /// Joins each 2×2 neighbourhood in the order (row, column) = (0,0), (1,0), (0,1), (1,1);
    /// odd sides are padded with zeros at the end.
    pub(super) fn forward(&self, tokens: &Tokens) -> Result<Tokens> {
        let (batch, _, channels) = tokens.values.dims3()?;
        let map = tokens.values.reshape((batch, tokens.height, tokens.width, channels))?;
        let map = map.pad_with_zeros(1, 0, tokens.height % 2)?;
        let map = map.pad_with_zeros(2, 0, tokens.width % 2)?;
        let (height, width) = (tokens.height.div_ceil(2), tokens.width.div_ceil(2));
        // (batch, y, row, x, column, channel) → (batch, y, x, column, row, channel)
        let merged = map
            .reshape(&[batch, height, 2, width, 2, channels][..])?
            .permute(vec![0, 1, 3, 4, 2, 5])?
            .reshape((batch, height * width, 4 * channels))?;
        let values = self.reduction.forward(&self.norm.forward(&merged)?)?;
        Ok(Tokens { values, height, width })
    }
}
