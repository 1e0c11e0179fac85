//! Weighted sums of four runs of values: what interpolation does for the channels of a pixel.

use crate::cpu::isa::Isa;
use crate::cpu::vectors::unrolled;
use pulp::{Simd, WithSimd};

/// One sum: `out[i] = Σ weights[j] · from[j] + i`, where `from` are positions in a slice.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Corners {
    pub(crate) from: [usize; 4],
    pub(crate) weights: [f32; 4],
}

/// Writes a sum of `channels` values of `x` for each of `corners`, one after the other.
///
/// # Panics
/// If a position with its channels reaches over the end of `x`.
pub(crate) fn interpolate(
    isa: Isa,
    x: &[f32],
    channels: usize,
    corners: &[Corners],
    out: &mut [f32],
) {
    isa.run(Interpolate { x, channels, corners, out });
}

struct Interpolate<'a> {
    x: &'a [f32],
    channels: usize,
    corners: &'a [Corners],
    out: &'a mut [f32],
}

impl WithSimd for Interpolate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { x, channels, corners, out } = self;
        for (out, &Corners { from, weights }) in out.chunks_exact_mut(channels).zip(corners) {
            let mut w = [simd.splat_f32s(0.0); 4];
            unrolled!(corner < 4 <= 4, {
                w[corner] = simd.splat_f32s(weights[corner]);
            });
            let a = S::as_simd_f32s(&x[from[0]..][..channels]);
            let b = S::as_simd_f32s(&x[from[1]..][..channels]);
            let c = S::as_simd_f32s(&x[from[2]..][..channels]);
            let d = S::as_simd_f32s(&x[from[3]..][..channels]);
            let (head, tail) = S::as_mut_simd_f32s(out);
            let runs = head.iter_mut().zip(a.0).zip(b.0).zip(c.0).zip(d.0);
            for ((((out, &a), &b), &c), &d) in runs {
                let sum = simd.mul_f32s(w[0], a);
                let sum = simd.mul_add_e_f32s(w[1], b, sum);
                let sum = simd.mul_add_e_f32s(w[2], c, sum);
                *out = simd.mul_add_e_f32s(w[3], d, sum);
            }
            let runs = tail.iter_mut().zip(a.1).zip(b.1).zip(c.1).zip(d.1);
            for ((((out, a), b), c), d) in runs {
                *out = weights[0] * a + weights[1] * b + weights[2] * c + weights[3] * d;
            }
        }
    }
}
