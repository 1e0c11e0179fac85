//! Products with a matrix that is packed once: `out = activation(rows · matrix + bias) + residual`.
//!
//! The left operand is not packed. A tile of the output is held in registers while the innermost
//! loop reads one value of each of its rows and one row of the packed panel; the rows may lie
//! anywhere, in as many pieces (taps) as one likes. So a convolution on a channels-last image is a
//! product whose rows are pixels, without columns that are built first.

#![allow(unsafe_code)]

mod packed;
mod tile;

use crate::Activation;
pub(crate) use packed::Packed;
use packed::{NARROW_TILES, WIDE_TILES};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::cell::Cell;
use std::ops::Range;
use tile::{Rows, Target, compute};

/// Rows of the left operand that are worked on together: they stay in a level-2 cache while the
/// panels pass by. A multiple of every tile's rows or nearly.
const BLOCK: usize = 168;

/// What follows the product.
#[derive(Clone, Copy, Default)]
pub(crate) struct Epilogue<'a> {
    /// Applied after the bias.
    pub(crate) activation: Activation,
    /// Added after the activation; of the output's shape.
    pub(crate) residual: Option<&'a [f32]>,
}

/// The left operand.
///
/// # Safety
/// The pointers that [`locate`](Self::locate) gives may be read for [`inner`](Self::inner) values
/// as long as the operand and the scratch live unchanged.
pub(crate) unsafe trait Operand: Sync {
    /// Rows in all.
    fn count(&self) -> usize;

    /// Values in one piece.
    fn inner(&self) -> usize;

    /// Pieces of a row.
    fn taps(&self) -> usize;

    /// Where piece `tap` of row `row` lies. `scratch` is what [`prepare`](Self::prepare) left for
    /// the block that begins at row `first`.
    fn locate(&self, row: usize, tap: usize, first: usize, scratch: &[f32]) -> *const f32;

    /// Computes what rows of a block need, if they do not lie in memory.
    fn prepare(&self, _rows: Range<usize>, _scratch: &mut Vec<f32>) {}
}

/// Rows that lie in memory one after the other.
pub(crate) struct Dense<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) width: usize,
}

// SAFETY: the pointer is the beginning of a row inside `values`; the slice checks it.
unsafe impl Operand for Dense<'_> {
    fn count(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    fn inner(&self) -> usize {
        self.width
    }

    fn taps(&self) -> usize {
        1
    }

    fn locate(&self, row: usize, _: usize, _: usize, _: &[f32]) -> *const f32 {
        self.values[row * self.width..][..self.width].as_ptr()
    }
}

/// Multiplies all rows with the matrix into `out`, `rows × n` without gaps.
///
/// Runs in the rayon pool it is called in.
///
/// # Panics
/// If the sizes do not fit each other.
pub(crate) fn multiply(
    operand: &impl Operand,
    matrix: &Packed,
    epilogue: Epilogue<'_>,
    out: &mut [f32],
) {
    let rows = operand.count();
    assert_eq!(operand.taps() * operand.inner(), matrix.k, "values of a row");
    assert_eq!(out.len(), rows * matrix.n, "size of the output");
    if let Some(residual) = epilogue.residual {
        assert_eq!(residual.len(), out.len(), "size of the residual");
    }
    if out.is_empty() {
        return;
    }
    let place = Place(out.as_mut_ptr());
    // Few rows: the panels are shared out too, so that every thread has work.
    let blocks = rows.div_ceil(BLOCK);
    let wanted = 2 * rayon::current_num_threads();
    let shares = wanted.div_ceil(blocks).clamp(1, matrix.panels());
    let panels = matrix.panels().div_ceil(shares);
    (0..blocks * shares).into_par_iter().for_each(|index| {
        let (block, share) = (index / shares, index % shares);
        let range = block * BLOCK..((block + 1) * BLOCK).min(rows);
        let panels = share * panels..((share + 1) * panels).min(matrix.panels());
        thread_local! {
            static SCRATCH: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
        }
        let mut scratch = SCRATCH.take();
        operand.prepare(range.clone(), &mut scratch);
        let (height, taps) = (matrix.tile.rows, operand.taps());
        let tiles = range.len().div_ceil(height);
        let mut pointers = Vec::with_capacity(tiles * taps * height);
        for tile in 0..tiles {
            for tap in 0..taps {
                pointers.extend((0..height).map(|r| {
                    // A tile that reaches over the end computes its last row several times.
                    let row = (range.start + tile * height + r).min(range.end - 1);
                    operand.locate(row, tap, range.start, &scratch)
                }));
            }
        }
        let inner = operand.inner();
        let job = Job { pointers, taps, inner, matrix, epilogue, rows: range, panels, place };
        // SAFETY: the pointers may be read by the promise of `Operand`; taps · inner = k was
        // checked above, and the size of the output and the residual. The rows and panels exist,
        // and no other job has both.
        unsafe { job.run() };
        SCRATCH.set(scratch);
    });
}

/// The output, shared among threads that write to different rows or columns.
#[derive(Clone, Copy)]
struct Place(*mut f32);

// SAFETY: only a place; the jobs of `multiply` write to disjoint parts.
unsafe impl Send for Place {}
// SAFETY: as above.
unsafe impl Sync for Place {}

/// Some rows times some panels.
struct Job<'a> {
    /// For each tile, for each tap, where the tile's rows lie.
    pointers: Vec<*const f32>,
    taps: usize,
    inner: usize,
    matrix: &'a Packed,
    epilogue: Epilogue<'a>,
    rows: Range<usize>,
    panels: Range<usize>,
    place: Place,
}

impl Job<'_> {
    /// # Safety
    /// The pointers may be read for `inner` values each, taps · inner is the matrix's `k`, rows
    /// and panels exist in the output at `place` (and the residual has its size), and nobody else
    /// touches the values where they cross.
    unsafe fn run(self) {
        self.matrix.isa.run(self);
    }
}

impl WithSimd for Job<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // The sizes of `WIDE_TILES` and `NARROW_TILES`.
        match (S::REGISTER_COUNT >= 32, self.matrix.tile.vectors) {
            (true, 1) => self.tiles::<S, { WIDE_TILES[0].0 }, 1>(simd),
            (true, 2) => self.tiles::<S, { WIDE_TILES[1].0 }, 2>(simd),
            (true, _) => self.tiles::<S, { WIDE_TILES[2].0 }, 3>(simd),
            (false, 1) => self.tiles::<S, { NARROW_TILES[0].0 }, 1>(simd),
            (false, 2) => self.tiles::<S, { NARROW_TILES[1].0 }, 2>(simd),
            (false, _) => self.tiles::<S, { NARROW_TILES[2].0 }, 3>(simd),
        }
    }
}

impl Job<'_> {
    #[inline(always)]
    fn tiles<S: Simd, const R: usize, const V: usize>(&self, simd: S) {
        let Self { matrix, epilogue, .. } = self;
        let (n, height) = (matrix.n, self.taps * R);
        let columns = matrix.tile.columns;
        for panel in self.panels.clone() {
            for (tile, pointers) in self.pointers.chunks_exact(height).enumerate() {
                let row = self.rows.start + tile * R;
                let start = row * n + panel * columns;
                let target = Target {
                    out: self.place.0.wrapping_add(start),
                    stride: n,
                    size: [self.rows.end - row, n - panel * columns],
                    start,
                };
                let rows = Rows { pointers, inner: self.inner };
                // SAFETY: `R` readable pointers for each tap. The panel has taps · inner = k rows
                // of the tile's columns, which are `V` vectors of `S`, for which the matrix was
                // packed; so has the bias one. The target begins at an existing row and column of
                // the output; its size is what is left of the rows of this job and of the columns,
                // and `compute` writes no more than its own `R` rows and `V` vectors of these.
                unsafe {
                    compute::<S, R, V>(
                        simd,
                        &rows,
                        matrix.panel(panel),
                        matrix.bias(panel),
                        epilogue,
                        target,
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;

    /// Values that a small generator makes, of no pattern.
    fn values(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn products_of_all_sizes_equal_the_naive_ones() {
        for isa in Isa::available() {
            for (rows, k, n) in [
                (1, 1, 1),
                (3, 5, 7),
                (23, 16, 15),
                (24, 9, 16),
                (14, 33, 32),
                (15, 64, 33),
                (200, 48, 48),
                (337, 20, 96),
                (170, 7, 130),
            ] {
                let (a, b) = (values(rows * k, 1), values(k * n, 2));
                let (bias, residual) = (values(n, 3), values(rows * n, 4));
                let matrix = Packed::new([k, n], Some(&bias), isa, |i, j| b[i * n + j]);
                let mut out = vec![f32::NAN; rows * n];
                let epilogue = Epilogue { activation: Activation::Relu, residual: Some(&residual) };
                multiply(&Dense { values: &a, width: k }, &matrix, epilogue, &mut out);
                for row in 0..rows {
                    for j in 0..n {
                        let sum: f64 = (0..k)
                            .map(|i| f64::from(a[row * k + i]) * f64::from(b[i * n + j]))
                            .sum();
                        let expected =
                            (sum + f64::from(bias[j])).max(0.0) + f64::from(residual[row * n + j]);
                        let found = f64::from(out[row * n + j]);
                        let close = (found - expected).abs() < 1e-5;
                        assert!(close, "{} {rows}x{k}x{n} at {row}, {j}", isa.name());
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_times_something_is_nothing() {
        let matrix = Packed::new([4, 3], None, Isa::detect(), |_, _| 1.0);
        multiply(&Dense { values: &[], width: 4 }, &matrix, Epilogue::default(), &mut []);
    }
}
