//! Into which pieces a product by vectors is cut.

use crate::cpu::isa::Isa;
use pulp::{Simd, WithSimd};

/// Rows of the left operand that are worked on together: they stay in a level-2 cache while the
/// panels pass by. A multiple of the rows of most tiles.
pub(super) const BLOCK: usize = 168;
/// Values that are computed for a block at most: a quarter of a level-2 cache.
pub(super) const PREPARED: usize = 1 << 17;

/// How many rows and vectors of columns one tile of the output has: as many as the registers hold
/// beside a row of the matrix and one value of the other operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tile {
    pub(super) rows: usize,
    pub(super) vectors: usize,
    pub(super) columns: usize,
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
    /// The tile that takes the least time; two vectors if that is no difference. One vector has too
    /// little to do for each value of the other operand: a third more time for a column. That holds
    /// for the last columns too, where a tile is cut off.
    pub(super) fn choose(n: usize, isa: Isa) -> Self {
        let (registers, lanes) = isa.run(Registers);
        let tiles = if registers >= 32 { WIDE_TILES } else { NARROW_TILES };
        let tile = |(rows, vectors)| Self { rows, vectors, columns: vectors * lanes };
        let [one, two, three] = tiles.map(tile);
        let time = |vectors| if vectors == 1 { 4 } else { 3 * vectors };
        let cost = |tile: &Self| {
            let last = (n % tile.columns).div_ceil(lanes);
            let time =
                n / tile.columns * time(tile.vectors) + if last > 0 { time(last) } else { 0 };
            (time, n.next_multiple_of(tile.columns))
        };
        [two, three, one].into_iter().min_by_key(cost).unwrap_or(two)
    }
}
