//! A stage of the backbone: blocks of window attention and MLP, then patch merging.

use super::Tokens;
use super::attention::{WindowAttention, Windows};
use super::merging::PatchMerging;
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
        let plain = Windows::new(&tokens, self.window, 0)?;
        let shifted = Windows::new(&tokens, self.window, self.window / 2)?;
        for (index, block) in self.blocks.iter().enumerate() {
            tokens = block.forward(&tokens, if index % 2 == 0 { &plain } else { &shifted })?;
        }
        let next = match &self.downsample {
            Some(merging) => merging.forward(&tokens)?,
            None => tokens.clone(),
        };
        Ok((tokens, next))
    }

    #[cfg(test)]
    pub(super) fn block(&self, index: usize, tokens: &Tokens) -> Result<Tokens> {
        let shift = (index % 2) * (self.window / 2);
        self.blocks[index].forward(tokens, &Windows::new(tokens, self.window, shift)?)
    }
}

#[derive(Debug)]
struct Block {
    norm1: LayerNorm,
    attn: WindowAttention,
    norm2: LayerNorm,
    mlp: Mlp,
}

impl Block {
    fn new(channels: usize, heads: usize, window: usize, vb: &VarBuilder<'_>) -> Result<Self> {
        let hidden = MLP_RATIO * channels;
        Ok(Self {
            norm1: layer_norm(&vb.pp("norm1"), channels)?,
            attn: WindowAttention::new(channels, heads, window, &vb.pp("attn"))?,
            norm2: layer_norm(&vb.pp("norm2"), channels)?,
            mlp: Mlp::new(
                linear(&vb.pp("mlp.fc1"), [channels, hidden], Activation::Gelu)?,
                linear(&vb.pp("mlp.fc2"), [hidden, channels], Activation::None)?,
            )?,
        })
    }

    fn forward(&self, tokens: &Tokens, windows: &Windows) -> Result<Tokens> {
        let x = &tokens.values;
        let attended = windows.partition(&self.norm1.forward(x)?)?;
        let attended = self.attn.forward(&attended, windows.mask())?;
        let x = (x + windows.reverse(&attended)?)?;
        Ok(tokens.with(self.mlp.forward_add(&self.norm2.forward(&x)?, &x)?))
    }
}
