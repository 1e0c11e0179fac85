//! Convolutions by Winograd's minimal filtering (Lavin and Gray, "Fast Algorithms for Convolutional
//! Neural Networks", 2015): F(2×2, 3×3) computes four outputs of 16 products instead of 36, F(4×4,
//! 3×3) sixteen of 36 instead of 144.
//!
//! An image is cut into squares of 4×4 pixels, or 6×6, that overlap by 2. Each is transformed by
//! sums and differences to as many values a channel; each of these is the row of a product with a
//! matrix of its own, the weights transformed alike; and the results become 2×2 or 4×4 outputs by
//! sums and differences again. The smaller squares have no factors but ½, so little is lost to
//! rounding; the larger ones lose three times as much. Those are for 3×3 kernels whose matrices,
//! four times the weights, stay in a cache.
//!
//! A larger kernel is cut into pieces of three taps, and single taps where a side is no multiple of
//! three: 7 = 3 + 3 + 1. Pieces of one size are transformed alike, so their channels stand beside
//! each other in one row and are summed up by the product: 100 products for four outputs of a 7×7
//! kernel instead of 196.

mod pixels;
mod transform;

use super::params::Conv2dParams;
use super::patches::{Corner, Geometry, Source};
use crate::cpu::isa::Isa;
use crate::cpu::matmul::{Dense, Epilogue, Packed, Scratch, block};
use crate::cpu::view::{View, in_chunks_of_images};
use pixels::Pixels;
use rayon::prelude::*;
use transform::{FromProducts, Stage, ToProducts, of_weight};

/// Values of all matrices of larger squares at most: where there are more of them, images are
/// small, and to read them takes longer than the products.
const LARGE_SQUARES: usize = 3 << 17;
/// Larger squares that are worked on together.
const FEW_SQUARES: usize = 24;
/// Squares that are worked on together: what they are transformed to stays in a level-2 cache while
/// the matrices pass by. A multiple of the rows of most tiles of a product.
const SQUARES: usize = 60;
/// The same for a matrix unit, which is so fast that reading the matrices counts.
const MANY_SQUARES: usize = 128;
/// How many squares take as long as to begin a block.
const A_BLOCK: usize = 4;
/// Channels below which the transformations cost more than the products they save: with larger
/// squares, and with smaller ones.
const FEW_CHANNELS: usize = 16;
const MORE_CHANNELS: usize = 48;

/// A convolution with stride 1 whose weights are transformed.
#[derive(Debug)]
pub(super) struct Winograd {
    groups: Vec<Group>,
    bias: Vec<f32>,
    isa: Isa,
    /// Outputs of a square along both axes.
    step: usize,
    /// Squares that are worked on together.
    squares: usize,
    input: usize,
    out: usize,
}

/// The pieces of one size.
#[derive(Debug)]
struct Group {
    /// Values of a transformed square along both axes: 4 or 6 for three taps, 2 for one.
    size: [usize; 2],
    /// The first tap of each piece.
    pieces: Vec<[usize; 2]>,
    /// One for each value of a transformed square, `pieces × channels` to outputs.
    matrices: Vec<Packed>,
}

impl Winograd {
    /// Whether a convolution with a weight of this shape is one, and gains by it.
    pub(super) fn suits(shape: [usize; 4], params: Conv2dParams, isa: Isa) -> bool {
        let [out, input, height, width] = shape;
        let plain = params.stride == 1 && params.dilation == 1 && params.groups == 1;
        let channels = input.min(out);
        // A matrix unit that rounds has done the products of many channels before the squares would
        // be transformed, and so have products of bytes; which the sums of a square would not fit
        // in besides.
        let fast = isa.rounds() || isa.byte_unit().is_some();
        let gains = if takes_large_squares(shape) {
            channels >= FEW_CHANNELS && !(fast && channels >= MORE_CHANNELS)
        } else {
            channels >= MORE_CHANNELS && !fast
        };
        plain && height.min(width) >= 3 && gains
    }

    /// Transforms weights `(out, in, height, width)`.
    pub(super) fn new(weight: &[f32], bias: Option<&[f32]>, shape: [usize; 4], isa: Isa) -> Self {
        let [out, input, height, width] = shape;
        let (rows, columns) = (segments(height), segments(width));
        let sizes = [[3, 3], [3, 1], [1, 3], [1, 1]];
        let large = takes_large_squares(shape);
        let step = if large { 4 } else { 2 };
        // So few rows are no work for a matrix unit.
        let isa = if large { isa.by_vectors() } else { isa };
        let group = |taps: [usize; 2]| {
            let tall = rows.iter().filter(|(_, count)| *count == taps[0]);
            let pieces: Vec<_> = tall
                .flat_map(|(y, _)| {
                    let wide = columns.iter().filter(|(_, count)| *count == taps[1]);
                    wide.map(|(x, _)| [*y, *x])
                })
                .collect();
            let size = taps.map(|taps| taps + step - 1);
            let values = size[0] * size[1];
            let transformed = |&[y, x]: &[usize; 2]| {
                let mut to = vec![0f32; out * input * values];
                let kernels = weight.par_chunks_exact(height * width);
                to.par_chunks_exact_mut(values).zip(kernels).for_each(|(to, kernel)| {
                    of_weight(taps, size, |i, j| kernel[(y + i) * width + x + j], to);
                });
                to
            };
            let transformed: Vec<_> = pieces.iter().map(transformed).collect();
            let matrices = (0..values).map(|index| {
                Packed::new([pieces.len() * input, out], None, isa, |i, j| {
                    transformed[i / input][(j * input + i % input) * values + index]
                })
            });
            Group { size, matrices: matrices.collect(), pieces }
        };
        let groups = sizes.map(group).into_iter().filter(|group| !group.pieces.is_empty());
        let groups: Vec<_> = groups.collect();
        let width_of = |group: &Group| [group.pieces.len() * input, out];
        let squares = if large {
            FEW_SQUARES
        } else if groups.iter().any(|group| Packed::is_for_matrix_unit(width_of(group), isa)) {
            MANY_SQUARES
        } else {
            SQUARES
        };
        let bias = bias.map_or_else(|| vec![0.0; out], <[f32]>::to_vec);
        Self { groups, bias, isa, step, squares, input, out }
    }

    /// The output of a convolution of these maps, row by row.
    pub(super) fn run(
        &self,
        sources: &[Source<'_>],
        geometry: &Geometry,
        zeros: &[f32],
        epilogue: Epilogue<'_>,
    ) -> Vec<f32> {
        let [height, width] = geometry.out;
        let line = width * self.out;
        let images = geometry.rows() / (height * width);
        // A thread takes as many lines of squares as make a block, or fewer, so that all threads
        // take as many.
        let (all, each) = (height.div_ceil(self.step), width.div_ceil(self.step));
        let rounds = |lines: usize| all.div_ceil(lines).div_ceil(rayon::current_num_threads());
        let most = (self.squares / each).max(1);
        let lines = (1..=most).rev().min_by_key(|&lines| rounds(lines) * (lines * each + A_BLOCK));
        let lines = self.step * lines.unwrap_or(1);
        in_chunks_of_images([images, height * line], lines * line, |image, index, y| {
            let first = index * lines;
            let corners = squares([first, first + y.len() / line], width, self.step, image);
            for corners in corners.chunks(self.squares) {
                let pixels = Pixels { corners, geometry, zeros, first };
                Scratch::of_thread(|scratch| self.block(sources, &pixels, &epilogue, y, scratch));
            }
        })
    }

    /// Convolves some squares into the lines `y`.
    fn block(
        &self,
        sources: &[Source<'_>],
        pixels: &Pixels<'_>,
        epilogue: &Epilogue<'_>,
        y: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let count = pixels.corners.len();
        for (index, group) in self.groups.iter().enumerate() {
            let width = group.pieces.len() * self.input;
            let (before, after) = (count * width, count * self.out);
            let values = group.matrices.len();
            let (values_of, scratch) = scratch.split(values * (before + after));
            let (transformed, products) = values_of.split_at_mut(values * before);
            let mut offset = 0;
            for &piece in &group.pieces {
                for source in sources {
                    let (size, to) = (group.size, &mut *transformed);
                    self.isa.run(ToProducts { source, pixels, piece, size, width, offset, to });
                    offset += source.view.width();
                }
            }
            let operands = transformed.chunks_exact(before).zip(products.chunks_exact_mut(after));
            for (matrix, (operand, out)) in group.matrices.iter().zip(operands) {
                let operand = Dense::new(View::dense(operand, width));
                block(&operand, matrix, &Epilogue::default(), 0..count, out, scratch);
            }
            let last = index + 1 == self.groups.len();
            let stage = Stage { add: index > 0, finish: last.then_some(epilogue) };
            let (size, bias) = (group.size, &self.bias[..]);
            self.isa.run(FromProducts { products, pixels, size, bias, stage, to: y });
        }
    }
}

/// Whether a convolution with this weight is one of larger squares.
fn takes_large_squares([out, input, height, width]: [usize; 4]) -> bool {
    [height, width] == [3, 3] && 36 * input * out <= LARGE_SQUARES
}

/// The first tap and the count of each piece of a side of a kernel.
fn segments(taps: usize) -> Vec<(usize, usize)> {
    let threes = taps / 3 * 3;
    (0..threes).step_by(3).map(|at| (at, 3)).chain((threes..taps).map(|at| (at, 1))).collect()
}

/// The upper left outputs of the squares of some lines.
fn squares([first, last]: [usize; 2], width: usize, step: usize, image: usize) -> Vec<Corner> {
    let lines = (first..last).step_by(step);
    let corner = |y| (0..width).step_by(step).map(move |x| Corner { image, y, x });
    lines.flat_map(corner).collect()
}
