//! A matrix laid out once for many products: the weights of a layer.

use crate::isa::Isa;
use crate::vectors::LINE;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// A cache line of values, so that no vector load crosses two.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// How many rows and vectors of columns one tile of the output has: as many as the registers hold
/// beside a row of the matrix and one value of the other operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tile {
    pub(super) rows: usize,
    pub(super) vectors: usize,
    pub(super) columns: usize,
}

/// A matrix of `k × n` in panels: the columns of a tile side by side, `k` rows of them, then the
/// next columns; zeros after the last. With a bias for each column.
#[derive(Debug)]
pub(crate) struct Packed {
    lines: Vec<Line>,
    bias: Vec<Line>,
    pub(super) k: usize,
    pub(super) n: usize,
    pub(super) tile: Tile,
    pub(super) isa: Isa,
}

/// The tiles to choose from, `(rows, vectors)`, for 32 registers or more, and for 16.
pub(super) const WIDE_TILES: [(usize, usize); 3] = [(12, 1), (12, 2), (8, 3)];
pub(super) const NARROW_TILES: [(usize, usize); 3] = [(12, 1), (6, 2), (4, 3)];

struct Registers;

impl WithSimd for Registers {
    type Output = (usize, usize);

    fn with_simd<S: Simd>(self, _: S) -> (usize, usize) {
        (S::REGISTER_COUNT, S::F32_LANES)
    }
}

impl Tile {
    /// The tile that wastes the least time on columns that do not exist; two vectors if that is no
    /// difference. One vector has too little to do for each value of the other operand: a third more
    /// time for a column.
    fn choose(n: usize, isa: Isa) -> Self {
        let (registers, lanes) = isa.run(Registers);
        let tiles = if registers >= 32 { WIDE_TILES } else { NARROW_TILES };
        let tile = |(rows, vectors)| Self { rows, vectors, columns: vectors * lanes };
        let [one, two, three] = tiles.map(tile);
        let best = [two, three, one].into_iter();
        let cost =
            |tile: &Self| n.next_multiple_of(tile.columns) * if tile.vectors == 1 { 4 } else { 3 };
        best.min_by_key(cost).unwrap_or(two)
    }
}

impl Packed {
    /// Packs the matrix, in the rayon pool it is called in, whose value in row `i` of `k` and column `j` of `n` is `value(i, j)`.
    pub(crate) fn new(
        [k, n]: [usize; 2],
        bias: Option<&[f32]>,
        isa: Isa,
        value: impl Fn(usize, usize) -> f32 + Sync,
    ) -> Self {
        let tile = Tile::choose(n, isa);
        let panels = n.div_ceil(tile.columns);
        let mut lines = vec![Line([0.0; LINE]); (panels * k * tile.columns).div_ceil(LINE)];
        let mut biases = vec![Line([0.0; LINE]); (panels * tile.columns).div_ceil(LINE)];
        // A matrix without rows has nothing in its panels.
        let length = (k * tile.columns).max(1);
        flat_mut(&mut lines).par_chunks_mut(length).enumerate().for_each(|(panel, values)| {
            let first = panel * tile.columns;
            let count = tile.columns.min(n.saturating_sub(first));
            for (i, row) in values.chunks_exact_mut(tile.columns).enumerate() {
                for (column, to) in row[..count].iter_mut().enumerate() {
                    *to = value(i, first + column);
                }
            }
        });
        if let Some(bias) = bias {
            flat_mut(&mut biases)[..n].copy_from_slice(bias);
        }
        Self { lines, bias: biases, k, n, tile, isa }
    }

    pub(super) fn panels(&self) -> usize {
        self.n.div_ceil(self.tile.columns)
    }

    /// `k` rows of a tile's columns.
    pub(super) fn panel(&self, panel: usize) -> &[f32] {
        let length = self.k * self.tile.columns;
        &flat(&self.lines)[panel * length..][..length]
    }

    /// The bias of a panel's columns.
    pub(super) fn bias(&self, panel: usize) -> &[f32] {
        &flat(&self.bias)[panel * self.tile.columns..][..self.tile.columns]
    }
}

#[allow(unsafe_code)]
fn flat(lines: &[Line]) -> &[f32] {
    // SAFETY: a `Line` is `LINE` values and nothing else (its size equals its alignment, 64).
    unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), lines.len() * LINE) }
}

#[allow(unsafe_code)]
fn flat_mut(lines: &mut [Line]) -> &mut [f32] {
    // SAFETY: as above; the borrow is handed on.
    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), lines.len() * LINE) }
}
