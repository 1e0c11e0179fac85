//! The innermost loops: one tile of a product, held in registers.

#![allow(unsafe_code)]

use super::{Epilogue, Residual};
use crate::Activation;
use crate::simd_math;
use pulp::Simd;

/// Where the rows of the left operand lie: for each tap `R` pointers to `inner` values each.
pub(super) struct Rows<'a> {
    pub(super) pointers: &'a [*const f32],
    pub(super) inner: usize,
}

/// Where a tile is written.
#[derive(Clone, Copy)]
pub(super) struct Target {
    /// The tile's first value.
    pub(super) out: *mut f32,
    /// From row to row.
    pub(super) stride: usize,
    /// The tile's rows and columns that exist.
    pub(super) size: [usize; 2],
    /// The tile's first value in the output as a whole, for the residual.
    pub(super) start: usize,
}

/// Computes a tile of `R` rows and `V` vectors.
///
/// # Safety
/// `rows.pointers` holds `R` pointers for each tap; each may be read for `rows.inner` values.
/// `panel` holds taps · inner rows of `V` vectors, `bias` one. `target.out` may be written for
/// `target.size`, rows `target.stride` apart.
#[inline(always)]
pub(super) unsafe fn compute<S: Simd, const R: usize, const V: usize>(
    simd: S,
    rows: &Rows<'_>,
    panel: &[f32],
    bias: &[f32],
    epilogue: &Epilogue<'_>,
    target: Target,
) {
    let lanes = S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); V]; R];
    let mut panel = panel.as_ptr();
    for pointers in rows.pointers.chunks_exact(R) {
        let mut row = [std::ptr::null(); R];
        row.copy_from_slice(pointers);
        for i in 0..rows.inner {
            // SAFETY: row `tap · inner + i` of the panel, `V` vectors.
            let columns: [S::f32s; V] =
                std::array::from_fn(|v| unsafe { load::<S>(panel.add(v * lanes)) });
            panel = panel.wrapping_add(V * lanes);
            for r in 0..R {
                // SAFETY: `i` lies below `inner`.
                let value = simd.splat_f32s(unsafe { *row[r].add(i) });
                for v in 0..V {
                    sums[r][v] = simd.mul_add_e_f32s(value, columns[v], sums[r][v]);
                }
            }
        }
    }
    // SAFETY: `bias` holds `V` vectors.
    let bias: [S::f32s; V] =
        std::array::from_fn(|v| unsafe { load::<S>(bias.as_ptr().add(v * lanes)) });
    // A copy for what follows, which picks rows by number: the sums themselves stay in registers.
    let mut finished = [[simd.splat_f32s(0.0); V]; R];
    for r in 0..R {
        for v in 0..V {
            finished[r][v] = sums[r][v];
        }
    }
    let [height, width] = target.size;
    for (r, sums) in finished.iter().enumerate().take(height) {
        for v in 0..V {
            let at = r * target.stride + v * lanes;
            let count = width.saturating_sub(v * lanes).min(lanes);
            if count == 0 {
                break;
            }
            // SAFETY: `count` values of row `r` from vector `v` on lie inside the target.
            let out = unsafe { std::slice::from_raw_parts_mut(target.out.add(at), count) };
            let mut value = simd.add_f32s(sums[v], bias[v]);
            if let Residual::Before(residual) = epilogue.residual {
                let residual = &residual[target.start + at..][..count];
                value = simd.add_f32s(value, read(simd, residual));
            }
            value = match epilogue.activation {
                Activation::None => value,
                Activation::Relu => simd.max_f32s(value, simd.splat_f32s(0.0)),
                Activation::Silu => simd_math::silu(simd, value),
                Activation::Gelu => simd_math::gelu(simd, value),
                Activation::DoubleSigmoid => simd_math::double_sigmoid(simd, value),
            };
            if let Residual::After(residual) = epilogue.residual {
                let residual = &residual[target.start + at..][..count];
                value = simd.add_f32s(value, read(simd, residual));
            }
            if count == lanes {
                // SAFETY: the slice is a whole vector long.
                unsafe { out.as_mut_ptr().cast::<S::f32s>().write_unaligned(value) };
            } else {
                simd.partial_store_f32s(out, value);
            }
        }
    }
}

/// The values of a slice of at most a vector, zeros after them.
#[inline(always)]
fn read<S: Simd>(simd: S, values: &[f32]) -> S::f32s {
    if values.len() == S::F32_LANES {
        // SAFETY: the slice is a whole vector long.
        return unsafe { load::<S>(values.as_ptr()) };
    }
    simd.partial_load_f32s(values)
}

/// # Safety
/// A whole vector may be read from `from`.
#[inline(always)]
unsafe fn load<S: Simd>(from: *const f32) -> S::f32s {
    // SAFETY: the caller's promise; any bits are a valid vector.
    unsafe { from.cast::<S::f32s>().read_unaligned() }
}
