//! Two products one after the other, a block of rows at a time.

#![allow(unsafe_code)]

use super::epilogue::Epilogue;
use super::multiply::block;
use super::operand::Operand;
use super::packed::Packed;
use super::scratch::Scratch;
use super::tiling::PREPARED;
use std::ops::Range;

/// Rows of a block below which its matrix is not used often enough. Measured: 42 rows of 3072
/// values gain 8 %, 21 rows of 6144 lose 75 %.
const FEW_ROWS: usize = 32;

/// The rows of another product, which is computed block by block and never whole.
pub(crate) struct Chained<'a> {
    pub(crate) operand: &'a dyn Operand,
    pub(crate) matrix: &'a Packed,
    pub(crate) epilogue: Epilogue<'a>,
}

impl Chained<'_> {
    /// Whether a chain behind this matrix is faster than two products one after the other: not
    /// where its rows are so long that few of them make a block, and for each block the matrices
    /// come from memory again.
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
        block(self.operand, self.matrix, &self.epilogue, rows, values, next);
    }
}
