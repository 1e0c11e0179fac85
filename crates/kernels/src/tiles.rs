//! The product of a weight matrix with columns that are made tile by tile.
//!
//! A convolution is `out (m × n) = weight (m × k) · columns (k × n)`, where `n` counts output
//! positions. The columns are never built whole: each thread fills a tile that fits its cache,
//! multiplies it straight into its place in `out` and applies bias and activation there.

#![allow(unsafe_code)]

use crate::Activation;
use gemm::Parallelism;
use rayon::prelude::*;
use std::ops::Range;

/// Bytes of a tile of columns: about half of a level-2 cache.
const TILE_BYTES: usize = 1 << 20;
/// A product narrower than this does not reach the speed of the machine.
const MIN_TILE: usize = 192;

/// One weight matrix with what follows the product.
pub(crate) struct Product<'a> {
    /// `m × k`, row-major.
    pub(crate) weight: &'a [f32],
    /// `m` values.
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) activation: Activation,
    pub(crate) m: usize,
    pub(crate) k: usize,
    pub(crate) n: usize,
}

impl Product<'_> {
    fn tile(&self) -> usize {
        let fits = TILE_BYTES / size_of::<f32>() / self.k.max(1);
        let share = self.n.div_ceil(rayon::current_num_threads());
        fits.max(MIN_TILE).min(share).max(1).next_multiple_of(16)
    }

    /// `out = activation(weight · columns + bias)`, where `fill` writes the columns of the given
    /// output positions into a `k × positions` row-major tile. Every value must be written.
    pub(crate) fn run(&self, out: &mut [f32], fill: impl Fn(Range<usize>, &mut [f32]) + Sync) {
        let tile = self.tile();
        self.for_tiles(tile, out, |range, out| {
            thread_local! {
                static COLUMNS: std::cell::Cell<Vec<f32>> = const { std::cell::Cell::new(Vec::new()) };
            }
            let width = range.len();
            let mut columns = COLUMNS.take();
            columns.resize(columns.len().max(self.k * width), 0.0);
            fill(range, &mut columns[..self.k * width]);
            self.multiply(&columns[..self.k * width], width, width, out);
            COLUMNS.set(columns);
        });
    }

    /// The same with columns that already lie in memory, `k × n` row-major.
    pub(crate) fn run_on(&self, columns: &[f32], out: &mut [f32]) {
        assert_eq!(columns.len(), self.k * self.n);
        let tile = self.n.div_ceil(rayon::current_num_threads()).clamp(1, 4096);
        self.for_tiles(tile.next_multiple_of(16), out, |range, out| {
            self.multiply(&columns[range.start..], self.n, range.len(), out);
        });
    }

    fn for_tiles(&self, tile: usize, out: &mut [f32], job: impl Fn(Range<usize>, Tile) + Sync) {
        assert_eq!(out.len(), self.m * self.n);
        assert_eq!(self.weight.len(), self.m * self.k);
        let base = Tile { out: out.as_mut_ptr(), stride: self.n };
        (0..self.n.div_ceil(tile)).into_par_iter().for_each(|index| {
            let range = index * tile..((index + 1) * tile).min(self.n);
            job(range.clone(), base.columns_from(range.start));
        });
    }

    /// Multiplies a tile of `width` columns, whose rows are `stride` values apart, into `out`.
    fn multiply(&self, columns: &[f32], stride: usize, width: usize, out: Tile) {
        if width == 0 || self.m == 0 {
            return;
        }
        assert!(self.k == 0 || columns.len() >= (self.k - 1) * stride + width);
        // SAFETY: `weight` holds m·k values (checked in `for_tiles`), `columns` holds k rows of
        // `width` values `stride` apart (checked above). `out` points at m rows of `width` values
        // `self.n` apart inside the slice given to `for_tiles`: its range lies below n, and the
        // ranges of different tiles do not overlap, so nobody else touches these values.
        unsafe {
            gemm::gemm(
                self.m,
                width,
                self.k,
                out.out,
                1,
                out.stride as isize,
                false,
                self.weight.as_ptr(),
                1,
                self.k as isize,
                columns.as_ptr(),
                1,
                stride as isize,
                0f32,
                1f32,
                false,
                false,
                false,
                Parallelism::None,
            );
        }
        for row in 0..self.m {
            // SAFETY: as above: row `row` of this tile, which nobody else touches.
            let values =
                unsafe { std::slice::from_raw_parts_mut(out.out.add(row * out.stride), width) };
            self.activation.apply(values, self.bias.map_or(0.0, |bias| bias[row]));
        }
    }
}

/// Some columns of the output matrix.
#[derive(Clone, Copy)]
struct Tile {
    out: *mut f32,
    stride: usize,
}

impl Tile {
    fn columns_from(self, start: usize) -> Self {
        Self { out: self.out.wrapping_add(start), ..self }
    }
}

// SAFETY: a tile is only a place; each thread writes to columns of its own (see `multiply`).
unsafe impl Send for Tile {}
// SAFETY: as above.
unsafe impl Sync for Tile {}
