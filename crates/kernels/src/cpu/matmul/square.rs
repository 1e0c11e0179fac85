//! The sizes of 32 rows and 32 columns: what units that multiply small parts of values compute at
//! once.

use super::tiling::Tile;

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

/// Where the sums of a row and of half of the columns begin in four tiles.
pub(super) fn line_at(row: usize, half: usize) -> usize {
    (row / SIDE * 2 + half) * TILE + row % SIDE * SIDE
}
