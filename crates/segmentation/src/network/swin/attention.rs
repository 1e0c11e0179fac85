//! Attention within windows, with relative position bias and shifted windows.

use super::tokens::Tokens;
use crate::network::layers::linear;
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use portrait_kernels::{Activation, Linear, WindowAttention};

/// Multi-head self-attention of tokens within their window.
#[derive(Debug)]
pub(super) struct Attention {
    qkv: Linear,
    windows: WindowAttention,
    proj: Linear,
}

impl Attention {
    pub(super) fn new(
        channels: usize,
        heads: usize,
        window: usize,
        vb: &VarBuilder<'_>,
    ) -> Result<Self> {
        let span = 2 * window - 1;
        let table = vb.get((span * span, heads), "relative_position_bias_table")?;
        let tokens = window * window;
        let index: Vec<u32> = (0..tokens * tokens)
            .map(|pair| {
                let (query, key) = (pair / tokens, pair % tokens);
                let dy = query / window + window - 1 - key / window;
                let dx = query % window + window - 1 - key % window;
                (dy * span + dx) as u32
            })
            .collect();
        let index = Tensor::from_vec(index, tokens * tokens, table.device())?;
        let bias = table.index_select(&index, 0)?.reshape((tokens, tokens, heads))?;
        let bias = bias.permute((2, 0, 1))?.contiguous()?;
        // A token of the padding is zeros before this layer, and so its bias after it.
        let padding = vb.pp("qkv").get(3 * channels, "bias")?;
        Ok(Self {
            qkv: linear(&vb.pp("qkv"), [channels, 3 * channels], Activation::None)?,
            windows: WindowAttention::new(heads, window, &bias, &padding)?,
            proj: linear(&vb.pp("proj"), [channels, channels], Activation::None)?,
        })
    }

    /// What the tokens give to each other, added to them. `normed` are the tokens after a norm.
    pub(super) fn forward_add(
        &self,
        normed: &Tensor,
        tokens: &Tokens,
        shift: usize,
    ) -> Result<Tensor> {
        let qkv = self.qkv.forward(normed)?;
        let mixed = self.windows.forward(&qkv, [tokens.height, tokens.width], shift)?;
        self.proj.forward_add(&mixed, &tokens.values)
    }
}
