//! Small operations on channels-last images.

use crate::cpu::view::{computed, hold, in_chunks, in_rows, is_plain};
use crate::cuda::{self, Arg, Call, Source, WARP};
use crate::work;
use candle_core::{D, Result, Shape, Tensor, bail};
use rayon::prelude::*;

/// Values that a thread works on at once.
const CHUNK: usize = 1 << 13;

/// Multiplies each pixel of `(batch, height, width, channels)` with the sigmoid of its logit,
/// `(batch, height, width, 1)`.
///
/// # Errors
/// If there is not one logit for each pixel.
pub fn gate(x: &Tensor, logits: &Tensor) -> Result<Tensor> {
    let (batch, height, width, channels) = x.dims4()?;
    if logits.dims() != [batch, height, width, 1] {
        bail!("gate: logits of {:?} for {:?}", logits.shape(), x.shape());
    }
    if cuda::takes(x) {
        let (x, logits) = (x.contiguous()?, logits.contiguous()?);
        let args = [Arg::In(&x), Arg::In(&logits), Arg::Out, Arg::Number(channels)];
        return Call::of_values("gate", x.shape().clone(), args).run();
    }
    if !is_plain(x) || !is_plain(logits) {
        return x.broadcast_mul(&(logits.neg()?.exp()? + 1.0)?.recip()?);
    }
    let _span = work::begin_moving("gates", 2 * x.elem_count() + logits.elem_count());
    let shape = x.shape().clone();
    let (x, logits) = (in_rows(x)?, in_rows(logits)?);
    let [x, logits] = [&x, &logits].map(|tensor| hold("gate", tensor));
    let (x, logits, rows) = (x.view()?, logits.view()?, (CHUNK / channels.max(1)).max(1));
    let y = in_chunks(shape.elem_count(), rows * channels, |index, y| {
        for (row, y) in y.chunks_exact_mut(channels).enumerate() {
            let row = index * rows + row;
            let gate = 1.0 / (1.0 + (-logits.row(row)[0]).exp());
            y.iter_mut().zip(x.row(row)).for_each(|(y, x)| *y = x * gate);
        }
    });
    computed(y, shape)
}

/// The mean of all pixels of an image: `(batch, height, width, channels)` to
/// `(batch, 1, 1, channels)`.
///
/// # Errors
/// If the tensor has not four dimensions.
pub fn mean_of_pixels(x: &Tensor) -> Result<Tensor> {
    let (batch, height, width, channels) = x.dims4()?;
    if cuda::takes(x) {
        return mean_on_cuda(&x.contiguous()?);
    }
    if !is_plain(x) {
        let pixels = x.reshape((batch, height * width, channels))?.transpose(1, 2)?.contiguous()?;
        return pixels.mean_keepdim(D::Minus1)?.reshape((batch, 1, 1, channels));
    }
    let _span = work::begin_moving("means", x.elem_count());
    let x = in_rows(x)?;
    let x = hold("mean_of_pixels", &x);
    let x = x.view()?;
    let mut y = Vec::with_capacity(batch * channels);
    for image in 0..batch {
        // Line by line first: a sum of few values loses little.
        let lines = (0..height).into_par_iter().map(|line| {
            let mut sum = vec![0f32; channels];
            for pixel in 0..width {
                let pixel = x.row((image * height + line) * width + pixel);
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
    computed(y, Shape::from((batch, 1, 1, channels)))
}

/// Parts of an image whose means are taken first on a card: for one block all of it is too much.
const MOST_PARTS: usize = 64;

fn mean_on_cuda(x: &Tensor) -> Result<Tensor> {
    let (batch, height, width, channels) = x.dims4()?;
    let pixels = height * width;
    // Parts of one size, so that the mean of their means is the mean.
    let parts = (1..=MOST_PARTS.min(pixels)).rev().find(|&parts| pixels.is_multiple_of(parts));
    let mean = |x: &Tensor, groups: usize, rows: usize| {
        let args = [Arg::In(x), Arg::Out, Arg::Number(rows), Arg::Number(channels)];
        let blocks = [groups, channels.div_ceil(WARP)];
        let output = Shape::from((groups, channels));
        let (source, kernel) = (Source::Elementwise, "mean_of_rows");
        Call { source, kernel, args: args.into(), blocks, output }.run()
    };
    let parts = parts.unwrap_or(1);
    let of_parts = mean(x, batch * parts, pixels / parts)?;
    mean(&of_parts, batch, parts)?.reshape((batch, 1, 1, channels))
}
