//! Multiplies a block of rows, split into parts, with panels of parts.

use super::parts::{DEPTH, Parts};
use super::product::{self, Product};
use super::rows::{Place, SplitRows, split_rows};
use super::tiles::Tiles;
use crate::cpu::matmul::finish::{Finish, Sums};
use crate::cpu::matmul::job::Job;
use crate::cpu::matmul::line::Line;
use crate::cpu::matmul::square::{ROWS, SIDE, SUMS, line_at};
use crate::cpu::vectors::LINE;
use std::cell::Cell;

/// Chunks that are multiplied with the same columns before the next ones come: those lie in half of
/// a level-1 cache.
const DEEP: usize = 4;
/// Panels whose sums are kept beside each other: with those of a block of rows, in a level-2 cache.
const WIDE: usize = 32;

impl Parts {
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

/// Computes the rows and panels of the job.
///
/// # Safety
/// As `multiply::run`; the matrix is packed in chunks, and rows are located by [`ROWS`].
pub(in crate::cpu::matmul) unsafe fn run(job: &Job<'_>, parts: Parts) {
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
                    // SAFETY: `count` chunks of the group were just written, and as many of the
                    // panel lie there from chunk `first` on; the sums are this thread's.
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
