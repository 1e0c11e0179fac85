//! The left operands of products: where their rows lie, or how a block of them is made.

#![allow(unsafe_code)]

use super::scratch::Scratch;
use crate::cpu::view::View;
use std::ops::Range;

/// The left operand of a product: rows of values, each in pieces that may lie anywhere. There are
/// as many pieces for each tap as there are [`parts`](Self::parts).
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
