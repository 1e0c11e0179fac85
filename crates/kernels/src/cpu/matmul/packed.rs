//! A matrix laid out once for many products: the weights of a layer.

#[cfg(target_arch = "x86_64")]
use super::amx;
use super::line::{Line, flat, flat_mut};
use super::square;
use super::tiling::{BLOCK, PREPARED, Tile};
use crate::cpu::isa::Isa;
use crate::cpu::units::ByteUnit;
use crate::cpu::vectors::LINE;
use rayon::prelude::*;

/// How the values of a panel lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// `k` rows of them.
    Rows,
    /// As the matrix unit reads them.
    #[cfg(target_arch = "x86_64")]
    Chunks(amx::Parts),
    /// Rounded to bytes, with their scales.
    Bytes(ByteUnit),
}

/// A matrix of `k × n` in panels: the columns of a tile side by side, then the next columns; zeros
/// after the last. With a bias for each column.
#[derive(Debug)]
pub(crate) struct Packed {
    lines: Vec<Line>,
    bias: Vec<Line>,
    pub(super) k: usize,
    pub(super) n: usize,
    pub(super) tile: Tile,
    pub(super) layout: Layout,
    pub(super) isa: Isa,
}

impl Layout {
    fn choose(size: [usize; 2], isa: Isa, value: &(impl Fn(usize, usize) -> f32 + Sync)) -> Self {
        if !Packed::is_for_matrix_unit(size, isa) {
            return Self::Rows;
        }
        if let Some(unit) = isa.byte_unit() {
            return Self::Bytes(unit);
        }
        #[cfg(target_arch = "x86_64")]
        return Self::Chunks(amx::Parts::choose(size, isa.rounds(), value));
        #[cfg(not(target_arch = "x86_64"))]
        {
            let _ = value;
            Self::Rows
        }
    }

    fn tile(self, n: usize, isa: Isa) -> Tile {
        match self {
            Self::Rows => Tile::choose(n, isa),
            _ => square::TILE_OF_OUTPUT,
        }
    }

    /// Rows of the other operand that are worked on together at most, and how many values are
    /// computed for them at most.
    pub(super) fn block(self) -> (usize, usize) {
        match self {
            Self::Rows => (BLOCK, PREPARED),
            _ => (square::BLOCK, square::PREPARED),
        }
    }

    /// Values that a panel takes the room of.
    fn length(self, k: usize, tile: Tile) -> usize {
        match self {
            Self::Rows => k * tile.columns,
            #[cfg(target_arch = "x86_64")]
            Self::Chunks(parts) => parts.of_panel(k),
            Self::Bytes(_) => ByteUnit::of_panel(k),
        }
    }

    /// Writes `k` rows of some columns.
    fn write(
        self,
        [k, count]: [usize; 2],
        to: &mut [f32],
        columns: usize,
        value: impl Fn(usize, usize) -> f32,
    ) {
        match self {
            Self::Rows => {
                for (i, row) in to.chunks_exact_mut(columns).enumerate().take(k) {
                    for (column, to) in row[..count].iter_mut().enumerate() {
                        *to = value(i, column);
                    }
                }
            }
            #[cfg(target_arch = "x86_64")]
            Self::Chunks(parts) => parts.pack([k, count], to, value),
            Self::Bytes(_) => ByteUnit::pack([k, count], to, value),
        }
    }
}

impl Packed {
    /// Packs the matrix, in the rayon pool it is called in, whose value in row `i` of `k` and
    /// column `j` of `n` is `value(i, j)`.
    pub(crate) fn new(
        [k, n]: [usize; 2],
        bias: Option<&[f32]>,
        isa: Isa,
        value: impl Fn(usize, usize) -> f32 + Sync,
    ) -> Self {
        let layout = Layout::choose([k, n], isa, &value);
        let tile = layout.tile(n, isa);
        let (panels, length) = (n.div_ceil(tile.columns), layout.length(k, tile));
        let mut lines = vec![Line::default(); (panels * length).div_ceil(LINE)];
        let mut biases = vec![Line::default(); (panels * tile.columns).div_ceil(LINE)];
        // A matrix without rows has nothing in its panels.
        let panels = flat_mut(&mut lines).par_chunks_mut(length.max(1)).enumerate();
        panels.for_each(|(panel, values)| {
            let first = panel * tile.columns;
            let count = tile.columns.min(n.saturating_sub(first));
            layout.write([k, count], values, tile.columns, |i, j| value(i, first + j));
        });
        if let Some(bias) = bias {
            flat_mut(&mut biases)[..n].copy_from_slice(bias);
        }
        Self { lines, bias: biases, k, n, tile, layout, isa }
    }

    /// Whether products with a matrix of `k × n` are done by a matrix unit, or in bytes.
    pub(crate) fn is_for_matrix_unit(size: [usize; 2], isa: Isa) -> bool {
        if isa.byte_unit().is_some() {
            return ByteUnit::pays(size);
        }
        #[cfg(target_arch = "x86_64")]
        if isa.multiplies_tiles() {
            return amx::Parts::pay(size, isa.rounds());
        }
        false
    }

    pub(super) fn panels(&self) -> usize {
        self.n.div_ceil(self.tile.columns)
    }

    /// A tile's columns.
    pub(super) fn panel(&self, panel: usize) -> &[f32] {
        let length = self.layout.length(self.k, self.tile);
        &flat(&self.lines)[panel * length..][..length]
    }

    /// The bias of a panel's columns.
    pub(super) fn bias(&self, panel: usize) -> &[f32] {
        &flat(&self.bias)[panel * self.tile.columns..][..self.tile.columns]
    }
}
