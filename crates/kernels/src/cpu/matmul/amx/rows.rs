//! Splits rows of the left operand, which may lie in pieces, into chunks.

use super::parts::DEPTH;
use super::split;
use crate::cpu::matmul::job::Job;
use crate::cpu::matmul::square::{ROWS, SIDE, TILE};
use crate::cpu::vectors::LINE;

/// A place in rows that lie in pieces.
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    piece: usize,
    /// Value in the piece.
    value: usize,
}

impl Place {
    /// Advances by a chunk, or to the end; `see` is called for each piece on the way, with how many
    /// of its values are passed.
    #[inline(always)]
    fn pass(&mut self, job: &Job<'_>, mut see: impl FnMut(Self, usize)) {
        let mut left = DEPTH;
        while left > 0 && self.piece < job.pieces {
            let length = job.parts[self.piece % job.parts.len()];
            let count = left.min(length - self.value);
            see(*self, count);
            (left, self.value) = (left - count, self.value + count);
            if self.value == length {
                *self = Self { piece: self.piece + 1, value: 0 };
            }
        }
    }
}

/// [`split_rows`] for so many parts.
pub(super) type SplitRows = unsafe fn(&Job<'_>, usize, Place, usize, *mut f32) -> Place;

/// Splits some chunks of the 32 rows of a group, from a place on; returns where they end.
///
/// # Safety
/// `to` is aligned to a line and has room for these chunks; pieces of rows are readable as `Job`
/// tells. The processor has what `split_row` needs.
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) unsafe fn split_rows<const PARTS: usize>(
    job: &Job<'_>,
    group: usize,
    mut place: Place,
    chunks: usize,
    to: *mut f32,
) -> Place {
    let pointers = &job.pointers[group * job.pieces * ROWS..][..job.pieces * ROWS];
    let mut gathered = [[0f32; DEPTH]; ROWS];
    for chunk in 0..chunks {
        let start = place;
        let (mut at, mut whole) = (0, false);
        let mut end = place;
        end.pass(job, |_, count| whole = count == DEPTH);
        if !whole {
            for row in &mut gathered {
                row.fill(0.0);
            }
            place.pass(job, |from, count| {
                let rows = &pointers[from.piece * ROWS..][..ROWS];
                for (row, to) in rows.iter().zip(&mut gathered) {
                    let to = to[at..][..count].as_mut_ptr();
                    // SAFETY: so many values of the piece are left, and as many of the row that is
                    // gathered.
                    unsafe { to.copy_from_nonoverlapping(row.wrapping_add(from.value), count) };
                }
                at += count;
            });
        }
        place = end;
        let to = to.wrapping_add(chunk * 2 * PARTS * TILE);
        for row in 0..ROWS {
            let line = to.wrapping_add(row / SIDE * PARTS * TILE + row % SIDE * LINE);
            let from = if whole {
                pointers[start.piece * ROWS + row].wrapping_add(start.value)
            } else {
                gathered[row].as_ptr()
            };
            // SAFETY: so many values are left of the piece, or were gathered; the lines lie in the
            // chunk.
            unsafe { split::split_row::<PARTS>(from, line) };
        }
    }
    place
}
