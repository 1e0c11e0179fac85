//! Products as a whole: which thread computes which rows and columns.

#[cfg(target_arch = "x86_64")]
use super::amx;
use super::bytes;
use super::epilogue::{Epilogue, Residual};
use super::job::{Job, Place};
use super::operand::Operand;
use super::packed::{Layout, Packed};
use super::scratch::Scratch;
use rayon::prelude::*;
use std::marker::PhantomData;
use std::ops::Range;

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
