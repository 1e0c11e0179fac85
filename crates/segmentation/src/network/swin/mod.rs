//! The Swin transformer backbone (`models/backbones/swin_v1.py`).

mod attention;
mod block;
mod merging;
mod tokens;

use super::layers::layer_norm;
use crate::config::SwinConfig;
use block::Stage;
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use portrait_kernels::{Activation, Conv2d, Conv2dParams, LayerNorm};
use tokens::Tokens;

/// Side of a patch in pixels.
const PATCH: usize = 4;

/// An image in, feature maps at 1/4, 1/8, 1/16 and 1/32 of its size out.
#[derive(Debug)]
pub(super) struct SwinTransformer {
    patch_embed: Conv2d,
    patch_norm: LayerNorm,
    stages: Vec<Stage>,
    norms: Vec<LayerNorm>,
}

impl SwinTransformer {
    pub(super) fn new(config: &SwinConfig, vb: &VarBuilder<'_>) -> Result<Self> {
        let embed = config.embed_dim;
        let projection = vb.pp("patch_embed.proj");
        let patch_embed = Conv2d::new(
            &projection.get((embed, 3, PATCH, PATCH), "weight")?,
            Some(&projection.get(embed, "bias")?),
            Conv2dParams { stride: PATCH, ..Default::default() },
            Activation::None,
        )?;
        let stages = (0..4)
            .map(|stage| Stage::new(config, stage, &vb.pp(format!("layers.{stage}"))))
            .collect::<Result<_>>()?;
        let norms = config
            .channels()
            .iter()
            .enumerate()
            .map(|(stage, &channels)| layer_norm(&vb.pp(format!("norm{stage}")), channels))
            .collect::<Result<_>>()?;
        let patch_norm = layer_norm(&vb.pp("patch_embed.norm"), embed)?;
        Ok(Self { patch_embed, patch_norm, stages, norms })
    }

    /// Maps `(batch, height, width, 3)` to the four feature maps, finest first.
    pub(super) fn forward(&self, image: &Tensor) -> Result<[Tensor; 4]> {
        let embedded = self.patch_embed.forward(image)?;
        let (_, height, width, _) = embedded.dims4()?;
        let values = embedded.flatten(1, 2)?;
        let mut tokens = Tokens { values: self.patch_norm.forward(&values)?, height, width };
        let mut maps = Vec::with_capacity(4);
        for (stage, norm) in self.stages.iter().zip(&self.norms) {
            let (out, next) = stage.forward(tokens)?;
            // A stage's result is taken before merging, through a norm of its own.
            maps.push(out.with(norm.forward(&out.values)?).to_map()?);
            tokens = next;
        }
        maps.try_into()
            .map_err(|maps: Vec<Tensor>| candle_core::Error::Msg(format!("{} stages", maps.len())))
    }
}

#[cfg(test)]
mod tests;
