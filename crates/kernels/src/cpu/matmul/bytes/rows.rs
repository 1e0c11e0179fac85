//! Rows of the left operand, which may lie in pieces, rounded to bytes.

use super::layout::{CHUNK, DEPTH};
use crate::cpu::matmul::job::Job;
use crate::cpu::matmul::square::ROWS;
use crate::cpu::vectors::LINE;
use pulp::{Simd, WithSimd};

/// What the bytes of a row mean: `scale * (byte - zero)`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RowScale {
    pub(super) scale: f32,
    pub(super) zero: i32,
}

/// Rounds the rows of a group, and writes their scales.
///
/// `to` is aligned to a line and has room for all chunks of the group; pieces of rows are readable
/// as the job describes.
pub(super) struct Rows<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) group: usize,
    /// What is flipped in each byte.
    pub(super) flip: u8,
    pub(super) to: *mut u8,
    pub(super) scales: &'a mut [RowScale],
    /// Room for the bytes of one row, a multiple of [`DEPTH`].
    pub(super) bytes: &'a mut [u8],
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { job, group, flip, to, scales, bytes } = self;
        let pointers = &job.pointers[group * job.pieces * ROWS..][..job.pieces * ROWS];
        for (row, about) in scales.iter_mut().enumerate() {
            let pieces = Pieces { pointers: &pointers[row..], parts: job.parts, part: 0 };
            let mut extent = Extent::new(simd);
            for piece in pieces.clone() {
                extent.see(simd, piece);
            }
            let [low, range] = extent.found(simd);
            // What is smaller has no inverse.
            let inverse = if range > f32::MIN_POSITIVE * STEPS { STEPS / range } else { 0.0 };
            let zero = (-low * inverse).ceil();
            *about = RowScale { scale: range / STEPS, zero: zero as i32 - i32::from(flip) };
            let mut at = 0;
            for piece in pieces {
                round(piece, inverse, zero + WHOLE, flip, &mut bytes[at..][..piece.len()]);
                at += piece.len();
            }
            for (chunk, bytes) in bytes.chunks_exact(DEPTH).enumerate() {
                let to = to.wrapping_add(chunk * CHUNK + row * DEPTH);
                // SAFETY: row and chunk lie in the room that `to` has.
                unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), DEPTH) };
            }
        }
    }
}

/// The pieces of a row.
#[derive(Clone)]
struct Pieces<'a> {
    /// Of this row and those after it in the group, piece by piece.
    pointers: &'a [*const f32],
    parts: &'a [usize],
    part: usize,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [f32];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a [f32]> {
        let (&from, &length) = (self.pointers.first()?, self.parts.get(self.part)?);
        self.pointers = self.pointers.get(ROWS..).unwrap_or_default();
        self.part = if self.part + 1 == self.parts.len() { 0 } else { self.part + 1 };
        // SAFETY: a piece is readable for the values of its part, as `Rows` asks for.
        Some(unsafe { std::slice::from_raw_parts(from, length) })
    }
}

/// Steps from the lowest value of a row to the highest: one less than a byte has, so that zero can
/// be one of them.
const STEPS: f32 = 254.0;
/// Where the last bit of a value counts ones, and bytes below are two's complement.
const WHOLE: f32 = 12_582_912.0;

/// The nearest whole numbers to `value * inverse + shift`, of which the lowest byte is kept. It is
/// between 0 and 255 above [`WHOLE`].
#[inline(always)]
fn round(values: &[f32], inverse: f32, shift: f32, flip: u8, to: &mut [u8]) {
    let byte = |value: f32| (value * inverse + shift).to_bits() as u8 ^ flip;
    let (lines, rest) = values.as_chunks::<LINE>();
    let (to_lines, to_rest) = to.as_chunks_mut::<LINE>();
    for (line, to) in lines.iter().zip(to_lines) {
        // Not written in place: the compiler does not know that the two lie apart.
        let mut bytes = [0; LINE];
        for i in 0..LINE {
            bytes[i] = byte(line[i]);
        }
        *to = bytes;
    }
    for (value, to) in rest.iter().zip(to_rest) {
        *to = byte(*value);
    }
}

/// The range of the values of a row, with zero.
struct Extent<S: Simd> {
    low: S::f32s,
    high: S::f32s,
    /// NaN where a value was not finite.
    wrong: S::f32s,
}

impl<S: Simd> Extent<S> {
    #[inline(always)]
    fn new(simd: S) -> Self {
        let zero = simd.splat_f32s(0.0);
        Self { low: zero, high: zero, wrong: zero }
    }

    #[inline(always)]
    fn see(&mut self, simd: S, values: &[f32]) {
        let zero = simd.splat_f32s(0.0);
        let (vectors, rest) = S::as_simd_f32s(values);
        let mut see = |value: S::f32s| {
            self.low = simd.min_f32s(value, self.low);
            self.high = simd.max_f32s(value, self.high);
            self.wrong = simd.mul_add_e_f32s(value, zero, self.wrong);
        };
        for vector in vectors {
            see(*vector);
        }
        if !rest.is_empty() {
            see(simd.partial_load_f32s(rest));
        }
    }

    /// The lowest value and how much higher the highest is; that is NaN if one was not finite.
    #[inline(always)]
    fn found(&self, simd: S) -> [f32; 2] {
        let low = simd.reduce_min_f32s(self.low);
        [low, simd.reduce_max_f32s(self.high) - low + simd.reduce_sum_f32s(self.wrong)]
    }
}
