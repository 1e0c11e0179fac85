//! Products of bytes by the vectors of ARMv8.2 (its dot products).

use super::layout::{CHUNK, DEPTH, LINE_BYTES};
use crate::cpu::matmul::square::{ROWS, SIDE, SUMS, line_at};
use crate::cpu::vectors::unrolled;
use std::arch::aarch64::*;
use std::arch::asm;

/// Rows whose sums are held in registers, four vectors each.
const AT_ONCE: usize = 4;
/// Bytes of a vector.
const VECTOR: usize = 16;

/// Adds to four sums the products of four bytes of each with those of a lane. The standard library
/// has it for unstable compilers only.
macro_rules! add_products {
    ($sums:expr, $columns:expr, $row:expr, $lane:literal) => {
        // SAFETY: the processor has the instruction (the caller's promise); only registers are
        // touched.
        unsafe {
            asm!(
                concat!("sdot {0:v}.4s, {1:v}.16b, {2:v}.4b[", $lane, "]"),
                inout(vreg) $sums,
                in(vreg) $columns,
                in(vreg) $row,
                options(pure, nomem, nostack, preserves_flags),
            )
        }
    };
}

/// See [`Product`](super::run::Product); the bytes of rows are signed.
///
/// # Safety
/// As described there.
#[target_feature(enable = "dotprod")]
pub(super) unsafe fn product(
    rows: *const u8,
    columns: *const i8,
    chunks: usize,
    sums: &mut [i32; SUMS],
) {
    for first in (0..ROWS).step_by(AT_ONCE) {
        for half in 0..2 {
            let mut totals = [[vdupq_n_s32(0); 4]; AT_ONCE];
            for chunk in 0..chunks {
                let rows = rows.wrapping_add(chunk * CHUNK + first * DEPTH);
                let columns = columns.wrapping_add(chunk * CHUNK + half * SIDE * LINE_BYTES);
                for vector in 0..DEPTH / VECTOR {
                    let mut values = [vdupq_n_s8(0); AT_ONCE];
                    unrolled!(r < AT_ONCE <= 4, {
                        let from = rows.wrapping_add(r * DEPTH + vector * VECTOR);
                        // SAFETY: a part of a row of the chunk.
                        values[r] = unsafe { vld1q_s8(from.cast()) };
                    });
                    macro_rules! lane {
                        ($lane:literal) => {
                            let line = columns.wrapping_add((vector * 4 + $lane) * LINE_BYTES);
                            unrolled!(v < 4 <= 4, {
                                // SAFETY: a part of a line of the chunk.
                                let four = unsafe { vld1q_s8(line.wrapping_add(v * VECTOR)) };
                                unrolled!(r < AT_ONCE <= 4, {
                                    add_products!(totals[r][v], four, values[r], $lane);
                                });
                            });
                        };
                    }
                    lane!(0);
                    lane!(1);
                    lane!(2);
                    lane!(3);
                }
            }
            for (r, totals) in totals.iter().enumerate() {
                let row = first + r;
                for (v, total) in totals.iter().enumerate() {
                    let at = line_at(row, half) + v * 4;
                    // SAFETY: four sums, just sliced.
                    unsafe { vst1q_s32(sums[at..][..4].as_mut_ptr(), *total) };
                }
            }
        }
    }
}
