//! A stage of the backbone: blocks of window attention and MLP, then patch merging.

use super::attention::Attention;
use super::merging::PatchMerging;
use super::tokens::Tokens;
use crate::config::SwinConfig;
use crate::network::layers::{layer_norm, linear};
use candle_core::Result;
use candle_nn::VarBuilder;
use portrait_kernels::{Activation, LayerNorm, Mlp};

/// Hidden channels of the MLP, in multiples of the channels.
const MLP_RATIO: usize = 4;

#[derive(Debug)]
pub(super) struct Stage {
    window: usize,
    blocks: Vec<Block>,
    downsample: Option<PatchMerging>,
}

impl Stage {
    pub(super) fn new(config: &SwinConfig, stage: usize, vb: &VarBuilder<'_>) -> Result<Self> {
        let (channels, heads) = (config.channels()[stage], config.heads[stage]);
        let blocks = (0..config.depths[stage])
            .map(|block| {
                Block::new(channels, heads, config.window, &vb.pp(format!("blocks.{block}")))
            })
            .collect::<Result<_>>()?;
        let downsample =
            (stage < 3).then(|| PatchMerging::new(channels, &vb.pp("downsample"))).transpose()?;
        Ok(Self { window: config.window, blocks, downsample })
    }

    /// The stage's result, and what the next stage starts from (the same after the last one).
    pub(super) fn forward(&self, mut tokens: Tokens) -> Result<(Tokens, Tokens)> {
        for (index, block) in self.blocks.iter().enumerate() {
            tokens = block.forward(&tokens, self.shift(index))?;
        }
        let next = match &self.downsample {
            Some(merging) => merging.forward(&tokens)?,
            None => tokens.clone(),
        };
        Ok((tokens, next))
    }

    /// Every other block sees the map shifted by half a window.
    fn shift(&self, block: usize) -> usize {
        (block % 2) * (self.window / 2)
    }

    #[cfg(test)]
    pub(super) fn block(&self, index: usize, tokens: &Tokens) -> Result<Tokens> {
        self.blocks[index].forward(tokens, self.shift(index))
    }
}

#[derive(Debug)]
struct Block {
    norm1: LayerNorm,
    attn: Attention,
    norm2: LayerNorm,
    mlp: Mlp,
}

impl Block {
    fn new(channels: usize, heads: usize, window: usize, vb: &VarBuilder<'_>) -> Result<Self> {
        let hidden = MLP_RATIO * channels;
        Ok(Self {
            norm1: layer_norm(&vb.pp("norm1"), channels)?,
            attn: Attention::new(channels, heads, window, &vb.pp("attn"))?,
            norm2: layer_norm(&vb.pp("norm2"), channels)?,
            mlp: Mlp::new(
                linear(&vb.pp("mlp.fc1"), [channels, hidden], Activation::Gelu)?,
                linear(&vb.pp("mlp.fc2"), [hidden, channels], Activation::None)?,
            )?,
        })
    }

    fn forward(&self, tokens: &Tokens, shift: usize) -> Result<Tokens> {
        let normed = self.norm1.forward(&tokens.values)?;
        let x = self.attn.forward_add(&normed, tokens, shift)?;
        Ok(tokens.with(self.mlp.forward_add(&self.norm2.forward(&x)?, &x)?))
    }
}
