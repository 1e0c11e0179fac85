//! Functions of a whole vector of `f32`.

use crate::activation::Activation;
use pulp::Simd;

/// The activation of a vector.
#[inline(always)]
pub(crate) fn activate<S: Simd>(simd: S, activation: Activation, x: S::f32s) -> S::f32s {
    match activation {
        Activation::None => x,
        Activation::Relu => simd.max_f32s(x, simd.splat_f32s(0.0)),
        Activation::Silu => silu(simd, x),
        Activation::Gelu => gelu(simd, x),
        Activation::Sigmoid => sigmoid(simd, x),
        Activation::DoubleSigmoid => double_sigmoid(simd, x),
    }
}

/// `e^x` within 2 units in the last place.
///
/// Splits `x = n·ln 2 + r` with `|r| ≤ ln 2 / 2` and evaluates a minimax polynomial (that of
/// Cephes' `expf`). The argument is clamped to ±87, where the result neither overflows nor is
/// subnormal.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let constant = |value| simd.splat_f32s(value);
    let x = simd.max_f32s(simd.min_f32s(x, constant(87.0)), constant(-87.0));
    // Adding 1.5·2^23 rounds to the nearest integer, which then stands in the low bits.
    let magic = constant(12_582_912.0);
    let shifted = simd.mul_add_e_f32s(x, constant(std::f32::consts::LOG2_E), magic);
    let n = simd.sub_f32s(shifted, magic);
    let r = simd.mul_add_e_f32s(n, constant(-0.693_359_4), x);
    let r = simd.mul_add_e_f32s(n, constant(2.121_944_4e-4), r);
    let mut p = constant(1.987_569_1e-4);
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = simd.mul_add_e_f32s(p, r, constant(coefficient));
    }
    let p = simd.mul_add_e_f32s(simd.mul_f32s(p, r), r, simd.add_f32s(r, constant(1.0)));
    let bits = simd.transmute_u32s_f32s(shifted);
    let bias = simd.splat_u32s(127u32.wrapping_sub(12_582_912f32.to_bits()));
    let exponent = simd.wrapping_dyn_shl_u32s(simd.add_u32s(bits, bias), simd.splat_u32s(23));
    simd.mul_f32s(p, simd.transmute_f32s_u32s(exponent))
}

/// `x · sigmoid(x)`
#[inline(always)]
pub(crate) fn silu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    simd.div_f32s(x, simd.add_f32s(one, exp(simd, simd.neg_f32s(x))))
}

/// [`exp`], but NaN of NaN, so that what a network makes of nonsense does not look like sense.
#[inline(always)]
pub(crate) fn exp_or_nan<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    simd.select_f32s(simd.equal_f32s(x, x), exp(simd, x), x)
}

/// `1 / (1 + e⁻ˣ)`
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    simd.div_f32s(one, simd.add_f32s(one, exp_or_nan(simd, simd.neg_f32s(x))))
}

/// `2 · sigmoid(x)`
#[inline(always)]
pub(crate) fn double_sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let decay = exp(simd, simd.neg_f32s(x));
    simd.div_f32s(simd.splat_f32s(2.0), simd.add_f32s(simd.splat_f32s(1.0), decay))
}

/// `x · Φ(x)` with the normal distribution Φ, within 2e-7 · max(1, |x|).
///
/// By erf as in Abramowitz and Stegun, 7.1.26, whose absolute error is at most 1.5e-7.
#[inline(always)]
pub(crate) fn gelu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let constant = |value| simd.splat_f32s(value);
    let z = simd.mul_f32s(simd.abs_f32s(x), constant(std::f32::consts::FRAC_1_SQRT_2));
    let t = simd.mul_add_e_f32s(z, constant(0.327_591_1), constant(1.0));
    let t = simd.div_f32s(constant(1.0), t);
    let mut p = constant(1.061_405_4);
    for coefficient in [-1.453_152_1, 1.421_413_8, -0.284_496_72, 0.254_829_6] {
        p = simd.mul_add_e_f32s(p, t, constant(coefficient));
    }
    let decay = exp(simd, simd.neg_f32s(simd.mul_f32s(z, z)));
    // Half of erfc(z): what is missing to 1 for positive x, and what is there for negative x.
    let tail = simd.mul_f32s(simd.mul_f32s(simd.mul_f32s(p, t), decay), constant(0.5));
    // x·(1 − tail) for x ≥ 0, x·tail = −|x|·tail for x < 0: max(x, 0) − |x|·tail in both cases.
    let positive = simd.max_f32s(x, constant(0.0));
    simd.sub_f32s(positive, simd.mul_f32s(simd.abs_f32s(x), tail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::isa::Isa;
    use pulp::WithSimd;

    struct Apply<'a, F>(&'a mut [f32], F);

    trait Function {
        fn of<S: Simd>(&self, simd: S, x: S::f32s) -> S::f32s;
    }

    impl<F: Function> WithSimd for Apply<'_, F> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            for chunk in self.0.chunks_mut(S::F32_LANES) {
                let y = self.1.of(simd, simd.partial_load_f32s(chunk));
                simd.partial_store_f32s(chunk, y);
            }
        }
    }

    macro_rules! function {
        ($name:ident, $function:ident) => {
            #[derive(Clone, Copy)]
            struct $name;
            impl Function for $name {
                #[inline(always)]
                fn of<S: Simd>(&self, simd: S, x: S::f32s) -> S::f32s {
                    $function(simd, x)
                }
            }
        };
    }
    function!(Exp, exp);
    function!(Silu, silu);
    function!(Gelu, gelu);
    function!(DoubleSigmoid, double_sigmoid);

    fn check(function: impl Function + Copy, exact: fn(f64) -> f64, error: fn(f64, f64) -> f64) {
        for isa in Isa::available() {
            let x: Vec<f32> = (-870_000..=870_000).step_by(7).map(|i| i as f32 * 1e-4).collect();
            let mut y = x.clone();
            isa.run(Apply(&mut y, function));
            for (x, y) in x.into_iter().zip(y) {
                let exact = exact(x.into());
                let limit = error(x.into(), exact);
                let difference = (f64::from(y) - exact).abs();
                assert!(difference <= limit, "{} at {x}: {y}, not {exact}", isa.name());
            }
        }
    }

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        check(Exp, f64::exp, |_, exact| 2.0 * f64::from(f32::EPSILON) * exact);
    }

    #[test]
    fn silu_follows_exp() {
        let exact = |x: f64| x / (1.0 + (-x).exp());
        check(Silu, exact, |_, exact| 4.0 * f64::from(f32::EPSILON) * exact.abs() + 1e-36);
    }

    #[test]
    fn double_sigmoid_follows_exp() {
        let exact = |x: f64| 2.0 / (1.0 + (-x).exp());
        check(DoubleSigmoid, exact, |_, exact| 4.0 * f64::from(f32::EPSILON) * exact + 1e-36);
    }

    #[test]
    fn gelu_is_the_exact_one_within_its_bound() {
        let exact = |x: f64| x * phi(x);
        check(Gelu, exact, |x, _| 2e-7 * x.abs().max(1.0));
    }

    /// The normal distribution, by the series of erf near 0 and the continued fraction of erfc.
    fn phi(x: f64) -> f64 {
        let z = x.abs() / std::f64::consts::SQRT_2;
        let tail = if z < 2.5 {
            let (mut term, mut sum) = (z, z);
            for n in 1..80 {
                term *= -z * z / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            0.5 - sum / std::f64::consts::PI.sqrt()
        } else {
            let mut fraction = 0.0;
            for n in (1..60).rev() {
                fraction = f64::from(n) / 2.0 / (z + fraction);
            }
            0.5 * (-z * z).exp() / std::f64::consts::PI.sqrt() / (z + fraction)
        };
        if x < 0.0 { tail } else { 1.0 - tail }
    }
}
