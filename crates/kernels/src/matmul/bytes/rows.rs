//! Rows of the left operand, which may lie in pieces, rounded to bytes.

use super::{CHUNK, DEPTH};
use crate::matmul::job::Job;
use crate::matmul::square::ROWS;
use crate::vectors::LINE;
use pulp::{Simd, WithSimd};

/// What the bytes of a row mean: `scale * (byte - zero)`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RowScale {
    pub(super) scale: f32,
    pub(super) zero: i32,
}

/// Rounds the rows of a group, and tells their scales.
///
/// `to` is aligned to a line and has room for all chunks of the group; pieces of rows are readable as the
/// job tells.
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
    fn with_simd<S: Simd>(self, _: S) {
        let Self { job, group, flip, to, scales, bytes } = self;
        let pointers = &job.pointers[group * job.pieces * ROWS..][..job.pieces * ROWS];
        for (row, about) in scales.iter_mut().enumerate() {
            let pieces = || {
                let lengths = job.parts.iter().cycle();
                let pointers = pointers[row..].iter().step_by(ROWS);
                // SAFETY: a piece is readable for the values of its part.
                pointers
                    .zip(lengths)
                    .map(|(from, length)| unsafe { std::slice::from_raw_parts(*from, *length) })
            };
            let mut extent = Extent::default();
            pieces().for_each(|piece| extent.see(piece));
            let (scale, inverse) = extent.scale();
            let zero = (-extent.low() * inverse).round();
            *about = RowScale { scale, zero: zero as i32 - i32::from(flip) };
            let mut at = 0;
            for piece in pieces() {
                for (value, to) in piece.iter().zip(&mut bytes[at..]) {
                    *to = rounded(*value * inverse + zero) ^ flip;
                }
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

/// The nearest whole number from 0 to 255; 0 for what is no number.
#[inline(always)]
fn rounded(value: f32) -> u8 {
    let value = value + 0.5;
    let value = if value > 0.0 { value } else { 0.0 };
    let value = if value < 255.0 { value } else { 255.0 };
    // SAFETY: lies between 0 and 255.
    (unsafe { value.to_int_unchecked::<i32>() }) as u8
}

/// The range of the values of a row, with zero.
#[derive(Default)]
struct Extent {
    low: [f32; LINE],
    high: [f32; LINE],
    /// NaN where a value was not finite.
    wrong: [f32; LINE],
}

impl Extent {
    #[inline(always)]
    fn see(&mut self, values: &[f32]) {
        let (lines, rest) = values.as_chunks::<LINE>();
        for line in lines {
            self.see_line(line);
        }
        if !rest.is_empty() {
            let mut last = [0.0; LINE];
            last[..rest.len()].copy_from_slice(rest);
            self.see_line(&last);
        }
    }

    #[inline(always)]
    fn see_line(&mut self, line: &[f32; LINE]) {
        let Self { low, high, wrong } = self;
        for i in 0..LINE {
            low[i] = if line[i] < low[i] { line[i] } else { low[i] };
            high[i] = if line[i] > high[i] { line[i] } else { high[i] };
            wrong[i] += line[i] * 0.0;
        }
    }

    fn low(&self) -> f32 {
        self.low.iter().fold(0.0, |low, value| low.min(*value))
    }

    /// What a step of a byte is worth, and the inverse; both 0 where all is nearly zero.
    fn scale(&self) -> (f32, f32) {
        let high = self.high.iter().fold(0f32, |high, value| high.max(*value));
        let range = high - self.low();
        let wrong: f32 = self.wrong.iter().sum();
        // What is smaller has no inverse.
        let inverse = if range > f32::MIN_POSITIVE * 255.0 { 255.0 / range } else { 0.0 };
        (range / 255.0 + wrong, inverse)
    }
}
