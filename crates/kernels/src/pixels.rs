//! Small operations on channels-last images.

use crate::slices::f32_values;
use crate::view::is_plain;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, D, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

/// Multiplies each pixel of `(batch, height, width, channels)` with the sigmoid of its logit,
/// `(batch, height, width, 1)`.
///
/// # Errors
/// If there is not one logit for each pixel.
pub fn gate(x: &Tensor, logits: &Tensor) -> Result<Tensor> {
    if is_plain(x) {
        return x.contiguous()?.apply_op2_no_bwd(&logits.contiguous()?, &Gate);
    }
    x.broadcast_mul(&(logits.neg()?.exp()? + 1.0)?.recip()?)
}

struct Gate;

impl CustomOp2 for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        layout: &Layout,
        logits: &CpuStorage,
        logits_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, height, width, channels) = layout.shape().dims4()?;
        if logits_layout.dims() != [batch, height, width, 1] {
            bail!("gate: logits of {:?} for {:?}", logits_layout.shape(), layout.shape());
        }
        let x = f32_values("gate", x, layout)?;
        let logits = f32_values("gate", logits, logits_layout)?;
        let mut y = vec![0f32; x.len()];
        y.par_chunks_exact_mut(channels.max(1))
            .zip(x.par_chunks_exact(channels.max(1)))
            .zip(logits)
            .with_min_len(256)
            .for_each(|((y, x), logit)| {
                let gate = 1.0 / (1.0 + (-logit).exp());
                y.iter_mut().zip(x).for_each(|(y, x)| *y = x * gate);
            });
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }
}

/// The mean of all pixels of an image: `(batch, height, width, channels)` to
/// `(batch, 1, 1, channels)`.
///
/// # Errors
/// If the tensor has not four dimensions.
pub fn mean_of_pixels(x: &Tensor) -> Result<Tensor> {
    let (batch, height, width, channels) = x.dims4()?;
    if is_plain(x) {
        return x.contiguous()?.apply_op1_no_bwd(&MeanOfPixels);
    }
    let pixels = x.reshape((batch, height * width, channels))?.transpose(1, 2)?.contiguous()?;
    pixels.mean_keepdim(D::Minus1)?.reshape((batch, 1, 1, channels))
}

struct MeanOfPixels;

impl CustomOp1 for MeanOfPixels {
    fn name(&self) -> &'static str {
        "mean_of_pixels"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, height, width, channels) = layout.shape().dims4()?;
        let x = f32_values(self.name(), storage, layout)?;
        let image = (height * width * channels).max(1);
        let line = (width * channels).max(1);
        let mut y = Vec::with_capacity(batch * channels);
        for x in x.chunks_exact(image) {
            // Line by line first: a sum of few values loses little.
            let lines = x.par_chunks_exact(line).map(|line| {
                let mut sum = vec![0f32; channels];
                for pixel in line.chunks_exact(channels) {
                    sum.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += x);
                }
                sum.into_iter().map(f64::from).collect::<Vec<_>>()
            });
            let zero = || vec![0f64; channels];
            let sum = lines.reduce(zero, |mut a, b| {
                a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                a
            });
            y.extend(sum.into_iter().map(|sum| (sum / (height * width) as f64) as f32));
        }
        Ok((CpuStorage::F32(y), Shape::from((batch, 1, 1, channels))))
    }
}
