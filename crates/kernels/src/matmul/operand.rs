//! The left operands of products: where their rows lie, or how a block of them is made.

#![allow(unsafe_code)]

use super::{Epilogue, PREPARED, Packed, Scratch};
use crate::view::View;
use std::ops::Range;

/// Rows of a block below which its matrix is not used often enough. Measured: 42 rows of 3072 values
/// gain 8 %, 21 rows of 6144 lose 75 %.
const FEW_ROWS: usize = 32;

/// The left operand of a product: rows of values, each in pieces that may lie anywhere. There are as
/// many pieces for each tap as there are [`parts`](Self::parts).
///
/// # Safety
/// The pointers that [`locate`](Self::locate) pushes may be read for as many values as their part
/// has, as long as the operand and the scratch live unchanged.
pub(crate) unsafe trait Operand: Sync {
    /// Rows in all.
    fn rows(&self) -> usize;

    /// How often the parts follow each other in a row.
    fn taps(&self) -> usize {
        1
    }

    /// Values in each piece of a tap.
    fn parts(&self) -> &[usize];

    /// Values in a row.
    fn width(&self) -> usize {
        self.taps() * self.parts().iter().sum::<usize>()
    }

    /// Values that [`prepare`](Self::prepare) computes for each row; 0 if rows lie in memory.
    fn prepared(&self) -> usize {
        0
    }

    /// Computes a block of rows into the scratch.
    fn prepare(&self, _rows: Range<usize>, _scratch: &mut Scratch) {}

    /// Pushes, for each piece, where it lies for each of `count` rows from `rows.start` on; what
    /// would lie behind the last row is that row again. `scratch` is as `prepare` left it for the
    /// block that begins at row `first`. By default one piece, which `prepare` wrote: rows of
    /// [`width`](Self::width) values without gaps.
    fn locate(
        &self,
        rows: Range<usize>,
        count: usize,
        first: usize,
        scratch: &Scratch,
        pointers: &mut Vec<*const f32>,
    ) {
        let width = self.width();
        single(rows, count, pointers, |row| {
            scratch.as_slice()[(row - first) * width..][..width].as_ptr()
        });
    }
}

/// The pointers of rows of one piece.
fn single(
    rows: Range<usize>,
    count: usize,
    pointers: &mut Vec<*const f32>,
    row: impl Fn(usize) -> *const f32,
) {
    pointers.extend((0..count).map(|r| row((rows.start + r).min(rows.end - 1))));
}

/// Rows that lie in memory, equally far from each other.
pub(crate) struct Dense<'a> {
    view: View<'a>,
    parts: [usize; 1],
}

impl<'a> Dense<'a> {
    pub(crate) fn new(view: View<'a>) -> Self {
        Self { view, parts: [view.width()] }
    }
}

// SAFETY: the view checks that the row lies inside its values.
unsafe impl Operand for Dense<'_> {
    fn rows(&self) -> usize {
        self.view.rows()
    }

    fn parts(&self) -> &[usize] {
        &self.parts
    }

    fn locate(
        &self,
        rows: Range<usize>,
        count: usize,
        _: usize,
        _: &Scratch,
        pointers: &mut Vec<*const f32>,
    ) {
        single(rows, count, pointers, |row| self.view.row(row).as_ptr());
    }
}

/// Rows that are computed when they are needed, a block at a time.
pub(crate) struct Computed<F> {
    rows: usize,
    parts: [usize; 1],
    fill: F,
}

impl<F: Fn(Range<usize>, &mut [f32]) + Sync> Computed<F> {
    /// `fill` writes the values of some rows, one row after the other.
    pub(crate) fn new(rows: usize, width: usize, fill: F) -> Self {
        Self { rows, parts: [width], fill }
    }
}

// SAFETY: rows are located as by default, where the slice checks that they lie in the scratch.
unsafe impl<F: Fn(Range<usize>, &mut [f32]) + Sync> Operand for Computed<F> {
    fn rows(&self) -> usize {
        self.rows
    }

    fn parts(&self) -> &[usize] {
        &self.parts
    }

    fn prepared(&self) -> usize {
        self.width()
    }

    fn prepare(&self, rows: Range<usize>, scratch: &mut Scratch) {
        let length = rows.len() * self.width();
        (self.fill)(rows, scratch.values(length));
    }
}

/// The rows of another product, which is computed block by block and never whole.
pub(crate) struct Chained<'a> {
    pub(crate) operand: &'a dyn Operand,
    pub(crate) matrix: &'a Packed,
    pub(crate) epilogue: Epilogue<'a>,
}

impl Chained<'_> {
    /// Whether a chain behind this matrix is faster than two products one after the other: not where
    /// its rows are so long that few of them make a block, and for each block the matrices come from
    /// memory again.
    pub(crate) fn pays(matrix: &Packed) -> bool {
        matrix.n * FEW_ROWS <= PREPARED
    }
}

// SAFETY: rows are located as by default, where the slice checks that they lie in the scratch.
unsafe impl Operand for Chained<'_> {
    fn rows(&self) -> usize {
        self.operand.rows()
    }

    fn parts(&self) -> &[usize] {
        std::slice::from_ref(&self.matrix.n)
    }

    fn prepared(&self) -> usize {
        self.matrix.n + self.operand.prepared()
    }

    fn prepare(&self, rows: Range<usize>, scratch: &mut Scratch) {
        let n = self.matrix.n;
        let (values, next) = scratch.split(rows.len() * n);
        super::block(self.operand, self.matrix, &self.epilogue, rows, values, next);
    }
}
