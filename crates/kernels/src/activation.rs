//! Element-wise activations.

use candle_core::{Result, Tensor};

/// What follows a convolution or a linear layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// Nothing.
    #[default]
    None,
    /// `max(x, 0)`
    Relu,
    /// `x · sigmoid(x)`, also called swish.
    Silu,
    /// `x · Φ(x)` with the exact normal distribution Φ (by erf), as `torch.nn.GELU()`.
    Gelu,
    /// `1 / (1 + e⁻ˣ)`
    Sigmoid,
    /// `2 · sigmoid(x)`: what scales the taps of a deformable convolution.
    DoubleSigmoid,
}

impl Activation {
    /// Applies it by candle's operations.
    pub(crate) fn of(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::None => Ok(x.clone()),
            Self::Relu => x.relu(),
            Self::Silu => x.silu(),
            Self::Gelu => x.gelu_erf(),
            Self::Sigmoid => candle_nn::ops::sigmoid(x),
            Self::DoubleSigmoid => (x.neg()?.exp()? + 1.0)?.recip()? * 2.0,
        }
    }
}
