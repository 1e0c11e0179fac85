//! The block of the squeeze module and of the decoder (`BasicDecBlk`).

use super::aspp::Aspp;
use super::layers::conv_norm;
use crate::config::BirefnetConfig;
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use portrait_kernels::{Activation, Conv2d};

#[derive(Debug)]
pub(super) struct DecoderBlock {
    conv_in: Conv2d,
    attention: Option<Aspp>,
    conv_out: Conv2d,
}

impl DecoderBlock {
    pub(super) fn new(
        config: &BirefnetConfig,
        [input, output]: [usize; 2],
        vb: &VarBuilder<'_>,
    ) -> Result<Self> {
        let inter = config.decoder_inter_channels;
        let (conv_in, bn_in) = (vb.pp("conv_in"), vb.pp("bn_in"));
        let (conv_out, bn_out) = (vb.pp("conv_out"), vb.pp("bn_out"));
        Ok(Self {
            conv_in: conv_norm(&conv_in, &bn_in, [input, inter], 3, Activation::Relu)?,
            attention: Aspp::new(config, &vb.pp("dec_att"))?,
            conv_out: conv_norm(&conv_out, &bn_out, [inter, output], 3, Activation::None)?,
        })
    }

    /// The block on several maps as if their channels stood in one.
    pub(super) fn forward(&self, parts: &[&Tensor]) -> Result<Tensor> {
        let parts: Vec<_> = parts.iter().map(|&map| map.into()).collect();
        let mut x = self.conv_in.forward_parts(&parts)?;
        if let Some(attention) = &self.attention {
            x = attention.forward(&x)?;
        }
        self.conv_out.forward(&x)
    }
}
