//! What follows a product of cuBLAS.

use super::call::{Arg, Call};
use crate::activation::Activation;
use candle_core::{Result, Tensor, bail};

/// `activation(x + bias + before) + after` over rows of channels.
pub(crate) fn epilogue(
    x: &Tensor,
    bias: Option<&Tensor>,
    [before, after]: [Option<&Tensor>; 2],
    activation: Activation,
) -> Result<Tensor> {
    let Some(&channels) = x.dims().last() else { bail!("epilogue: a tensor without channels") };
    let x = x.contiguous()?;
    let [before, after] = [contiguous(before, &x)?, contiguous(after, &x)?];
    let args = [
        Arg::In(&x),
        Arg::Maybe(bias),
        Arg::Maybe(before.as_ref()),
        Arg::Maybe(after.as_ref()),
        Arg::Out,
        Arg::Number(activation.number()),
        Arg::Number(channels),
    ];
    Call::of_values("epilogue", x.shape().clone(), args).run()
}

/// What is added to a tensor of the same shape.
fn contiguous(added: Option<&Tensor>, x: &Tensor) -> Result<Option<Tensor>> {
    let Some(added) = added else { return Ok(None) };
    if added.shape() != x.shape() {
        bail!("a residual of {:?} for an output of {:?}", added.shape(), x.shape());
    }
    added.contiguous().map(Some)
}

impl Activation {
    /// As `cuda/common.cuh` numbers it.
    pub(crate) fn number(self) -> usize {
        match self {
            Self::None => 0,
            Self::Relu => 1,
            Self::Silu => 2,
            Self::Gelu => 3,
            Self::Sigmoid => 4,
            Self::DoubleSigmoid => 5,
        }
    }
}
