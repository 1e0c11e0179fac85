//! The innermost loops: one tile of a product, held in registers.

#![allow(unsafe_code)]

use super::epilogue::Epilogue;
use crate::cpu::vectors::{LINE, load, unrolled};
use pulp::Simd;

/// Where the rows of the left operand lie: for each tap, for each of `parts`, `R` pointers to as
/// many values as the part has.
pub(super) struct Rows<'a> {
    pub(super) pointers: &'a [*const f32],
    pub(super) parts: &'a [usize],
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
    /// The tile's first row and column in the output as a whole, for the residual.
    pub(super) start: [usize; 2],
}

/// Computes the first `N` rows and `V` vectors of a tile of `R` rows and `P` vectors.
///
/// # Safety
/// `rows.pointers` are as [`Rows`] describes and may be read that far. `panel` holds as many rows
/// of `P` vectors as one row of the operand has values, `bias` one. `target.out` may be written for
/// `target.size`, rows `target.stride` apart. `N <= R` and `V <= P`.
#[inline(always)]
pub(super) unsafe fn compute<
    S: Simd,
    const R: usize,
    const P: usize,
    const N: usize,
    const V: usize,
>(
    simd: S,
    rows: &Rows<'_>,
    panel: &[f32],
    bias: &[f32],
    epilogue: &Epilogue<'_>,
    target: Target,
) {
    let lanes = S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); V]; N];
    let mut panel = panel.as_ptr();
    for tap in rows.pointers.chunks_exact(R * rows.parts.len()) {
        for (pointers, &values) in tap.chunks_exact(R).zip(rows.parts) {
            let mut row = [std::ptr::null(); N];
            row.copy_from_slice(&pointers[..N]);
            for i in 0..values {
                let mut columns = [simd.splat_f32s(0.0); V];
                unrolled!(v < V <= 4, {
                    // SAFETY: a row of the panel, `P` vectors: there is one for each value so far.
                    columns[v] = unsafe { load::<S>(panel.add(v * lanes)) };
                });
                panel = panel.wrapping_add(P * lanes);
                unrolled!(r < N, {
                    // SAFETY: `i` lies below the values of the part.
                    let value = simd.splat_f32s(unsafe { *row[r].add(i) });
                    unrolled!(v < V <= 4, {
                        sums[r][v] = simd.mul_add_e_f32s(value, columns[v], sums[r][v]);
                    });
                });
            }
        }
    }
    // SAFETY: `bias` holds `P` vectors.
    let bias: [S::f32s; V] =
        std::array::from_fn(|v| unsafe { load::<S>(bias.as_ptr().add(v * lanes)) });
    // A copy for what follows, which picks rows by number: the sums themselves stay in registers.
    let mut finished = [[simd.splat_f32s(0.0); V]; N];
    unrolled!(r < N, {
        unrolled!(v < V <= 4, {
            finished[r][v] = sums[r][v];
        });
    });
    let [height, width] = target.size;
    for (r, sums) in finished.iter().enumerate().take(height) {
        for v in 0..V {
            if width <= v * lanes {
                break;
            }
            // SAFETY: row and column exist, and the target may be written.
            unsafe { finish(simd, sums[v], bias[v], epilogue, target, [r, v * lanes]) };
        }
    }
}

/// Writes what becomes of a vector of sums of row `row` of a tile, from `column` on.
///
/// # Safety
/// The row and the column exist, and `target.out` may be written as in [`compute`].
#[inline(always)]
pub(super) unsafe fn finish<S: Simd>(
    simd: S,
    sums: S::f32s,
    bias: S::f32s,
    epilogue: &Epilogue<'_>,
    target: Target,
    [row, column]: [usize; 2],
) {
    let count = (target.size[1] - column).min(S::F32_LANES);
    let place = [target.start[0] + row, target.start[1] + column];
    let value = epilogue.apply(simd, simd.add_f32s(sums, bias), place, count);
    let out = target.out.wrapping_add(row * target.stride + column);
    if count == S::F32_LANES {
        // SAFETY: a whole vector of the row lies inside the target.
        unsafe { out.cast::<S::f32s>().write_unaligned(value) };
    } else {
        let mut values = [0f32; LINE];
        simd.partial_store_f32s(&mut values[..count], value);
        // SAFETY: `count` values of the row lie inside the target.
        unsafe { out.copy_from_nonoverlapping(values.as_ptr(), count) };
    }
}
