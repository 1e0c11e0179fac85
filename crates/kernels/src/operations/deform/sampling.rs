//! What the taps of a deformable convolution read, on a CPU.

use crate::activation::Activation;
use crate::cpu::isa::Isa;
use crate::cpu::lerp::{Corners, interpolate};
use crate::cpu::simd_math::activate;
use crate::cpu::vectors::{LINE, read, unrolled, write};
use crate::cpu::view::View;
use crate::operations::conv::Conv2dParams;
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// A batch of images and where the taps read in them.
pub(super) struct Sampling<'a> {
    /// Height and width of the kernel.
    pub(super) kernel: [usize; 2],
    pub(super) channels: usize,
    /// Stride and padding count.
    pub(super) params: Conv2dParams,
    pub(super) mask_activation: Activation,
    pub(super) isa: Isa,
    pub(super) x: View<'a>,
    pub(super) offset: View<'a>,
    pub(super) mask: View<'a>,
    pub(super) size: [usize; 2],
    pub(super) out: [usize; 2],
}

impl Sampling<'_> {
    /// Writes what the taps of these output positions read: a tap's channels after the other's.
    pub(super) fn sample(&self, rows: Range<usize>, to: &mut [f32]) {
        let [kernel_h, kernel_w] = self.kernel;
        let mut corners = Vec::with_capacity(rows.len() * kernel_h * kernel_w);
        self.isa.run(Locate { sampling: self, rows, corners: &mut corners });
        interpolate(self.isa, self.x.values(), self.channels, &corners, to);
    }
}

/// Pushes the four pixels around each point that a tap reads, with weight 0 outside the image.
struct Locate<'a> {
    sampling: &'a Sampling<'a>,
    rows: Range<usize>,
    corners: &'a mut Vec<Corners>,
}

impl WithSimd for Locate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { sampling, rows, corners } = self;
        let Sampling { params, x: map, size: [height, width], out: [out_h, out_w], .. } = *sampling;
        let [kernel_h, kernel_w] = sampling.kernel;
        let (taps, lanes) = (kernel_h * kernel_w, S::F32_LANES);
        for row in rows {
            let position = row % (out_h * out_w);
            let first = row / (out_h * out_w) * height * width;
            let [top, left] = [position / out_w, position % out_w]
                .map(|at| (at * params.stride) as f32 - params.padding as f32);
            let (offset, mask) = (sampling.offset.row(row), sampling.mask.row(row));
            for begin in (0..taps).step_by(lanes) {
                let count = lanes.min(taps - begin);
                let (mut y, mut x) = ([0f32; LINE], [0f32; LINE]);
                for lane in 0..count {
                    let tap = begin + lane;
                    y[lane] = top + (tap / kernel_w) as f32 + offset[2 * tap];
                    x[lane] = left + (tap % kernel_w) as f32 + offset[2 * tap + 1];
                }
                let y = Neighbours::of(simd, read(simd, &y[..lanes]), height);
                let x = Neighbours::of(simd, read(simd, &x[..lanes]), width);
                let mask = read(simd, &mask[begin..begin + count]);
                let mask = activate(simd, sampling.mask_activation, mask);
                let mut weights = [[0f32; LINE]; 4];
                let mut numbers = [[0f32; LINE]; 4];
                unrolled!(i < 2 <= 4, {
                    unrolled!(j < 2 <= 4, {
                        let weight = simd.mul_f32s(y.weights[i], x.weights[j]);
                        let weight = simd.mul_f32s(weight, mask);
                        write(simd, &mut weights[2 * i + j][..lanes], weight);
                    });
                    write(simd, &mut numbers[i][..lanes], y.numbers[i]);
                    write(simd, &mut numbers[2 + i][..lanes], x.numbers[i]);
                });
                for lane in 0..count {
                    let rows = [numbers[0][lane], numbers[1][lane]];
                    let [above, below] = [rows[0], rows[1]].map(|y| first + integer(y) * width);
                    let (left, right) = (integer(numbers[2][lane]), integer(numbers[3][lane]));
                    let stride = map.stride();
                    let from = [above + left, above + right, below + left, below + right];
                    let weights =
                        [weights[0][lane], weights[1][lane], weights[2][lane], weights[3][lane]];
                    corners.push(Corners { from: from.map(|pixel| pixel * stride), weights });
                }
            }
        }
    }
}

/// The two rows or columns of an image between which points lie, and their weights.
struct Neighbours<V> {
    /// As floats from which [`integer`] takes the number; inside the image in any case.
    numbers: [V; 2],
    /// 0 outside the image.
    weights: [V; 2],
}

impl<V: Copy> Neighbours<V> {
    #[inline(always)]
    fn of<S: Simd<f32s = V>>(simd: S, at: V, side: usize) -> Self {
        let constant = |value: f32| simd.splat_f32s(value);
        let (zero, one, end) = (constant(0.0), constant(1.0), constant(side as f32));
        // What lies outside, or is no number, becomes a point where no neighbour counts.
        let outside = constant(-1.0);
        let at = simd.select_f32s(simd.less_than_f32s(outside, at), at, outside);
        let at = simd.select_f32s(simd.less_than_f32s(at, end), at, outside);
        // Rounded by a sum whose last bit is 1, then down.
        let magic = constant(1.5 * BITS);
        let near = simd.sub_f32s(simd.add_f32s(at, magic), magic);
        let too_high = simd.less_than_f32s(at, near);
        let low = simd.select_f32s(too_high, simd.sub_f32s(near, one), near);
        let high = simd.add_f32s(low, one);
        let part = simd.sub_f32s(at, low);
        let rest = simd.sub_f32s(one, part);
        Self {
            numbers: [
                simd.add_f32s(simd.max_f32s(low, zero), constant(BITS)),
                simd.add_f32s(simd.min_f32s(high, constant(side as f32 - 1.0)), constant(BITS)),
            ],
            weights: [
                simd.select_f32s(simd.less_than_f32s(low, zero), zero, rest),
                simd.select_f32s(simd.less_than_f32s(high, end), part, zero),
            ],
        }
    }
}

/// 2²³: added to a smaller integer, that stands in the last 23 bits of the sum.
const BITS: f32 = 8_388_608.0;
/// Sides of an image from which on points do not lie between integers any more.
pub(super) const TOO_LONG: usize = 1 << 22;

#[inline(always)]
fn integer(sum: f32) -> usize {
    (sum.to_bits() & 0x7f_ffff) as usize
}
