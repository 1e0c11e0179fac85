//! Small products on one thread, from and to scratch: what attention within a window is made of.

use super::epilogue::Epilogue;
use super::tile::{Rows, Target, compute};
use super::tiling::{NARROW_TILES, WIDE_TILES};
use crate::cpu::vectors::{read, write};
use pulp::Simd;

/// Columns that are written at once.
pub(crate) const AT_ONCE: usize = 4;

/// Columns of a panel of a [`SmallMatrix`].
fn columns<S: Simd>() -> usize {
    2 * S::F32_LANES
}

/// Rows of a tile.
fn tile_rows<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { WIDE_TILES[1].0 } else { NARROW_TILES[1].0 }
}

/// A matrix of `k × n` in panels of two vectors of columns, in memory that is used again.
#[derive(Debug, Default)]
pub(crate) struct SmallMatrix {
    values: Vec<f32>,
    size: [usize; 2],
}

impl SmallMatrix {
    /// Columns with those of the last panel that do not exist.
    pub(crate) fn padded_columns<S: Simd>(n: usize) -> usize {
        n.next_multiple_of(columns::<S>())
    }

    /// Makes room for `k × n`. Columns that do not exist are zeros.
    pub(crate) fn reset<S: Simd>(&mut self, [k, n]: [usize; 2]) {
        let length = k * Self::padded_columns::<S>(n);
        if self.size != [k, n] || self.values.len() != length {
            self.values.clear();
            self.values.resize(length, 0.0);
            self.size = [k, n];
        }
    }

    /// Writes row `i`, all `n` columns.
    #[inline(always)]
    pub(crate) fn set_row<S: Simd>(&mut self, simd: S, i: usize, row: &[f32]) {
        let ([k, _], width) = (self.size, columns::<S>());
        for (panel, part) in row.chunks(width).enumerate() {
            let to = &mut self.values[(panel * k + i) * width..][..part.len()];
            for (to, part) in to.chunks_mut(S::F32_LANES).zip(part.chunks(S::F32_LANES)) {
                write(simd, to, read(simd, part));
            }
        }
    }

    /// Writes columns from `j` on, all `k` rows of them; `j` is a multiple of [`AT_ONCE`]. Those
    /// that do not exist are not looked at.
    #[inline(always)]
    pub(crate) fn set_columns<S: Simd>(&mut self, j: usize, columns_of: [&[f32]; AT_ONCE]) {
        let ([k, _], width) = (self.size, columns::<S>());
        let (panel, at) = (j / width, j % width);
        let panel = &mut self.values[panel * k * width..][..k * width];
        let [a, b, c, d] = columns_of.map(|column| &column[..k]);
        for (i, row) in panel.chunks_exact_mut(width).enumerate() {
            row[at..at + AT_ONCE].copy_from_slice(&[a[i], b[i], c[i], d[i]]);
        }
    }

    /// Multiplies rows of `k` values with the matrix into `out`, whose rows are `stride` apart and
    /// begin at column `offset`; `width` columns of the product are written, `n` or all padded
    /// ones.
    ///
    /// # Panics
    /// If the sizes do not fit each other.
    #[inline(always)]
    pub(crate) fn multiply<'a, S: Simd>(
        &self,
        simd: S,
        rows: impl ExactSizeIterator<Item = &'a [f32]>,
        out: &mut [f32],
        [stride, offset, width]: [usize; 3],
        pointers: &mut Vec<*const f32>,
    ) {
        let [k, n] = self.size;
        let (count, panel_width, height) = (rows.len(), columns::<S>(), tile_rows::<S>());
        assert!(width <= Self::padded_columns::<S>(n) && offset + width <= stride, "columns");
        assert!(out.len() >= count * stride, "rows");
        if count == 0 {
            return;
        }
        pointers.clear();
        pointers.extend(rows.map(|row| {
            assert_eq!(row.len(), k, "values of a row");
            row.as_ptr()
        }));
        let last = pointers[count - 1];
        pointers.resize(count.next_multiple_of(height), last);
        const WIDE: usize = WIDE_TILES[1].0;
        const NARROW: usize = NARROW_TILES[1].0;
        // No bias: any zeros will do.
        let zeros = [0f32; 64];
        let (bias, epilogue) = (&zeros[..panel_width], Epilogue::default());
        let panels = self.values.chunks_exact(k * panel_width);
        for (panel, values) in panels.enumerate().take(width.div_ceil(panel_width)) {
            for (tile, pointers) in pointers.chunks_exact(height).enumerate() {
                let (row, column) = (tile * height, offset + panel * panel_width);
                let target = Target {
                    out: out.as_mut_ptr().wrapping_add(row * stride + column),
                    stride,
                    size: [count - row, width - panel * panel_width],
                    start: [row, column],
                };
                let rows = Rows { pointers, parts: &[k] };
                // SAFETY: one piece of `height` pointers to k values (checked above); the panel is
                // k rows of two vectors, the bias one; the target lies inside `out` (checked above)
                // and its size is what is left of the rows and of `width`.
                unsafe {
                    if S::REGISTER_COUNT >= 32 {
                        compute::<S, WIDE, 2, WIDE, 2>(
                            simd, &rows, values, bias, &epilogue, target,
                        );
                    } else {
                        compute::<S, NARROW, 2, NARROW, 2>(
                            simd, &rows, values, bias, &epilogue, target,
                        );
                    }
                }
            }
        }
    }
}
