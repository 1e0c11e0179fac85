//! Normalisation: LayerNorm over channels-last tokens, and BatchNorm folded into a convolution.

use crate::cpu::isa::Isa;
use crate::cpu::vectors::{read, write};
use crate::cpu::view::{View, computed, hold, in_chunks, in_rows, is_plain};
use crate::cuda::{self, Arg, Call};
use crate::work;
use candle_core::{D, DType, Result, Tensor, bail};
use pulp::{Simd, WithSimd};

/// Values that a thread works on at once.
const CHUNK: usize = 1 << 13;

/// `(x − mean) / √(variance + eps) · weight + bias` over the last dimension.
#[derive(Debug)]
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    values: Option<[Vec<f32>; 2]>,
    eps: f64,
    isa: Isa,
}

impl LayerNorm {
    /// A normalisation with `channels` weights and biases.
    ///
    /// # Errors
    /// If weight and bias are not vectors of one length, or empty.
    pub fn new(weight: Tensor, bias: Tensor, eps: f64) -> Result<Self> {
        if weight.dims1()? != bias.dims1()? || weight.dims1()? == 0 {
            bail!("layer norm: {:?} weights and {:?} biases", weight.dims(), bias.dims());
        }
        let plain = is_plain(&weight) && is_plain(&bias);
        let values = if plain { Some([weight.to_vec1()?, bias.to_vec1()?]) } else { None };
        Ok(Self { weight, bias, values, eps, isa: Isa::detect() })
    }

    /// Normalises `(…, channels)`.
    ///
    /// # Errors
    /// If the last dimension is not `channels`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match &self.values {
            Some([weight, bias]) if is_plain(x) => self.run(x, weight, bias),
            _ if cuda::takes(x) => self.on_cuda(x),
            _ => self.by_candle(x),
        }
    }

    fn run(&self, x: &Tensor, weight: &[f32], bias: &[f32]) -> Result<Tensor> {
        let channels = weight.len();
        if x.dims().last() != Some(&channels) {
            bail!("layer norm over {channels} channels of {:?}", x.shape());
        }
        let _span = work::begin_moving("layer norms", 2 * x.elem_count());
        let shape = x.shape().clone();
        let x = in_rows(x)?;
        let x = hold("layer norm", &x);
        let (x, eps, rows) = (x.view()?, self.eps as f32, (CHUNK / channels).max(1));
        let y = in_chunks(shape.elem_count(), rows * channels, |index, y| {
            self.isa.run(Normalise { x, first: index * rows, weight, bias, eps, y });
        });
        computed(y, shape)
    }

    fn on_cuda(&self, x: &Tensor) -> Result<Tensor> {
        let channels = self.weight.dims1()?;
        if x.dims().last() != Some(&channels) {
            bail!("layer norm over {channels} channels of {:?}", x.shape());
        }
        let x = x.contiguous()?;
        let args = [
            Arg::In(&x),
            Arg::In(&self.weight),
            Arg::In(&self.bias),
            Arg::Out,
            Arg::Float(self.eps as f32),
            Arg::Number(channels),
        ];
        Call::of_rows("layer_norm", x.shape().clone(), x.elem_count() / channels, args).run()
    }

    fn by_candle(&self, x: &Tensor) -> Result<Tensor> {
        let wide = x.to_dtype(DType::F32)?;
        let centred = wide.broadcast_sub(&wide.mean_keepdim(D::Minus1)?)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let normed = centred.broadcast_div(&(variance + self.eps)?.sqrt()?)?;
        normed.to_dtype(x.dtype())?.broadcast_mul(&self.weight)?.broadcast_add(&self.bias)
    }
}

/// Normalises rows as long as the weight.
struct Normalise<'a> {
    x: View<'a>,
    /// The row of `x` that goes to the first one of `y`.
    first: usize,
    weight: &'a [f32],
    bias: &'a [f32],
    eps: f32,
    y: &'a mut [f32],
}

impl WithSimd for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { x, first, weight, bias, eps, y } = self;
        let (channels, lanes) = (weight.len(), S::F32_LANES);
        for (row, y) in y.chunks_exact_mut(channels).enumerate() {
            let x = x.row(first + row);
            // Of the last vector only some lanes count; those behind are zeros.
            let mut sum = simd.splat_f32s(0.0);
            for x in x.chunks(lanes) {
                sum = simd.add_f32s(sum, read(simd, x));
            }
            let mean = simd.reduce_sum_f32s(sum) / channels as f32;
            let mean = simd.splat_f32s(mean);
            let (mut squares, mut rest) = (simd.splat_f32s(0.0), 0.0);
            for (x, y) in x.chunks(lanes).zip(y.chunks_mut(lanes)) {
                let centred = simd.sub_f32s(read(simd, x), mean);
                write(simd, y, centred);
                if y.len() == lanes {
                    squares = simd.mul_add_e_f32s(centred, centred, squares);
                } else {
                    rest = y.iter().map(|y| y * y).sum();
                }
            }
            let variance = (simd.reduce_sum_f32s(squares) + rest) / channels as f32;
            let scale = simd.splat_f32s(1.0 / (variance + eps).sqrt());
            let affine = weight.chunks(lanes).zip(bias.chunks(lanes));
            for (y, (weight, bias)) in y.chunks_mut(lanes).zip(affine) {
                let normed = simd.mul_f32s(read(simd, y), scale);
                let value = simd.mul_add_e_f32s(normed, read(simd, weight), read(simd, bias));
                write(simd, y, value);
            }
        }
    }
}

/// The statistics and the affine part of a BatchNorm at inference, each of `channels` values.
#[derive(Debug, Clone)]
pub struct BatchNorm {
    /// Scale, `weight` in a checkpoint.
    pub weight: Tensor,
    /// Shift, `bias` in a checkpoint.
    pub bias: Tensor,
    /// Mean of the training set.
    pub running_mean: Tensor,
    /// Variance of the training set.
    pub running_var: Tensor,
    /// What keeps the root away from zero: 1e-5 in BiRefNet, 1e-3 in YOLOv8.
    pub eps: f64,
}

impl BatchNorm {
    /// The weight and bias of the one convolution that equals `weight` and `bias` followed by this
    /// normalisation. Computed in `f64`, returned in the type of the weight.
    ///
    /// # Errors
    /// If the number of channels differs from the outputs of the convolution.
    pub fn fold(&self, weight: &Tensor, bias: Option<&Tensor>) -> Result<(Tensor, Tensor)> {
        let dtype = weight.dtype();
        let wide = |tensor: &Tensor| tensor.to_dtype(DType::F64);
        let root = (wide(&self.running_var)? + self.eps)?.sqrt()?;
        let scale = wide(&self.weight)?.div(&root)?;
        let mut per_output = vec![1; weight.rank()];
        per_output[0] = scale.dims1()?;
        let folded = wide(weight)?.broadcast_mul(&scale.reshape(per_output)?)?;
        let shift = match bias {
            Some(bias) => wide(bias)?.sub(&wide(&self.running_mean)?)?,
            None => wide(&self.running_mean)?.neg()?,
        };
        let shift = (shift * scale)?.add(&wide(&self.bias)?)?;
        Ok((folded.to_dtype(dtype)?, shift.to_dtype(dtype)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn layer_norm_is_exact_where_a_one_pass_variance_is_not() {
        // A mean a thousand times the deviation: E[x²] − mean² would lose all digits.
        let x: Vec<f32> = (0..96).map(|i| 1000.0 + (i % 7) as f32 * 0.25).collect();
        let mean = x.iter().map(|&x| f64::from(x)).sum::<f64>() / 96.0;
        let variance = x.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / 96.0;
        let ones = Tensor::ones(96, DType::F32, &Device::Cpu).unwrap();
        let norm = LayerNorm::new(ones.clone(), ones.zeros_like().unwrap(), 1e-5).unwrap();
        let y = norm.forward(&Tensor::new(&x[..], &Device::Cpu).unwrap()).unwrap();
        for (y, &x) in y.to_vec1::<f32>().unwrap().iter().zip(&x) {
            let want = (f64::from(x) - mean) / (variance + 1e-5).sqrt();
            assert!((f64::from(*y) - want).abs() < 2e-4, "{y} {want}");
        }
    }

    #[test]
    fn a_folded_batch_norm_is_the_same_function() {
        let tensor = |values: &[f32]| Tensor::new(values, &Device::Cpu).unwrap();
        let norm = BatchNorm {
            weight: tensor(&[2.0, -1.0]),
            bias: tensor(&[0.5, 0.25]),
            running_mean: tensor(&[1.0, -3.0]),
            running_var: tensor(&[4.0, 0.25]),
            eps: 0.0,
        };
        let weight = tensor(&[3.0, 5.0]).reshape((2, 1, 1, 1)).unwrap();
        let (w, b) = norm.fold(&weight, Some(&tensor(&[1.0, 1.0]))).unwrap();
        // Output 0: 2·(3x + 1 − 1)/2 + 0.5; output 1: −(5x + 1 + 3)/0.5 + 0.25.
        assert_eq!(w.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [3.0, -10.0]);
        assert_eq!(b.to_vec1::<f32>().unwrap(), [0.5, -7.75]);
        let (_, b) = norm.fold(&weight, None).unwrap();
        assert_eq!(b.to_vec1::<f32>().unwrap(), [-0.5, -5.75]);
        assert!(norm.fold(&tensor(&[1.0; 3]).reshape((3, 1, 1, 1)).unwrap(), None).is_err());
    }
}
