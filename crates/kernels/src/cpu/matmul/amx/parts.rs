//! How a matrix lies in parts of values.

use super::split;
use crate::cpu::matmul::square::{SIDE, TILE};
use rayon::prelude::*;

/// Values of a row in a chunk.
pub(super) const DEPTH: usize = 32;
/// Of how many parts values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cpu::matmul) struct Parts {
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Parts {
    /// Whether a product with a matrix of `k × n` is faster than by vectors. To split a value into
    /// two parts takes as long as vectors need for 12 columns.
    pub(in crate::cpu::matmul) fn pay([k, n]: [usize; 2], rounded: bool) -> bool {
        if rounded { k >= SIDE && n > SIDE } else { k.min(n) >= 8 * SIDE }
    }

    /// For a matrix of `k × n`.
    pub(in crate::cpu::matmul) fn choose(
        [k, n]: [usize; 2],
        rounded: bool,
        value: &(impl Fn(usize, usize) -> f32 + Sync),
    ) -> Self {
        if rounded {
            return Self { rows: 2, columns: 2 };
        }
        // Two parts have 16 bits, so eight of the 24 are zero. By columns, whose values lie
        // together.
        let is_short = |j| (0..k).all(|i| value(i, j).to_bits() & 0xff == 0);
        let columns = if (0..n).into_par_iter().all(is_short) { 2 } else { 3 };
        Self { rows: 3, columns }
    }

    /// Room for a chunk of columns, in `f32`.
    pub(super) fn of_columns(self) -> usize {
        2 * self.columns * TILE
    }

    /// Room for a chunk of rows, in `f32`.
    pub(super) fn of_rows(self) -> usize {
        2 * self.rows * TILE
    }

    /// Room for a panel of `k` rows, in `f32`.
    pub(in crate::cpu::matmul) fn of_panel(self, k: usize) -> usize {
        k.div_ceil(DEPTH) * self.of_columns()
    }

    /// Writes some columns of a matrix with `k` rows, and zeros after the last.
    pub(in crate::cpu::matmul) fn pack(
        self,
        [k, count]: [usize; 2],
        panel: &mut [f32],
        value: impl Fn(usize, usize) -> f32,
    ) {
        for (index, chunk) in panel.chunks_exact_mut(self.of_columns()).enumerate() {
            split::pack(chunk, self.columns, |i, j| {
                let i = index * DEPTH + i;
                if i < k && j < count { value(i, j) } else { 0.0 }
            });
        }
    }
}
