//! Products on the matrix unit of a processor (Intel AMX): 16 times as many at once as by its vectors.
//!
//! The unit multiplies values of bfloat16, of 8 bits, and sums up in `f32`. A value is split into three
//! of bfloat16, which together have all its 24 bits, and six of the nine products of parts are summed
//! up (Henry et al., "Leveraging the bfloat16 Artificial Intelligence Datatype For Higher-Precision
//! Computations", 2019): what is left out is as small as the rounding of a product in `f32`. A matrix
//! of values that were of half precision once has two parts only, and five products are enough. Where
//! rounding is allowed, values have two parts, 16 bits, and three products are summed up: each is off by
//! 2⁻¹⁶ of itself at most.
//!
//! Infinity becomes NaN; values below 2e-29 have 8 bits, and below 1e-38 they are zero.
//!
//! A chunk is 32 values of 32 rows, or of 32 columns: for each part a tile of 16 of them, a kilobyte,
//! then those of 16 more. The matrix lies in chunks from the beginning; the rows are split a block at a
//! time, as many values of each as leave room for the columns in a level-1 cache.

mod product;
mod rows;
mod split;
mod tiles;

use super::job::Job;
use super::packed::Line;
use super::square::{Finish, ROWS, SIDE, SUMS, Sums, TILE, line_at};
use crate::vectors::LINE;
use product::Product;
use rayon::prelude::*;
use rows::{Place, SplitRows, split_rows};
use std::cell::Cell;
pub(crate) use tiles::available;
pub(super) use tiles::{Tiles, multiply_bytes};

/// Values of a row in a chunk.
pub(super) const DEPTH: usize = 32;
/// Chunks that are multiplied with the same columns before the next ones come: those lie in half of a
/// level-1 cache.
const DEEP: usize = 4;
/// Panels whose sums are kept beside each other: with those of a block of rows, in a level-2 cache.
const WIDE: usize = 32;

/// Of how many parts values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts {
    rows: usize,
    columns: usize,
}

impl Parts {
    /// Whether a product with a matrix of `k × n` is faster than by vectors. To split a value into two parts
    /// takes as long as vectors need for 12 columns.
    pub(super) fn pay([k, n]: [usize; 2], rounded: bool) -> bool {
        if rounded { k >= SIDE && n > SIDE } else { k.min(n) >= 8 * SIDE }
    }

    /// For a matrix of `k × n`.
    pub(super) fn choose(
        [k, n]: [usize; 2],
        rounded: bool,
        value: &(impl Fn(usize, usize) -> f32 + Sync),
    ) -> Self {
        if rounded {
            return Self { rows: 2, columns: 2 };
        }
        // Two parts have 16 bits, so eight of the 24 are zero. By columns, whose values lie together.
        let is_short = |j| (0..k).all(|i| value(i, j).to_bits() & 0xff == 0);
        let columns = if (0..n).into_par_iter().all(is_short) { 2 } else { 3 };
        Self { rows: 3, columns }
    }

    /// Room for a chunk of columns, in `f32`.
    fn of_columns(self) -> usize {
        2 * self.columns * TILE
    }

    /// Room for a chunk of rows, in `f32`.
    fn of_rows(self) -> usize {
        2 * self.rows * TILE
    }

    /// Room for a panel of `k` rows, in `f32`.
    pub(super) fn of_panel(self, k: usize) -> usize {
        k.div_ceil(DEPTH) * self.of_columns()
    }

    /// Writes some columns of a matrix with `k` rows, and zeros after the last.
    pub(super) fn pack(
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

    fn product(self) -> Product {
        match (self.rows, self.columns) {
            (2, _) => product::of_2_and_2,
            (_, 2) => product::of_3_and_2,
            _ => product::of_3_and_3,
        }
    }

    fn split_rows(self) -> SplitRows {
        match self.rows {
            2 => split_rows::<2>,
            _ => split_rows::<3>,
        }
    }
}

impl Sums for &[f32; SUMS] {
    #[inline(always)]
    fn line(&self, row: usize, half: usize) -> [f32; SIDE] {
        let mut line = [0.0; SIDE];
        line.copy_from_slice(&self[line_at(row, half)..][..SIDE]);
        line
    }
}

/// Memory of a thread for rows and sums.
#[derive(Default)]
struct Memory {
    rows: Vec<Line>,
    sums: Vec<Line>,
}

impl Memory {
    /// Room for so many values of rows, in `f32`, and groups of sums, which hold anything.
    fn reserve(&mut self, rows: usize, sums: usize) -> [*mut f32; 2] {
        let lengths = [rows / LINE, sums * SUMS / LINE];
        for (lines, length) in [&mut self.rows, &mut self.sums].into_iter().zip(lengths) {
            if lines.len() < length {
                lines.resize(length, Line::default());
            }
        }
        [self.rows.as_mut_ptr().cast(), self.sums.as_mut_ptr().cast()]
    }
}

/// Multiplies what the job tells of.
///
/// # Safety
/// As `super::run`; the matrix is packed in chunks, and rows are located by [`ROWS`].
pub(super) unsafe fn run(job: &Job<'_>, parts: Parts) {
    thread_local! {
        static MEMORY: Cell<Option<Memory>> = const { Cell::new(None) };
    }
    let mut memory = MEMORY.take().unwrap_or_default();
    let chunks = job.matrix.k.div_ceil(DEPTH);
    let groups = job.rows.len().div_ceil(ROWS);
    let deep = DEEP.min(chunks);
    // Of one piece, sums are finished where they stand.
    let kept = if chunks <= deep { 1 } else { WIDE.min(job.panels.len()) * groups };
    let (chunk, product, split_rows) = (parts.of_rows(), parts.product(), parts.split_rows());
    let [rows, sums] = memory.reserve(groups * deep * chunk, kept);
    let tiles = Tiles::new();
    for first_panel in job.panels.clone().step_by(WIDE) {
        let strip = first_panel..(first_panel + WIDE).min(job.panels.end);
        let mut place = Place::default();
        for first in (0..chunks).step_by(deep) {
            let count = deep.min(chunks - first);
            let mut end = place;
            for group in 0..groups {
                let to = rows.wrapping_add(group * deep * chunk);
                // SAFETY: there is room for `deep` chunks of each group; rows are as the caller
                // promises; there are `Tiles`, which need more of the processor.
                end = unsafe { split_rows(job, group, place, count, to) };
            }
            place = end;
            for panel in strip.clone() {
                let columns = job.matrix.panel(panel)[first * parts.of_columns()..].as_ptr();
                for group in 0..groups {
                    let place = ((panel - strip.start) * groups + group) % kept;
                    let sums = sums.wrapping_add(place * SUMS);
                    let rows = rows.wrapping_add(group * deep * chunk);
                    // SAFETY: `count` chunks of the group were just written, and as many of the panel
                    // lie there from chunk `first` on; the sums are this thread's.
                    unsafe { product(&tiles, rows, columns, count, sums, first == 0) };
                    if first + count == chunks {
                        // SAFETY: four tiles of sums were just written.
                        let sums = unsafe { &*sums.cast::<[f32; SUMS]>() };
                        job.matrix.isa.run(Finish { job, group, panel, sums });
                    }
                }
            }
        }
    }
    drop(tiles);
    MEMORY.set(Some(memory));
}
