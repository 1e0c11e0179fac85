//! Sigmoids, and means under a softmax.

use crate::cpu::isa::Isa;
use crate::cpu::simd_math::{exp_or_nan, sigmoid as sigmoid_of};
use crate::cpu::vectors::{read, write};
use crate::cpu::view::{computed, hold, in_chunks, in_rows, is_plain};
use crate::cuda::{self, Arg, Call};
use crate::work;
use candle_core::{D, Result, Shape, Tensor, bail};
use candle_nn::ops;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Values that a thread works on at once.
const CHUNK: usize = 1 << 13;

/// `1 / (1 + e⁻ˣ)` of every value.
///
/// # Errors
/// If candle fails.
pub fn sigmoid(x: &Tensor) -> Result<Tensor> {
    if !is_plain(x) {
        return ops::sigmoid(x);
    }
    let _span = work::begin_moving("sigmoid and softmax", 2 * x.elem_count());
    let shape = x.shape().clone();
    let mut y = x.contiguous()?.flatten_all()?.to_vec1::<f32>()?;
    let isa = Isa::detect();
    y.par_chunks_mut(CHUNK).for_each(|values| isa.run(Sigmoid { values }));
    computed(y, shape)
}

struct Sigmoid<'a> {
    values: &'a mut [f32],
}

impl WithSimd for Sigmoid<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for values in self.values.chunks_mut(S::F32_LANES) {
            let value = sigmoid_of(simd, read(simd, values));
            write(simd, values, value);
        }
    }
}

/// `Σ softmax(x) · values` over the last dimension: the mean of `values` under the distribution
/// whose logits are `x`. From `(…, n)` to `(…)`, with `n` values.
///
/// # Errors
/// If there is another number of values, or they lie on another device or have another type.
pub fn softmax_mean(x: &Tensor, values: &Tensor) -> Result<Tensor> {
    let count = x.dim(D::Minus1)?;
    if values.dims() != [count] || count == 0 {
        bail!("softmax_mean: {:?} values for logits of {:?}", values.dims(), x.shape());
    }
    if cuda::takes(x) {
        let (x, values) = (x.contiguous()?, values.contiguous()?);
        let shape = Shape::from(&x.dims()[..x.rank() - 1]);
        let args = [Arg::In(&x), Arg::In(&values), Arg::Out, Arg::Number(count)];
        return Call::of_values("softmax_mean", shape, args).run();
    }
    if !(is_plain(x) && is_plain(values)) {
        let weights = ops::softmax_last_dim(&x.contiguous()?)?;
        return weights.broadcast_mul(values)?.sum(D::Minus1);
    }
    let _span = work::begin_moving("sigmoid and softmax", x.elem_count());
    let values = values.to_vec1::<f32>()?;
    let shape = Shape::from(&x.dims()[..x.rank() - 1]);
    let x = in_rows(x)?;
    let x = hold("softmax_mean", &x);
    let (x, isa) = (x.view()?, Isa::detect());
    let rows = (CHUNK / count).max(1);
    let y = in_chunks(x.rows(), rows, |index, y| {
        let first = index * rows;
        let logits = |row: usize| x.row(first + row);
        isa.run(Means { logits, values: &values, to: y });
    });
    computed(y, shape)
}

struct Means<'a, F> {
    logits: F,
    values: &'a [f32],
    to: &'a mut [f32],
}

impl<'x, F: Fn(usize) -> &'x [f32]> WithSimd for Means<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (row, to) in self.to.iter_mut().enumerate() {
            let logits = (self.logits)(row);
            let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let most = simd.splat_f32s(most);
            let (mut sum, mut weighted) = (simd.splat_f32s(0.0), simd.splat_f32s(0.0));
            let (mut rest, mut rest_weighted) = (0.0, 0.0);
            let parts = logits.chunks(S::F32_LANES).zip(self.values.chunks(S::F32_LANES));
            for (logits, values) in parts {
                let weight = exp_or_nan(simd, simd.sub_f32s(read(simd, logits), most));
                if logits.len() == S::F32_LANES {
                    sum = simd.add_f32s(sum, weight);
                    weighted = simd.mul_add_e_f32s(weight, read(simd, values), weighted);
                } else {
                    // Lanes behind the last value would count.
                    let mut weights = [0f32; 16];
                    write(simd, &mut weights[..logits.len()], weight);
                    for (weight, value) in weights.iter().zip(values) {
                        rest += weight;
                        rest_weighted += weight * value;
                    }
                }
            }
            let sum = simd.reduce_sum_f32s(sum) + rest;
            *to = (simd.reduce_sum_f32s(weighted) + rest_weighted) / sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    fn close(found: &Tensor, wanted: &Tensor, largest: usize) -> bool {
        assert_eq!(found.dims(), wanted.dims());
        let wanted = wanted.to_dtype(DType::F64).unwrap();
        let error = (found.to_dtype(DType::F64).unwrap() - wanted).unwrap();
        error.abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar::<f64>().unwrap()
            < 1e-6 * largest as f64
    }

    #[test]
    fn both_are_those_of_a_wider_type() {
        for count in [1, 3, 16, 16 + 5, 40] {
            let x = Tensor::randn(0f32, 4.0, (2, 700, count), &Device::Cpu).unwrap();
            let wide = x.to_dtype(DType::F64).unwrap();
            assert!(close(&sigmoid(&x).unwrap(), &sigmoid(&wide).unwrap(), 1));
            let values = Tensor::arange(0f32, count as f32, &Device::Cpu).unwrap();
            let wide = softmax_mean(&wide, &values.to_dtype(DType::F64).unwrap()).unwrap();
            assert!(close(&softmax_mean(&x, &values).unwrap(), &wide, count), "{count}");
        }
        let nan = Tensor::new(&[[1f32, f32::NAN, 0.0]], &Device::Cpu).unwrap();
        let values = Tensor::arange(0f32, 3.0, &Device::Cpu).unwrap();
        assert!(softmax_mean(&nan, &values).unwrap().to_vec1::<f32>().unwrap()[0].is_nan());
        let y = sigmoid(&nan).unwrap().to_vec2::<f32>().unwrap();
        assert!(y[0][1].is_nan() && y[0][2] == 0.5);
        let x = Tensor::zeros((2, 3), DType::F32, &Device::Cpu).unwrap();
        assert!(softmax_mean(&x, &x.narrow(0, 0, 1).unwrap().squeeze(0).unwrap()).is_ok());
        assert!(softmax_mean(&x, &x.narrow(1, 0, 2).unwrap().flatten_all().unwrap()).is_err());
    }
}
