//! Bilinear resize with `align_corners = true`.

use crate::isa::Isa;
use crate::lerp::{Corners, interpolate};
use crate::slices::f32_values;
use crate::view::is_plain;
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

/// Resizes `(batch, height, width, channels)` so that the corner pixels keep their place, as
/// `torch.nn.functional.interpolate(mode="bilinear", align_corners=True)` does.
///
/// The source coordinates are computed in `f32` exactly as PyTorch computes them: on a noisy image
/// the rounding of a coordinate shows in the result. A resize to the same size is the identity.
///
/// # Errors
/// If a side is 0.
pub fn resize_bilinear(x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    let (_, from_h, from_w, _) = x.dims4()?;
    if from_h * from_w * height * width == 0 {
        bail!("cannot resize {from_h}x{from_w} to {height}x{width}");
    }
    if (from_h, from_w) == (height, width) {
        return Ok(x.clone());
    }
    if is_plain(x) {
        return x.contiguous()?.apply_op1_no_bwd(&Resize { height, width });
    }
    let x = x.permute((0, 3, 1, 2))?.contiguous()?;
    x.upsample_bilinear2d(height, width, true)?.permute((0, 2, 3, 1))?.contiguous()
}

struct Resize {
    height: usize,
    width: usize,
}

/// Where one output row or column reads: two neighbours and the weight of the second.
struct Source {
    low: usize,
    high: usize,
    weight: f32,
}

fn sources(from: usize, to: usize) -> Vec<Source> {
    let scale = if to > 1 { (from - 1) as f32 / (to - 1) as f32 } else { 0.0 };
    (0..to)
        .map(|i| {
            let source = scale * i as f32;
            let low = (source as usize).min(from - 1);
            Source { low, high: (low + 1).min(from - 1), weight: source - low as f32 }
        })
        .collect()
}

impl CustomOp1 for Resize {
    fn name(&self) -> &'static str {
        "resize_bilinear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = f32_values(self.name(), storage, layout)?;
        let (batch, height, width, channels) = layout.shape().dims4()?;
        let (rows, columns) = (sources(height, self.height), sources(width, self.width));
        let mut y = vec![0f32; batch * self.height * self.width * channels];
        let isa = Isa::detect();
        let line = (self.width * channels).max(1);
        y.par_chunks_exact_mut(line).enumerate().for_each(|(index, line)| {
            let (image, row) = (index / self.height, &rows[index % self.height]);
            let x = &x[image * height * width * channels..][..height * width * channels];
            let (w1, w0) = (row.weight, 1.0 - row.weight);
            let corners = columns.iter().map(|column| {
                let (v1, v0) = (column.weight, 1.0 - column.weight);
                let at = |y: usize, x: usize| (y * width + x) * channels;
                Corners {
                    from: [
                        at(row.low, column.low),
                        at(row.low, column.high),
                        at(row.high, column.low),
                        at(row.high, column.high),
                    ],
                    weights: [w0 * v0, w0 * v1, w1 * v0, w1 * v1],
                }
            });
            interpolate(isa, x, channels, corners, line);
        });
        Ok((CpuStorage::F32(y), Shape::from((batch, self.height, self.width, channels))))
    }
}
