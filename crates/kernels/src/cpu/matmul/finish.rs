//! Writes the sums of 32 rows and 32 columns to the output.

#![allow(unsafe_code)]

use super::job::Job;
use super::square::{ROWS, SIDE};
use super::tile::finish;
use crate::cpu::vectors::read;
use pulp::{Simd, WithSimd};

/// The sums of a group of rows and a panel, as values.
pub(super) trait Sums {
    /// Those of a row and of half of the columns.
    fn line(&self, row: usize, half: usize) -> [f32; SIDE];
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
