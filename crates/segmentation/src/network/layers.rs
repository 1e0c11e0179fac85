//! Layers as a checkpoint holds them.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use portrait_kernels::{Activation, BatchNorm, Conv2d, Conv2dParams, LayerNorm, Linear};

/// BiRefNet keeps PyTorch's default everywhere.
const EPS: f64 = 1e-5;

/// A convolution with bias, `kernel × kernel`, that keeps the size.
pub(super) fn conv(
    vb: &VarBuilder<'_>,
    [input, output]: [usize; 2],
    kernel: usize,
) -> Result<Conv2d> {
    let weight = vb.get((output, input, kernel, kernel), "weight")?;
    let bias = vb.get(output, "bias")?;
    Conv2d::new(&weight, Some(&bias), same(kernel), Activation::None)
}

/// A convolution that keeps the size, with the BatchNorm that follows it folded in.
pub(super) fn conv_norm(
    conv: &VarBuilder<'_>,
    norm: &VarBuilder<'_>,
    [input, output]: [usize; 2],
    kernel: usize,
    activation: Activation,
) -> Result<Conv2d> {
    let bias = wide(conv).get(output, "bias")?;
    let shape = [output, input, kernel, kernel];
    let (weight, bias) = folded(conv, "weight", shape, Some(&bias), norm)?;
    Conv2d::new(&weight, Some(&bias), same(kernel), activation)
}

/// The weight `name` and a bias, with the BatchNorm that follows folded in: read and folded in
/// binary64, so that one rounding remains, to the type the network runs in.
pub(super) fn folded(
    conv: &VarBuilder<'_>,
    name: &str,
    shape: [usize; 4],
    bias: Option<&Tensor>,
    norm: &VarBuilder<'_>,
) -> Result<(Tensor, Tensor)> {
    let weight = wide(conv).get(&shape[..], name)?;
    let (weight, bias) = batch_norm(&wide(norm), shape[0])?.fold(&weight, bias)?;
    Ok((place(weight, conv)?, place(bias, conv)?))
}

/// A tensor in the type and on the device of the network.
pub(super) fn place(tensor: Tensor, vb: &VarBuilder<'_>) -> Result<Tensor> {
    tensor.to_dtype(vb.dtype())?.to_device(vb.device())
}

/// The same parameters in binary64 on the CPU, to compute with before they are rounded.
pub(super) fn wide<'a>(vb: &VarBuilder<'a>) -> VarBuilder<'a> {
    vb.clone().set_device(Device::Cpu).to_dtype(DType::F64)
}

pub(super) fn same(kernel: usize) -> Conv2dParams {
    Conv2dParams { padding: kernel / 2, ..Default::default() }
}

fn batch_norm(vb: &VarBuilder<'_>, channels: usize) -> Result<BatchNorm> {
    Ok(BatchNorm {
        weight: vb.get(channels, "weight")?,
        bias: vb.get(channels, "bias")?,
        running_mean: vb.get(channels, "running_mean")?,
        running_var: vb.get(channels, "running_var")?,
        eps: EPS,
    })
}

pub(super) fn layer_norm(vb: &VarBuilder<'_>, channels: usize) -> Result<LayerNorm> {
    LayerNorm::new(vb.get(channels, "weight")?, vb.get(channels, "bias")?, EPS)
}

/// A linear layer over the last dimension, with bias.
pub(super) fn linear(
    vb: &VarBuilder<'_>,
    [input, output]: [usize; 2],
    activation: Activation,
) -> Result<Linear> {
    let (weight, bias) = (vb.get((output, input), "weight")?, vb.get(output, "bias")?);
    Linear::new(&weight, Some(&bias), activation)
}

/// A linear layer over the last dimension, without bias.
pub(super) fn linear_without_bias(
    vb: &VarBuilder<'_>,
    [input, output]: [usize; 2],
) -> Result<Linear> {
    Linear::new(&vb.get((output, input), "weight")?, None, Activation::None)
}
