//! Convolutions that our product on a CPU does not take: on cards, and in other types.

use super::on_cuda::{Sizes, Weights};
use super::params::Conv2dParams;
use super::part::Part;
use super::patches::Geometry;
use crate::activation::Activation;
use crate::cuda;
use crate::operations::linear::Linear;
use candle_core::{Result, Tensor, bail};

#[derive(Debug)]
pub(super) enum Elsewhere {
    /// For our product on a card.
    OnCuda(Weights),
    /// A 1×1 convolution there; the activation is the layer's.
    Pointwise(Linear),
    /// For candle's operations.
    ByCandle { weight: Tensor, bias: Option<Tensor> },
}

impl Elsewhere {
    pub(super) fn new(
        weight: &Tensor,
        bias: Option<&Tensor>,
        params: Conv2dParams,
        activation: Activation,
    ) -> Result<Self> {
        let (out, input, height, width) = weight.dims4()?;
        if !cuda::takes(weight) || params.groups > 1 {
            return Ok(Self::ByCandle { weight: weight.clone(), bias: bias.cloned() });
        }
        if params.is_pointwise([height, width]) {
            let weight = weight.reshape((out, input))?;
            return Ok(Self::Pointwise(Linear::new(&weight, bias, activation)?));
        }
        Ok(Self::OnCuda(Weights::new(weight, bias)?))
    }

    /// `activation(conv2d(parts) + bias) + residual`
    pub(super) fn forward(
        &self,
        parts: &[Part<'_>],
        params: Conv2dParams,
        activation: Activation,
        residual: Option<&Tensor>,
    ) -> Result<Tensor> {
        let x = Part::join(parts)?;
        match (self, residual) {
            (Self::OnCuda(weights), residual) => {
                let (batch, height, width, channels) = x.dims4()?;
                let [_, input, kernel @ ..] = weights.shape();
                if channels != input {
                    bail!("conv2d: {channels} input channels for {:?}", weights.shape());
                }
                let geometry = Geometry::new(batch, [height, width], kernel, params)?;
                let sizes = Sizes { input: [batch, height, width], out: geometry.out };
                weights.conv2d(&x, params, &sizes, activation, residual)
            }
            (Self::Pointwise(linear), None) => linear.forward(&x),
            (Self::Pointwise(linear), Some(residual)) => linear.forward_add(&x, residual),
            (Self::ByCandle { weight, bias }, residual) => {
                let y = by_candle(&x, weight, bias.as_ref(), params)?;
                let y = activation.of(&y)?.permute((0, 2, 3, 1))?.contiguous()?;
                if let Some(residual) = residual { y + residual } else { Ok(y) }
            }
        }
    }
}

/// `(batch, out, out height, out width)`
fn by_candle(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    params: Conv2dParams,
) -> Result<Tensor> {
    let Conv2dParams { stride, padding, dilation, groups } = params;
    let x = x.permute((0, 3, 1, 2))?.contiguous()?;
    let y = x.conv2d(weight, padding, stride, dilation, groups)?;
    match bias {
        Some(bias) => y.broadcast_add(&bias.reshape((1, weight.dim(0)?, 1, 1))?),
        None => Ok(y),
    }
}
