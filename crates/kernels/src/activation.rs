//! Element-wise activations.

use candle_core::{Result, Tensor};

/// What follows a convolution.
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
}

impl Activation {
    /// Adds `bias` and applies the activation.
    pub(crate) fn apply(self, values: &mut [f32], bias: f32) {
        match self {
            Self::None if bias == 0.0 => {}
            Self::None => values.iter_mut().for_each(|x| *x += bias),
            Self::Relu => values.iter_mut().for_each(|x| *x = (*x + bias).max(0.0)),
            Self::Silu => values.iter_mut().for_each(|x| *x = silu(*x + bias)),
            Self::Gelu => values.iter_mut().for_each(|x| *x = gelu(*x + bias)),
        }
    }

    /// Applies it by candle's operations.
    pub(crate) fn of(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::None => Ok(x.clone()),
            Self::Relu => x.relu(),
            Self::Silu => x.silu(),
            Self::Gelu => x.gelu_erf(),
        }
    }
}

fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + candle_core::cpu::erf::erf_f32(x * std::f32::consts::FRAC_1_SQRT_2))
}

fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// `e^x` within 2 units in the last place, without a branch so that the compiler vectorises it.
///
/// Splits `x = n·ln 2 + r` with `|r| ≤ ln 2 / 2` and evaluates the minimax polynomial of Cephes
/// `expf`. The argument is clamped to ±87, where the result neither overflows nor is subnormal.
fn exp(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 87.0);
    // Adding 1.5·2^23 rounds to the nearest integer, which then stands in the low bits.
    let shifted = x * std::f32::consts::LOG2_E + 12_582_912.0;
    let n = shifted - 12_582_912.0;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    let exponent = shifted.to_bits().wrapping_sub(12_582_912f32.to_bits()).wrapping_add(127);
    p * f32::from_bits(exponent << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        for i in -870_000..=870_000 {
            let x = i as f32 * 1e-4;
            let want = f64::from(x).exp();
            let relative = (f64::from(exp(x)) - want).abs() / want;
            assert!(relative < 2.0 * f64::from(f32::EPSILON), "exp({x}): {relative:e}");
        }
    }

    #[test]
    fn the_ends_stay_finite() {
        for x in [-1e30f32, -1000.0, 1000.0, 1e30] {
            assert!(exp(x).is_finite() && silu(x).is_finite(), "{x}");
        }
        assert_eq!(silu(0.0), 0.0);
        assert!((silu(1000.0) - 1000.0).abs() < 1e-3);
        assert!(silu(-1000.0).abs() < 1e-30);
    }

    #[test]
    fn bias_comes_before_the_activation() {
        let mut values = [-3f32, -1.0, 1.0];
        Activation::Relu.apply(&mut values, 2.0);
        assert_eq!(values, [0.0, 1.0, 3.0]);
    }
}
