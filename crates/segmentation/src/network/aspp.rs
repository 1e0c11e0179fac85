//! Atrous spatial pyramid pooling, deformable and plain (`models/modules/aspp.py`).

use super::layers::{folded, same};
use crate::config::{BirefnetConfig, DecoderAttention};
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use portrait_kernels::{Activation, Conv2d, Conv2dParams, DeformConv2d, Linear, mean_of_pixels};

/// Kernels of the parallel deformable branches (`parallel_block_sizes`).
const DEFORM_KERNELS: [usize; 3] = [1, 3, 7];
/// Dilations of the plain branches at output stride 16; dilation 1 is a 1×1 convolution.
const DILATIONS: [usize; 4] = [1, 6, 12, 18];

/// Branches side by side, joined by a 1×1 convolution.
#[derive(Debug)]
pub(super) struct Aspp {
    /// Each with its part of the 1×1 convolution; the last one applies the activation.
    branches: Vec<(Branch, Linear)>,
    pooled: Conv2d,
    /// The part of the 1×1 convolution for the pooled branch, and its bias.
    pooled_part: Linear,
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
        let count = branches.len();
        let shape = [inter, (count + 1) * width, 1, 1];
        let (weight, bias) = folded(&vb.pp("conv1"), "weight", shape, None, &vb.pp("bn1"))?;
        let weight = weight.flatten(1, 3)?;
        let part = |index: usize, bias, activation| {
            let weight = weight.narrow(1, index * width, width)?.contiguous()?;
            Linear::new(&weight, bias, activation)
        };
        let pooled_part = part(count, Some(&bias), Activation::None)?;
        let branches = branches.into_iter().enumerate().map(|(index, branch)| {
            let is_last = index + 1 == count;
            let activation = if is_last { Activation::Relu } else { Activation::None };
            Ok((branch, part(index, None, activation)?))
        });
        Ok(Some(Self { branches: branches.collect::<Result<_>>()?, pooled, pooled_part }))
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, height, width, _) = x.dims4()?;
        let pooled = self.pooled.forward(&mean_of_pixels(x)?)?;
        let pooled = self.pooled_part.forward(&pooled)?;
        // The branches have many channels and their sum few: one after the other is added to it.
        let mut sum = pooled.broadcast_as((batch, height, width, pooled.dim(3)?))?;
        for (branch, part) in &self.branches {
            sum = branch.forward_into(x, part, &sum)?;
        }
        Ok(sum)
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
            conv_norm(&vb.pp("atrous_conv"), &vb.pp("bn"), channels, params)
                .map(|conv| Branch::Plain(Box::new(conv)))
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
    Plain(Box<Conv2d>),
}

impl Branch {
    /// `activation(part(branch(x)) + sum)`
    fn forward_into(&self, x: &Tensor, part: &Linear, sum: &Tensor) -> Result<Tensor> {
        match self {
            Self::Deformable(branch) => branch.forward_into(x, part, sum),
            Self::Plain(conv) => conv.forward_into(x, part, sum),
        }
    }
}

/// A deformable convolution with the convolutions that steer it, BatchNorm and ReLU
/// (`models/modules/deform_conv.py`).
#[derive(Debug)]
struct DeformBranch {
    /// `offset_conv` and `modulator_conv`, whose outputs stand beside each other.
    steering: Conv2d,
    taps: usize,
    regular_conv: DeformConv2d,
}

impl DeformBranch {
    fn new(vb: &VarBuilder<'_>, [input, output]: [usize; 2], kernel: usize) -> Result<Self> {
        let conv_vb = vb.pp("atrous_conv");
        let taps = kernel * kernel;
        let shape = [output, input, kernel, kernel];
        let (weight, bias) = folded(&conv_vb, "regular_conv.weight", shape, None, &vb.pp("bn"))?;
        let padding = same(kernel).padding;
        let regular_conv = DeformConv2d::new(&weight, Some(&bias), 1, padding, Activation::Relu)?;
        Ok(Self {
            steering: steering(&conv_vb, input, kernel)?,
            taps,
            regular_conv: regular_conv.with_mask_activation(Activation::DoubleSigmoid),
        })
    }

    fn forward_into(&self, x: &Tensor, part: &Linear, sum: &Tensor) -> Result<Tensor> {
        let steering = self.steering.forward(x)?;
        let offset = steering.narrow(3, 0, 2 * self.taps)?;
        let mask = steering.narrow(3, 2 * self.taps, self.taps)?;
        self.regular_conv.forward_into(x, &offset, &mask, part, sum)
    }
}

/// Two offsets for each tap, then its mask before the sigmoid: convolutions of the same input.
fn steering(vb: &VarBuilder<'_>, input: usize, kernel: usize) -> Result<Conv2d> {
    let part = |name: &str, outputs: usize| -> Result<_> {
        let vb = vb.pp(name);
        Ok((vb.get((outputs, input, kernel, kernel), "weight")?, vb.get(outputs, "bias")?))
    };
    let taps = kernel * kernel;
    let (offset, modulator) = (part("offset_conv", 2 * taps)?, part("modulator_conv", taps)?);
    let weight = Tensor::cat(&[offset.0, modulator.0], 0)?;
    let bias = Tensor::cat(&[offset.1, modulator.1], 0)?;
    Conv2d::new(&weight, Some(&bias), same(kernel), Activation::None)
}
