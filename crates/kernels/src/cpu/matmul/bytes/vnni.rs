//! Products of bytes by the vectors of AVX-512 (VNNI).

use super::layout::{CHUNK, DEPTH, LINE_BYTES, TOGETHER};
use crate::cpu::matmul::square::{ROWS, SIDE, SUMS, line_at};
use crate::cpu::vectors::unrolled;
use std::arch::x86_64::*;

/// Rows whose sums are held in registers, two vectors each.
const AT_ONCE: usize = 8;

/// See [`Product`](super::run::Product).
///
/// # Safety
/// As described there.
#[target_feature(enable = "avx512f,avx512vnni")]
pub(super) unsafe fn product(
    rows: *const u8,
    columns: *const i8,
    chunks: usize,
    sums: &mut [i32; SUMS],
) {
    for first in (0..ROWS).step_by(AT_ONCE) {
        let mut totals = [[_mm512_setzero_si512(); 2]; AT_ONCE];
        for chunk in 0..chunks {
            let rows = rows.wrapping_add(chunk * CHUNK + first * DEPTH);
            let columns = columns.wrapping_add(chunk * CHUNK);
            for line in 0..SIDE {
                let at = columns.wrapping_add(line * LINE_BYTES);
                let more = at.wrapping_add(SIDE * LINE_BYTES);
                // SAFETY: lines of the chunk, each a vector long and aligned.
                let [left, right] =
                    unsafe { [_mm512_load_si512(at.cast()), _mm512_load_si512(more.cast())] };
                unrolled!(r < AT_ONCE, {
                    let from = rows.wrapping_add(r * DEPTH + line * TOGETHER);
                    // SAFETY: four values of a row of the chunk.
                    let four = _mm512_set1_epi32(unsafe { from.cast::<i32>().read_unaligned() });
                    totals[r][0] = _mm512_dpbusd_epi32(totals[r][0], four, left);
                    totals[r][1] = _mm512_dpbusd_epi32(totals[r][1], four, right);
                });
            }
        }
        for (r, totals) in totals.iter().enumerate() {
            let row = first + r;
            for (half, total) in totals.iter().enumerate() {
                let to = sums[line_at(row, half)..][..SIDE].as_mut_ptr();
                // SAFETY: a vector's worth of sums, just sliced.
                unsafe { _mm512_storeu_si512(to.cast(), *total) };
            }
        }
    }
}
