//! The sums of 32 rows and 32 columns: what units that multiply small parts of values compute at once.

#![allow(unsafe_code)]

use super::job::Job;
use super::packed::Tile;
use super::tile::finish;
use crate::vectors::read;
use pulp::{Simd, WithSimd};

/// Rows or columns of a tile of sums.
pub(super) const SIDE: usize = 16;
/// Values of a tile of sums.
pub(super) const TILE: usize = SIDE * SIDE;
/// Rows, and columns, that are worked on together.
pub(super) const ROWS: usize = 2 * SIDE;
/// Sums of a group of rows and a panel: four tiles, two of the first 16 rows and two of the others.
pub(super) const SUMS: usize = ROWS * ROWS;

/// Rows that are worked on together at most: the more, the less often the matrix is read.
pub(super) const BLOCK: usize = 8 * ROWS;
/// Values that are computed for them at most.
pub(super) const PREPARED: usize = 1 << 19;

/// What is computed at once.
pub(super) const TILE_OF_OUTPUT: Tile = Tile { rows: ROWS, vectors: 2, columns: ROWS };

/// The sums of a group of rows and a panel, as values.
pub(super) trait Sums {
    /// Those of a row and of half of the columns.
    fn line(&self, row: usize, half: usize) -> [f32; SIDE];
}

/// Where the sums of a row and of half of the columns begin in four tiles.
pub(super) fn line_at(row: usize, half: usize) -> usize {
    (row / SIDE * 2 + half) * TILE + row % SIDE * SIDE
}

/// Writes the sums of a group of rows and a panel to the output.
pub(super) struct Finish<'a, T> {
    pub(super) job: &'a Job<'a>,
    pub(super) group: usize,
    pub(super) panel: usize,
    pub(super) sums: T,
}

impl<T: Sums> WithSimd for Finish<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { job, group, panel, sums } = self;
        let (bias, target) = (job.matrix.bias(panel), job.target(group, panel));
        let [rows, columns] = target.size;
        for row in 0..rows.min(ROWS) {
            for half in 0..columns.min(ROWS).div_ceil(SIDE) {
                let line = sums.line(row, half);
                for at in (0..SIDE.min(columns - half * SIDE)).step_by(S::F32_LANES) {
                    let column = half * SIDE + at;
                    let sums = read(simd, &line[at..][..S::F32_LANES]);
                    let bias = read(simd, &bias[column..][..S::F32_LANES]);
                    // SAFETY: row and column exist; the target may be written as `Job` promises.
                    unsafe { finish(simd, sums, bias, job.epilogue, target, [row, column]) };
                }
            }
        }
    }
}
