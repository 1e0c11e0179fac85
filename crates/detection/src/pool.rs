//! Max pooling of channels-last images that keeps their size.

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, bail};

/// The largest value in the window of `2 * RADIUS + 1` pixels a side around each pixel, as
/// PyTorch's `MaxPool2d(5, stride=1, padding=2)`: what lies outside the image does not count.
pub(crate) fn max_pool(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() && x.dtype() == DType::F32 {
        return x.contiguous()?.apply_op1_no_bwd(&MaxPool);
    }
    // Every window that leaves the image holds the pixel at its edge, so repeating that pixel
    // outside changes no maximum.
    x.permute((0, 3, 1, 2))?
        .contiguous()?
        .pad_with_same(2, RADIUS, RADIUS)?
        .pad_with_same(3, RADIUS, RADIUS)?
        .max_pool2d_with_stride(2 * RADIUS + 1, 1)?
        .permute((0, 2, 3, 1))?
        .contiguous()
}

const RADIUS: usize = 2;

struct MaxPool;

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (CpuStorage::F32(values), Some((start, end))) = (storage, layout.contiguous_offsets())
        else {
            bail!("max_pool takes contiguous f32 tensors");
        };
        let (_, height, width, channels) = layout.shape().dims4()?;
        let x = &values[start..end];
        let mut y = vec![f32::NEG_INFINITY; x.len()];
        let line = width * channels;
        let mut rows = vec![f32::NEG_INFINITY; height * line];
        for (x, y) in x.chunks_exact(rows.len().max(1)).zip(y.chunks_exact_mut(rows.len().max(1))) {
            rows.fill(f32::NEG_INFINITY);
            for (x, rows) in x.chunks_exact(line).zip(rows.chunks_exact_mut(line)) {
                pool(x, channels, rows);
            }
            pool(&rows, line, y);
        }
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }
}

/// The maximum of each run of `step` values and its neighbours before and behind; `y` starts at
/// negative infinity.
fn pool(x: &[f32], step: usize, y: &mut [f32]) {
    let count = x.len() / step;
    for (at, y) in y.chunks_exact_mut(step).enumerate() {
        let window = at.saturating_sub(RADIUS)..(at + RADIUS + 1).min(count);
        for x in x[window.start * step..window.end * step].chunks_exact(step) {
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = y.max(x));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

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
                let y = max_pool(&x).unwrap();
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
