//! Bilinear resize with `align_corners = true`.

use crate::cpu::isa::Isa;
use crate::cpu::lerp::{Corners, interpolate};
use crate::cpu::view::{computed, hold, in_chunks, in_rows, is_plain};
use crate::cuda::{self, Arg, Call};
use crate::work;
use candle_core::{Result, Shape, Tensor, bail};

/// Resizes `(batch, height, width, channels)` so that the corner pixels keep their place, as
/// `torch.nn.functional.interpolate(mode="bilinear", align_corners=True)` does.
///
/// The source coordinates are computed in `f32` exactly as PyTorch computes them: on a noisy image
/// the rounding of a coordinate shows in the result. A resize to the same size is the identity.
///
/// # Errors
/// If a side is 0.
pub fn resize_bilinear(x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    let (batch, from_h, from_w, channels) = x.dims4()?;
    if from_h * from_w * height * width == 0 {
        bail!("cannot resize {from_h}x{from_w} to {height}x{width}");
    }
    if (from_h, from_w) == (height, width) {
        return Ok(x.clone());
    }
    if cuda::takes(x) {
        let x = x.contiguous()?;
        let args = [
            Arg::In(&x),
            Arg::Out,
            Arg::Number(channels),
            Arg::Number(from_h),
            Arg::Number(from_w),
            Arg::Number(height),
            Arg::Number(width),
            Arg::Float(scale(from_h, height)),
            Arg::Float(scale(from_w, width)),
        ];
        let shape = Shape::from((batch, height, width, channels));
        return Call::of_values("bilinear", shape, args).run();
    }
    if !is_plain(x) {
        let x = x.permute((0, 3, 1, 2))?.contiguous()?;
        return x.upsample_bilinear2d(height, width, true)?.permute((0, 2, 3, 1))?.contiguous();
    }
    let shape = Shape::from((batch, height, width, channels));
    let _span = work::begin_moving("resizing", x.elem_count() + shape.elem_count());
    let x = in_rows(x)?;
    let x = hold("resize_bilinear", &x);
    let (x, isa) = (x.view()?, Isa::detect());
    let (rows, columns) = (sources(from_h, height), sources(from_w, width));
    let y = in_chunks(shape.elem_count(), width * channels, |index, line| {
        let (image, row) = (index / height, &rows[index % height]);
        let (w1, w0) = (row.weight, 1.0 - row.weight);
        let corners = columns.iter().map(|column| {
            let (v1, v0) = (column.weight, 1.0 - column.weight);
            let at = |y: usize, x_at: usize| ((image * from_h + y) * from_w + x_at) * x.stride();
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
        let corners: Vec<_> = corners.collect();
        interpolate(isa, x.values(), channels, &corners, line);
    });
    computed(y, shape)
}

/// Where one output row or column reads: two neighbours and the weight of the second.
struct Source {
    low: usize,
    high: usize,
    weight: f32,
}

/// Source pixels from one output pixel to the next.
fn scale(from: usize, to: usize) -> f32 {
    if to > 1 { (from - 1) as f32 / (to - 1) as f32 } else { 0.0 }
}

fn sources(from: usize, to: usize) -> Vec<Source> {
    let scale = scale(from, to);
    (0..to)
        .map(|i| {
            let source = scale * i as f32;
            let low = (source as usize).min(from - 1);
            Source { low, high: (low + 1).min(from - 1), weight: source - low as f32 }
        })
        .collect()
}
