//! Max pooling of channels-last images that keeps their size.

use crate::cpu::isa::Isa;
use crate::cpu::vectors::{read, write};
use crate::cpu::view::{computed, hold, in_chunks, in_rows, is_plain};
use crate::cuda::{self, Arg, Call};
use crate::work;
use candle_core::{Result, Tensor};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// The largest value in the window of `2 * radius + 1` pixels a side around each pixel of
/// `(batch, height, width, channels)`, as PyTorch's `MaxPool2d(2 * radius + 1, stride=1,
/// padding=radius)`: what lies outside the image does not count.
///
/// # Errors
/// If the tensor has not four dimensions.
pub fn max_pool(x: &Tensor, radius: usize) -> Result<Tensor> {
    let (_, height, width, channels) = x.dims4()?;
    if cuda::takes(x) {
        let x = x.contiguous()?;
        let sizes = [channels, height, width, radius].map(Arg::Number);
        let args = [Arg::In(&x), Arg::Out].into_iter().chain(sizes);
        return Call::of_values("max_pool", x.shape().clone(), args).run();
    }
    if !is_plain(x) {
        return by_candle(x, radius);
    }
    let _span = work::begin_moving("pooling", 2 * x.elem_count());
    let shape = x.shape().clone();
    let x = in_rows(x)?;
    let x = hold("max_pool", &x);
    let (x, isa) = (x.view()?, Isa::detect());
    let line = width * channels;
    let near = |at: usize, side: usize| at.saturating_sub(radius)..(at + radius + 1).min(side);
    // Along the lines, then across them.
    let along = in_chunks(shape.elem_count(), line, |index, to| {
        let values = |pixel: usize| x.row(index * width + pixel);
        for (at, to) in to.chunks_exact_mut(channels).enumerate() {
            isa.run(Largest { of: near(at, width), values, to });
        }
    });
    let across = in_chunks(along.len(), line, |index, to| {
        let (image, row) = (index / height, index % height);
        let values = |row: usize| &along[(image * height + row) * line..][..line];
        isa.run(Largest { of: near(row, height), values, to });
    });
    computed(across, shape)
}

fn by_candle(x: &Tensor, radius: usize) -> Result<Tensor> {
    // Every window that leaves the image holds the pixel at its edge, so repeating that pixel
    // outside changes no maximum.
    x.permute((0, 3, 1, 2))?
        .contiguous()?
        .pad_with_same(2, radius, radius)?
        .pad_with_same(3, radius, radius)?
        .max_pool2d_with_stride(2 * radius + 1, 1)?
        .permute((0, 2, 3, 1))?
        .contiguous()
}

/// Value by value, the largest of some runs of values as long as `to`.
struct Largest<'a, F> {
    of: Range<usize>,
    values: F,
    to: &'a mut [f32],
}

impl<'x, F: Fn(usize) -> &'x [f32]> WithSimd for Largest<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = S::F32_LANES;
        for (index, to) in self.to.chunks_mut(lanes).enumerate() {
            let mut largest = simd.splat_f32s(f32::NEG_INFINITY);
            for run in self.of.clone() {
                let values = &(self.values)(run)[index * lanes..][..to.len()];
                largest = simd.max_f32s(largest, read(simd, values));
            }
            write(simd, to, largest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    const RADIUS: usize = 2;

    fn naive(x: &[f32], height: usize, width: usize) -> Vec<f32> {
        let near = |a: usize, b: usize| a.abs_diff(b) <= RADIUS;
        let pixels = || (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
        pixels()
            .map(|(row, column)| {
                pixels()
                    .filter(|&(r, c)| near(r, row) && near(c, column))
                    .map(|(r, c)| x[r * width + c])
                    .fold(f32::NEG_INFINITY, f32::max)
            })
            .collect()
    }

    #[test]
    fn both_ways_equal_the_definition() {
        for (height, width) in [(1, 1), (1, 7), (2, 3), (5, 5), (12, 20), (20, 4)] {
            // All negative, so that padding with zeros would show.
            let values: Vec<f32> =
                (0..2 * 3 * height * width).map(|i| -1.0 - ((i * 7919) % 1013) as f32).collect();
            let want: Vec<f32> = values
                .chunks_exact(height * width)
                .flat_map(|channel| naive(channel, height, width))
                .collect();
            let x = Tensor::from_vec(values, (2, 3, height, width), &Device::Cpu).unwrap();
            let x = x.permute((0, 2, 3, 1)).unwrap().contiguous().unwrap();
            for x in [x.clone(), x.to_dtype(DType::F64).unwrap()] {
                let y = max_pool(&x, RADIUS).unwrap();
                assert_eq!(y.dims(), x.dims());
                let y = y
                    .permute((0, 3, 1, 2))
                    .unwrap()
                    .to_dtype(DType::F32)
                    .unwrap()
                    .flatten_all()
                    .unwrap();
                assert_eq!(y.to_vec1::<f32>().unwrap(), want, "{height}x{width} {:?}", x.dtype());
            }
        }
    }
}
