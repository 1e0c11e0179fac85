//! Atrous spatial pyramid pooling, deformable and plain (`models/modules/aspp.py`).

use super::layers::{conv, folded, same};
use crate::config::{BirefnetConfig, DecoderAttention};
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use portrait_kernels::{Activation, Conv2d, Conv2dParams, DeformConv2d, mean_of_pixels};

/// Kernels of the parallel deformable branches (`parallel_block_sizes`).
const DEFORM_KERNELS: [usize; 3] = [1, 3, 7];
/// Dilations of the plain branches at output stride 16; dilation 1 is a 1×1 convolution.
const DILATIONS: [usize; 4] = [1, 6, 12, 18];

/// Branches side by side, joined by a 1×1 convolution.
#[derive(Debug)]
pub(super) struct Aspp {
    branches: Vec<Branch>,
    pooled: Conv2d,
    conv1: Conv2d,
}

impl Aspp {
    /// The attention the configuration asks for.
    pub(super) fn new(config: &BirefnetConfig, vb: &VarBuilder<'_>) -> Result<Option<Self>> {
        let (inter, width) = (config.decoder_inter_channels, config.aspp_channels);
        let branches = match config.decoder_attention {
            DecoderAttention::None => return Ok(None),
            DecoderAttention::AsppDeformable => deformable(vb, [inter, width])?,
            DecoderAttention::Aspp => plain(vb, [inter, width])?,
        };
        let pool = vb.pp("global_avg_pool");
        let pooled = conv_norm(&pool.pp("1"), &pool.pp("2"), [inter, width], Default::default())?;
        let joined = (branches.len() + 1) * width;
        let conv1 = conv_norm(&vb.pp("conv1"), &vb.pp("bn1"), [joined, inter], Default::default())?;
        Ok(Some(Self { branches, pooled, conv1 }))
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, height, width, _) = x.dims4()?;
        let pooled = self.pooled.forward(&mean_of_pixels(x)?)?;
        let pooled = pooled.broadcast_as((batch, height, width, pooled.dim(3)?))?.contiguous()?;
        let mut parts = Vec::with_capacity(self.branches.len() + 1);
        for branch in &self.branches {
            parts.push(branch.forward(x)?);
        }
        parts.push(pooled);
        self.conv1.forward(&Tensor::cat(&parts, 3)?)
    }
}

fn deformable(vb: &VarBuilder<'_>, channels: [usize; 2]) -> Result<Vec<Branch>> {
    let first = DeformBranch::new(&vb.pp("aspp1"), channels, 1)?;
    let rest = DEFORM_KERNELS.iter().enumerate().map(|(index, &kernel)| {
        let branch = DeformBranch::new(&vb.pp(format!("aspp_deforms.{index}")), channels, kernel)?;
        Ok(Branch::Deformable(Box::new(branch)))
    });
    std::iter::once(Ok(Branch::Deformable(Box::new(first)))).chain(rest).collect()
}

fn plain(vb: &VarBuilder<'_>, channels: [usize; 2]) -> Result<Vec<Branch>> {
    DILATIONS
        .iter()
        .enumerate()
        .map(|(index, &dilation)| {
            let vb = vb.pp(format!("aspp{}", index + 1));
            let params = match dilation {
                1 => Conv2dParams::default(),
                _ => Conv2dParams { padding: dilation, dilation, ..Default::default() },
            };
            conv_norm(&vb.pp("atrous_conv"), &vb.pp("bn"), channels, params).map(Branch::Plain)
        })
        .collect()
}

/// A convolution without bias, 1×1 or 3×3 when dilated, then BatchNorm and ReLU.
fn conv_norm(
    conv: &VarBuilder<'_>,
    norm: &VarBuilder<'_>,
    [input, output]: [usize; 2],
    params: Conv2dParams,
) -> Result<Conv2d> {
    let kernel = if params.padding == 0 { 1 } else { 3 };
    let shape = [output, input, kernel, kernel];
    let (weight, bias) = folded(conv, "weight", shape, None, norm)?;
    Conv2d::new(&weight, Some(&bias), params, Activation::Relu)
}

#[derive(Debug)]
enum Branch {
    Deformable(Box<DeformBranch>),
    Plain(Conv2d),
}

impl Branch {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Deformable(branch) => branch.forward(x),
            Self::Plain(conv) => conv.forward(x),
        }
    }
}

/// A deformable convolution with the convolutions that steer it, BatchNorm and ReLU
/// (`models/modules/deform_conv.py`).
#[derive(Debug)]
struct DeformBranch {
    offset_conv: Conv2d,
    modulator_conv: Conv2d,
    regular_conv: DeformConv2d,
}

impl DeformBranch {
    fn new(vb: &VarBuilder<'_>, [input, output]: [usize; 2], kernel: usize) -> Result<Self> {
        let conv_vb = vb.pp("atrous_conv");
        let taps = kernel * kernel;
        let shape = [output, input, kernel, kernel];
        let (weight, bias) = folded(&conv_vb, "regular_conv.weight", shape, None, &vb.pp("bn"))?;
        let padding = same(kernel).padding;
        Ok(Self {
            offset_conv: conv(&conv_vb.pp("offset_conv"), [input, 2 * taps], kernel)?,
            modulator_conv: conv(&conv_vb.pp("modulator_conv"), [input, taps], kernel)?,
            regular_conv: DeformConv2d::new(&weight, Some(&bias), 1, padding, Activation::Relu)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let offset = self.offset_conv.forward(x)?;
        let mask = (candle_nn::ops::sigmoid(&self.modulator_conv.forward(x)?)? * 2.0)?;
        self.regular_conv.forward(x, &offset, &mask)
    }
}
