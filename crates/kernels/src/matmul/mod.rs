//! Products with a matrix that is packed once: `out = activation(rows · matrix + bias) + residual`.
//!
//! The left operand is not packed. A tile of the output is held in registers while the innermost
//! loop reads one value of each of its rows and one row of the packed panel; the rows may lie
//! anywhere, in as many pieces as one likes. So a convolution on a channels-last image is a
//! product whose rows are pixels, without columns that are built first. Rows that do not lie in
//! memory, as those of a deformable convolution, are computed a block at a time.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod amx;
mod bytes;
mod job;
mod operand;
mod packed;
mod scratch;
mod small;
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), allow(dead_code))]
mod square;
mod tile;

use crate::Activation;
use crate::simd_math::activate;
use crate::vectors::read;
use crate::view::View;
#[cfg(target_arch = "x86_64")]
pub(crate) use amx::available as multiplies_tiles;
pub(crate) use bytes::{ByteUnit, multiplies_bytes};
use job::{Job, Place};
pub(crate) use operand::{Chained, Computed, Dense, Operand};
pub(crate) use packed::Packed;
use packed::{Layout, NARROW_TILES, WIDE_TILES};
use pulp::Simd;
use rayon::prelude::*;
pub(crate) use scratch::Scratch;
pub(crate) use small::{AT_ONCE, SmallMatrix};
use std::marker::PhantomData;
use std::ops::Range;

/// Rows of the left operand that are worked on together: they stay in a level-2 cache while the
/// panels pass by. A multiple of the rows of most tiles.
const BLOCK: usize = 168;
/// Values that are computed for a block at most: a quarter of a level-2 cache.
const PREPARED: usize = 1 << 17;

/// What follows the product.
#[derive(Clone, Copy, Default)]
pub(crate) struct Epilogue<'a> {
    /// Applied after the bias.
    pub(crate) activation: Activation,
    /// What is added.
    pub(crate) residual: Residual<'a>,
}

impl Epilogue<'_> {
    /// What becomes of the sums of `count` columns of a row, from `column` on, with their bias.
    #[inline(always)]
    pub(crate) fn apply<S: Simd>(
        &self,
        simd: S,
        mut value: S::f32s,
        [row, column]: [usize; 2],
        count: usize,
    ) -> S::f32s {
        let added = |rows: View<'_>| read(simd, &rows.row(row)[column..][..count]);
        if let Residual::Before(rows) = self.residual {
            value = simd.add_f32s(value, added(rows));
        }
        value = activate(simd, self.activation, value);
        if let Residual::After(rows) = self.residual {
            value = simd.add_f32s(value, added(rows));
        }
        value
    }
}

/// What is added to a product.
#[derive(Clone, Copy, Default)]
pub(crate) enum Residual<'a> {
    #[default]
    None,
    /// These rows, before the activation.
    Before(View<'a>),
    /// These rows, after the activation.
    After(View<'a>),
}

/// Where a product goes: `n` values of each row, the rows `stride` apart.
pub(crate) struct Output<'a> {
    first: *mut f32,
    length: usize,
    stride: usize,
    offset: usize,
    values: PhantomData<&'a mut [f32]>,
}

impl<'a> Output<'a> {
    /// Rows without gaps.
    #[cfg(test)]
    pub(crate) fn whole(values: &'a mut [f32], columns: usize) -> Self {
        Self::columns(values, columns, 0)
    }

    /// Some columns of rows of `stride` values, from `offset` on.
    pub(crate) fn columns(values: &'a mut [f32], stride: usize, offset: usize) -> Self {
        let (first, length) = (values.as_mut_ptr(), values.len());
        Self { first, length, stride, offset, values: PhantomData }
    }
}

/// The product of all rows with the matrix, rows of `n` values; see [`multiply`].
pub(crate) fn product(operand: &dyn Operand, matrix: &Packed, epilogue: Epilogue<'_>) -> Vec<f32> {
    let length = operand.rows() * matrix.n;
    let mut out = Vec::with_capacity(length);
    let (first, stride) = (out.as_mut_ptr(), matrix.n);
    let output = Output { first, length, stride, offset: 0, values: PhantomData };
    multiply(operand, matrix, epilogue, output);
    // SAFETY: there is room for so many, and `multiply` wrote the `n` values of every row, which
    // have no gaps between them.
    unsafe { out.set_len(length) };
    out
}

/// Multiplies all rows with the matrix.
///
/// Runs in the rayon pool it is called in.
///
/// # Panics
/// If the sizes do not fit each other.
pub(crate) fn multiply(
    operand: &dyn Operand,
    matrix: &Packed,
    epilogue: Epilogue<'_>,
    output: Output<'_>,
) {
    let Output { first, length, stride, offset, .. } = output;
    let (rows, panels) = (operand.rows(), matrix.panels());
    assert_eq!(operand.width(), matrix.k, "values of a row");
    assert!(offset + matrix.n <= stride, "columns of the output");
    assert_eq!(length, rows * stride, "size of the output");
    if let Residual::Before(residual) | Residual::After(residual) = epilogue.residual {
        assert_eq!([residual.rows(), residual.width()], [rows, stride], "size of the residual");
    }
    if rows == 0 || matrix.n == 0 {
        return;
    }
    let place = Place { out: first, stride, offset };
    let threads = rayon::current_num_threads();
    let wanted = 2 * threads;
    let (most, room) = matrix.layout.block();
    let (size, shares) = if operand.prepared() > 0 {
        // Nothing is prepared twice: many blocks instead of shares of one.
        let fits = (room / operand.prepared()).min(rows.div_ceil(wanted));
        (fits.next_multiple_of(matrix.tile.rows).min(most), 1)
    } else {
        // As many blocks for each thread, so that none waits for the last one.
        let blocks = rows.div_ceil(most).next_multiple_of(threads);
        let size = rows.div_ceil(blocks).next_multiple_of(matrix.tile.rows).min(most);
        // Few rows: the panels are shared out too, so that every thread has work.
        (size, wanted.div_ceil(rows.div_ceil(size)).clamp(1, panels))
    };
    let each = panels.div_ceil(shares);
    (0..rows.div_ceil(size) * shares).into_par_iter().for_each(|index| {
        let (block, share) = (index / shares, index % shares);
        let rows = block * size..((block + 1) * size).min(rows);
        let panels = share * each..((share + 1) * each).min(panels);
        Scratch::of_thread(|scratch| {
            operand.prepare(rows.clone(), scratch);
            // SAFETY: these rows and columns of the output exist (checked above), and no other
            // call has both.
            unsafe { run(operand, matrix, &epilogue, rows, panels, place, scratch) };
        });
    });
}

/// Multiplies some rows on this thread into `out`, without gaps.
///
/// # Panics
/// If the sizes do not fit each other or there is a residual.
pub(crate) fn block(
    operand: &dyn Operand,
    matrix: &Packed,
    epilogue: &Epilogue<'_>,
    rows: Range<usize>,
    out: &mut [f32],
    scratch: &mut Scratch,
) {
    assert_eq!(operand.width(), matrix.k, "values of a row");
    assert_eq!(out.len(), rows.len() * matrix.n, "size of the output");
    assert!(matches!(epilogue.residual, Residual::None), "a block has no residual");
    operand.prepare(rows.clone(), scratch);
    let stride = matrix.n;
    let out = out.as_mut_ptr().wrapping_sub(rows.start * stride);
    let place = Place { out, stride, offset: 0 };
    // SAFETY: row `rows.start` lies at the beginning of the slice whose size was just checked.
    unsafe { run(operand, matrix, epilogue, rows, 0..matrix.panels(), place, scratch) };
}

/// # Safety
/// `operand` has k values in a row and is prepared for `rows`, not none. The output exists at
/// `place` for these rows and panels, as does a residual, and nobody else touches it.
unsafe fn run(
    operand: &dyn Operand,
    matrix: &Packed,
    epilogue: &Epilogue<'_>,
    rows: Range<usize>,
    panels: Range<usize>,
    place: Place,
    scratch: &Scratch,
) {
    let (height, parts) = (matrix.tile.rows, operand.parts());
    let pieces = operand.taps() * parts.len();
    let tiles = rows.len().div_ceil(height);
    let mut pointers = Vec::with_capacity(tiles * pieces * height);
    for tile in 0..tiles {
        let from = rows.start + tile * height;
        operand.locate(from..rows.end, height, rows.start, scratch, &mut pointers);
    }
    assert_eq!(pointers.len(), tiles * pieces * height, "pointers of an operand");
    let job = Job { pointers, pieces, parts, matrix, epilogue, rows, panels, place };
    match matrix.layout {
        Layout::Rows => matrix.isa.run(job),
        // SAFETY: as promised; pointers were located for tiles of the matrix, and checked.
        #[cfg(target_arch = "x86_64")]
        Layout::Chunks(parts) => unsafe { amx::run(&job, parts) },
        // SAFETY: as above; the matrix was packed for a unit that was found on this processor.
        Layout::Bytes(unit) => unsafe { bytes::run(&job, unit) },
    }
}

#[cfg(test)]
mod tests;
