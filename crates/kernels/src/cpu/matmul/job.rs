//! Some rows times some panels, on one thread.

#![allow(unsafe_code)]

use super::epilogue::Epilogue;
use super::packed::Packed;
use super::tile::{Rows, Target, compute};
use super::tiling::{NARROW_TILES, WIDE_TILES};
use crate::cpu::vectors::prefetch;
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// The first value of a column of the output, shared among threads that write to different rows or
/// columns.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) out: *mut f32,
    pub(super) stride: usize,
    pub(super) offset: usize,
}

// SAFETY: only a place; the jobs of `multiply` write to disjoint parts.
unsafe impl Send for Place {}
// SAFETY: as above.
unsafe impl Sync for Place {}

/// Some rows times some panels, as `run` promises.
pub(super) struct Job<'a> {
    /// For each tile, for each piece of a row, where it lies for the tile's rows.
    pub(super) pointers: Vec<*const f32>,
    pub(super) pieces: usize,
    /// Values in each piece of a tap.
    pub(super) parts: &'a [usize],
    pub(super) matrix: &'a Packed,
    pub(super) epilogue: &'a Epilogue<'a>,
    pub(super) rows: Range<usize>,
    pub(super) panels: Range<usize>,
    pub(super) place: Place,
}

impl WithSimd for Job<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // The sizes of `WIDE_TILES` and `NARROW_TILES`, and those of tiles that are cut off below.
        match (S::REGISTER_COUNT >= 32, self.matrix.tile.vectors) {
            (true, 1) => self.tiles::<S, { WIDE_TILES[0].0 }, 8, 4, 1>(simd),
            (true, 2) => self.tiles::<S, { WIDE_TILES[1].0 }, 8, 4, 2>(simd),
            (true, _) => self.tiles::<S, { WIDE_TILES[2].0 }, 8, 4, 3>(simd),
            (false, 1) => self.tiles::<S, { NARROW_TILES[0].0 }, 8, 4, 1>(simd),
            (false, 2) => self.tiles::<S, { NARROW_TILES[1].0 }, 4, 2, 2>(simd),
            (false, _) => self.tiles::<S, { NARROW_TILES[2].0 }, 4, 2, 3>(simd),
        }
    }
}

impl Job<'_> {
    /// Where a tile and a panel of the output are.
    pub(super) fn target(&self, tile: usize, panel: usize) -> Target {
        let Self { matrix, place, .. } = self;
        let first = panel * matrix.tile.columns;
        let row = self.rows.start + tile * matrix.tile.rows;
        let column = place.offset + first;
        Target {
            out: place.out.wrapping_add(row * place.stride + column),
            stride: place.stride,
            size: [self.rows.end - row, matrix.n - first],
            start: [row, column],
        }
    }

    /// All tiles, of `R` rows and `P` vectors; the last ones of `R2` or `R1` rows, if those are
    /// enough.
    #[inline(always)]
    fn tiles<S: Simd, const R: usize, const R2: usize, const R1: usize, const P: usize>(
        &self,
        simd: S,
    ) {
        for panel in self.panels.clone() {
            let mut tiles = self.pointers.chunks_exact(self.pieces * R).enumerate().peekable();
            while let Some((tile, pointers)) = tiles.next() {
                // Rows that lie in memory one after the other are first read here, several at a
                // time, which no processor foresees.
                if let (true, Some((_, next)), &[values]) =
                    (panel == self.panels.start && self.pieces == 1, tiles.peek(), self.parts)
                {
                    next.iter().for_each(|row| prefetch(*row, values));
                }
                let target = self.target(tile, panel);
                let rows = Rows { pointers, parts: self.parts };
                // SAFETY: `R` readable pointers for each piece. The target begins at an existing
                // row and column of the output; its size is what is left of the rows of this job
                // and of the columns.
                unsafe {
                    match target.size[0] {
                        rows_left if rows_left <= R1 => {
                            self.tile::<S, R, P, R1>(simd, &rows, panel, target);
                        }
                        rows_left if rows_left <= R2 => {
                            self.tile::<S, R, P, R2>(simd, &rows, panel, target);
                        }
                        _ => self.tile::<S, R, P, R>(simd, &rows, panel, target),
                    }
                }
            }
        }
    }

    /// The first `N` rows of a tile, and those of its vectors that hold columns.
    ///
    /// # Safety
    /// `rows.pointers` are readable, `R` for each piece of a row. The target's size exists in the
    /// output from its place on, and no more than a tile of it that begins there is written.
    #[inline(always)]
    unsafe fn tile<S: Simd, const R: usize, const P: usize, const N: usize>(
        &self,
        simd: S,
        rows: &Rows<'_>,
        panel: usize,
        target: Target,
    ) {
        let (values, bias) = (self.matrix.panel(panel), self.matrix.bias(panel));
        let vectors = target.size[1].div_ceil(S::F32_LANES);
        // SAFETY: as promised. The panel has k rows, the values of a row of the operand, of the
        // tile's columns, which are `P` vectors of `S`, for which the matrix was packed; so has the
        // bias one.
        unsafe {
            if P > 1 && vectors == 1 {
                compute::<S, R, P, N, 1>(simd, rows, values, bias, self.epilogue, target);
            } else if P > 2 && vectors == 2 {
                compute::<S, R, P, N, 2>(simd, rows, values, bias, self.epilogue, target);
            } else {
                compute::<S, R, P, N, P>(simd, rows, values, bias, self.epilogue, target);
            }
        }
    }
}
