//! Values as sums of some of bfloat16.

use crate::cpu::matmul::square::{SIDE, TILE};
use crate::cpu::vectors::LINE;
use half::bf16;
use std::arch::x86_64::*;

/// A value rounded to bfloat16; what is missing, rounded too; and what is still missing: 8 bits
/// each, all 24 together.
fn split(value: f32) -> [bf16; 3] {
    let first = bf16::from_f32(value);
    let rest = value - first.to_f32();
    let second = bf16::from_f32(rest);
    [first, second, bf16::from_f32(rest - second.to_f32())]
}

/// Writes a chunk of a matrix: so many parts of [`SIDE`] columns, then of as many others; in each
/// part a line for two rows, whose values stand side by side.
pub(super) fn pack(chunk: &mut [f32], parts: usize, value: impl Fn(usize, usize) -> f32) {
    for (columns, tiles) in chunk.chunks_exact_mut(parts * TILE).enumerate() {
        for pair in 0..TILE / LINE {
            for column in 0..SIDE {
                let [first, second] =
                    [0, 1].map(|i| split(value(2 * pair + i, columns * SIDE + column)));
                for (part, tile) in tiles.chunks_exact_mut(TILE).enumerate() {
                    let [low, high] = [first, second].map(|parts| u32::from(parts[part].to_bits()));
                    tile[pair * LINE + column] = f32::from_bits(low | high << 16);
                }
            }
        }
    }
}

/// Splits two vectors of values into so many parts, each a line that is a tile behind the one
/// before.
///
/// # Safety
/// `from` may be read for two lines; the lines that are written are aligned, and nobody else
/// touches them. The processor converts to bfloat16 (`tiles::available`).
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) unsafe fn split_row<const PARTS: usize>(from: *const f32, to: *mut f32) {
    // Of a value below 2⁻⁹⁵ only the first part counts: a rest would be subnormal, for which a
    // processor takes 150 cycles. One of these bits of the exponent is set from there on.
    let exponent = _mm512_set1_epi32(0x7000_0000);
    let is_large = |value: __m512| _mm512_test_epi32_mask(_mm512_castps_si512(value), exponent);
    // SAFETY: as promised.
    let mut values = unsafe { [_mm512_loadu_ps(from), _mm512_loadu_ps(from.add(LINE))] };
    let large = [is_large(values[0]), is_large(values[1])];
    for part in 0..PARTS {
        // SAFETY: any bits are valid values of either.
        let bits: __m512i =
            unsafe { std::mem::transmute(_mm512_cvtne2ps_pbh(values[1], values[0])) };
        // SAFETY: as promised.
        unsafe { _mm512_store_si512(to.add(part * TILE).cast(), bits) };
        if part + 1 == PARTS {
            break;
        }
        let rounded = [_mm512_castsi512_si256(bits), _mm512_extracti64x4_epi64::<1>(bits)];
        for (i, rounded) in rounded.into_iter().enumerate() {
            let wide = _mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(rounded));
            values[i] = _mm512_maskz_sub_ps(large[i], values[i], _mm512_castsi512_ps(wide));
        }
    }
}
