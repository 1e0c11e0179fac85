//! The whole network (`BiRefNet` of `models/birefnet.py`).

use super::decoder::Decoder;
use super::decoder_block::DecoderBlock;
use super::finite_weights::finite_weights;
use super::swin::SwinTransformer;
use crate::config::BirefnetConfig;
use crate::error::Error;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use portrait_kernels::{channels_last, resize_bilinear};

/// Sides of an input are multiples of this.
pub(crate) const STRIDE: usize = 32;

/// BiRefNet (Zheng et al., "Bilateral Reference for High-Resolution Dichotomous Image
/// Segmentation", 2024), as published at `ZhengPeng7/BiRefNet`.
///
/// It owns weights and nothing else: `forward` takes `&self`, and the network is `Send + Sync`.
#[derive(Debug)]
pub struct Birefnet {
    config: BirefnetConfig,
    dtype: DType,
    device: Device,
    backbone: SwinTransformer,
    squeeze: DecoderBlock,
    decoder: Decoder,
}

impl Birefnet {
    /// Builds the network from the parameters below `vb`, on its device and in its type, under
    /// their published names (`bb.…`, `squeeze_module.0.…`, `decoder.…`). What only training uses
    /// is not asked for. BatchNorm is folded here.
    ///
    /// # Errors
    /// [`Error::Config`] for an impossible configuration, [`Error::Weights`] naming a tensor that
    /// is missing, has another shape, or holds values that are not finite.
    pub fn new(config: &BirefnetConfig, vb: &VarBuilder<'_>) -> Result<Self, Error> {
        config.check()?;
        Self::build(config, &finite_weights(vb)).map_err(Error::Weights)
    }

    fn build(config: &BirefnetConfig, vb: &VarBuilder<'_>) -> candle_core::Result<Self> {
        let channels = config.swin.channels().map(|channels| 2 * channels);
        let context: usize = channels.iter().sum();
        Ok(Self {
            config: config.clone(),
            dtype: vb.dtype(),
            device: vb.device().clone(),
            backbone: SwinTransformer::new(&config.swin, &vb.pp("bb"))?,
            squeeze: DecoderBlock::new(config, [context, channels[3]], &vb.pp("squeeze_module.0"))?,
            decoder: Decoder::new(config, channels, &vb.pp("decoder"))?,
        })
    }

    /// The configuration the network was built with.
    pub fn config(&self) -> &BirefnetConfig {
        &self.config
    }

    /// The device it runs on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The type of its weights, which its input must have.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Logits of the foreground, `(batch, 1, height, width)`, of images `(batch, 3, height,
    /// width)` normalised by ImageNet's mean and deviation. The probability is their sigmoid.
    ///
    /// # Errors
    /// [`Error::InputShape`] unless there are 3 channels and both sides are positive multiples of
    /// 32; [`Error::Run`] when candle fails.
    pub fn forward(&self, image: &Tensor) -> Result<Tensor, Error> {
        self.forward_with(image, &mut |_, _| {})
    }

    /// [`Self::forward`], showing named intermediate results to `stage` as they appear:
    /// `bb_full_stage0` … `3`, `bb_half_stage0` … `3`, `squeeze_module`, `decoder_block4` … `1`
    /// and `gdt_attn_logit_4` … `2`.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn forward_with(
        &self,
        image: &Tensor,
        stage: &mut dyn FnMut(&str, &Tensor),
    ) -> Result<Tensor, Error> {
        let (height, width) = match *image.dims() {
            [_, 3, height, width] if is_side(height) && is_side(width) => (height, width),
            ref dims => return Err(Error::InputShape(dims.to_vec())),
        };
        // Channels last from here on; what is shown has them first again.
        let image = channels_last(image)?;
        let stage = &mut |name: &str, map: &Tensor| {
            stage(name, &map.permute((0, 3, 1, 2))?);
            Ok(())
        };
        let full = self.backbone.forward(&image)?;
        let half = resize_bilinear(&image, height / 2, width / 2)?;
        let half = self.backbone.forward(&half)?;
        for (name, maps) in [("bb_full_stage", &full), ("bb_half_stage", &half)] {
            for (index, map) in maps.iter().enumerate() {
                stage(&format!("{name}{index}"), map)?;
            }
        }
        let [x1, x2, x3, x4] = beside(full, half)?;
        let (_, height, width, _) = x4[0].dims4()?;
        let mut context = Vec::with_capacity(8);
        for map in [&x1, &x2, &x3].into_iter().flatten() {
            context.push(resize_bilinear(map, height, width)?);
        }
        context.extend(x4);
        let x4 = self.squeeze.forward(&context.iter().collect::<Vec<_>>())?;
        drop(context);
        stage("squeeze_module", &x4)?;
        let logits = self.decoder.forward(&image, [x1, x2, x3], x4, stage)?;
        Ok(logits.permute((0, 3, 1, 2))?.contiguous()?)
    }
}

fn is_side(pixels: usize) -> bool {
    pixels > 0 && pixels.is_multiple_of(STRIDE)
}

/// The maps of the full-size pass, each with that of the half-size one, resized, whose channels
/// follow.
fn beside(full: [Tensor; 4], half: [Tensor; 4]) -> candle_core::Result<[[Tensor; 2]; 4]> {
    let [h1, h2, h3, h4] = half;
    let [f1, f2, f3, f4] = full;
    let pair = |full: Tensor, half: Tensor| {
        let (_, height, width, _) = full.dims4()?;
        let half = resize_bilinear(&half, height, width)?;
        Ok::<_, candle_core::Error>([full, half])
    };
    Ok([pair(f1, h1)?, pair(f2, h2)?, pair(f3, h3)?, pair(f4, h4)?])
}
