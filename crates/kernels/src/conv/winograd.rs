//! 3×3 convolutions by Winograd's minimal filtering F(2×2, 3×3) (Lavin and Gray, "Fast Algorithms for
//! Convolutional Neural Networks", 2015): four outputs of 16 products instead of 36.
//!
//! An image is cut into squares of 4×4 pixels that overlap by 2. Each is transformed by sums and
//! differences to 16 values a channel; each of these is the row of a product with a matrix of its own,
//! the weights transformed alike; and the 16 results become 2×2 outputs by sums and differences again.
//! There are no factors but ½, so little is lost to rounding.

use super::patches::{Corner, Geometry, Source};
use crate::isa::Isa;
use crate::matmul::{Dense, Epilogue, Packed, Scratch, block};
use crate::vectors::{read, unrolled, write};
use crate::view::View;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Values of a transformed square.
const VALUES: usize = 16;
/// Squares that are worked on together: what they are transformed to stays in a level-2 cache while
/// the matrices pass by. A multiple of the rows of most tiles of a product.
const SQUARES: usize = 60;
/// Channels below which the transformations cost more than the products they save.
const FEW_CHANNELS: usize = 48;

/// A 3×3 convolution with stride 1 whose weights are transformed.
#[derive(Debug)]
pub(super) struct Winograd {
    matrices: Vec<Packed>,
    bias: Vec<f32>,
    isa: Isa,
    input: usize,
    out: usize,
}

impl Winograd {
    /// Whether a convolution with a weight of this shape is one, and gains by it.
    pub(super) fn suits(shape: [usize; 4], params: super::Conv2dParams) -> bool {
        let [out, input, height, width] = shape;
        let plain = params.stride == 1 && params.dilation == 1 && params.groups == 1;
        plain && [height, width] == [3, 3] && input.min(out) >= FEW_CHANNELS
    }

    /// Transforms weights `(out, in, 3, 3)`: `G · g · Gᵀ`, in binary64.
    pub(super) fn new(
        weight: &[f32],
        bias: Option<&[f32]>,
        [out, input]: [usize; 2],
        isa: Isa,
    ) -> Self {
        let transformed: Vec<[f32; VALUES]> = weight.par_chunks_exact(9).map(of_weight).collect();
        let matrices = (0..VALUES).into_par_iter().map(|index| {
            Packed::new([input, out], None, isa, |i, j| transformed[j * input + i][index])
        });
        let bias = bias.map_or_else(|| vec![0.0; out], <[f32]>::to_vec);
        Self { matrices: matrices.collect(), bias, isa, input, out }
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
        let mut y = vec![0f32; geometry.rows() * self.out];
        if y.is_empty() {
            return y;
        }
        // A thread takes as many lines of squares as make a block, or fewer, so that all threads take
        // as many.
        let (all, most) = (height.div_ceil(2), (SQUARES / width.div_ceil(2)).max(1));
        let shares = all.div_ceil(most).next_multiple_of(rayon::current_num_threads());
        let lines = 2 * (all / shares).max(1);
        for (image, y) in y.chunks_exact_mut(height * line).enumerate() {
            y.par_chunks_mut(lines * line).enumerate().for_each(|(index, y)| {
                let first = index * lines;
                let corners = squares([first, first + y.len() / line], width, image);
                for corners in corners.chunks(SQUARES) {
                    let pixels = Pixels { corners, geometry, zeros, first };
                    Scratch::of_thread(|scratch| {
                        self.block(sources, &pixels, &epilogue, y, scratch);
                    });
                }
            });
        }
        y
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
        let (before, after) = (count * self.input, count * self.out);
        let (values, scratch) = scratch.split(VALUES * (before + after));
        let (transformed, products) = values.split_at_mut(VALUES * before);
        let mut offset = 0;
        for source in sources {
            let (channels, to) = (self.input, &mut *transformed);
            self.isa.run(ToProducts { source, pixels, channels, offset, to });
            offset += source.view.width();
        }
        let operands = transformed.chunks_exact(before).zip(products.chunks_exact_mut(after));
        for (matrix, (operand, out)) in self.matrices.iter().zip(operands) {
            let operand = Dense::new(View::dense(operand, self.input));
            block(&operand, matrix, &Epilogue::default(), 0..count, out, scratch);
        }
        self.isa.run(FromProducts { products, pixels, bias: &self.bias, epilogue, to: y });
    }
}

/// The upper left outputs of the squares of some lines.
fn squares([first, last]: [usize; 2], width: usize, image: usize) -> Vec<Corner> {
    let lines = (first..last).step_by(2);
    let corner = |y| (0..width).step_by(2).map(move |x| Corner { image, y, x });
    lines.flat_map(corner).collect()
}

/// `G · g · Gᵀ` of the taps `g` with the rows 1 0 0, ½ ½ ½, ½ −½ ½, 0 0 1 of `G`.
fn of_weight(taps: &[f32]) -> [f32; VALUES] {
    let spread = |[a, b, c]: [f64; 3]| [a, (a + b + c) / 2.0, (a - b + c) / 2.0, c];
    let row = |y: usize| spread([0, 1, 2].map(|x| f64::from(taps[3 * y + x])));
    let rows = [row(0), row(1), row(2)];
    let columns = [0, 1, 2, 3].map(|x| spread(rows.map(|row| row[x])));
    std::array::from_fn(|index| columns[index % 4][index / 4] as f32)
}

/// Which pixels some squares see.
struct Pixels<'a> {
    corners: &'a [Corner],
    geometry: &'a Geometry,
    zeros: &'a [f32],
    /// The first line that is written.
    first: usize,
}

/// Squares of one source to rows of the 16 products: `Bᵀ · d · B`.
struct ToProducts<'a> {
    source: &'a Source<'a>,
    pixels: &'a Pixels<'a>,
    /// Channels of a row, and the first one of this source.
    channels: usize,
    offset: usize,
    to: &'a mut [f32],
}

impl WithSimd for ToProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { source, pixels, channels, offset, to } = self;
        let Pixels { corners, geometry, zeros, .. } = *pixels;
        let width = source.view.width();
        let distance = corners.len() * channels;
        for (square, &corner) in corners.iter().enumerate() {
            let pieces: [&[f32]; VALUES] = std::array::from_fn(|index| {
                source.piece(geometry, corner, [index / 4, index % 4], zeros)
            });
            let begin = square * channels + offset;
            for from in (0..width).step_by(S::F32_LANES) {
                let until = (from + S::F32_LANES).min(width);
                let mut rows = [[simd.splat_f32s(0.0); 4]; 4];
                unrolled!(y < 4 <= 4, {
                    unrolled!(x < 4 <= 4, {
                        rows[y][x] = read(simd, &pieces[4 * y + x][from..until]);
                    });
                    rows[y] = differences(simd, rows[y]);
                });
                unrolled!(x < 4 <= 4, {
                    let column = [rows[0][x], rows[1][x], rows[2][x], rows[3][x]];
                    let column = differences(simd, column);
                    unrolled!(y < 4 <= 4, {
                        let at = (4 * y + x) * distance + begin + from;
                        let value = without_traces(simd, column[y]);
                        write(simd, &mut to[at..at + (until - from)], value);
                    });
                });
            }
        }
    }
}

/// `Bᵀ · d`: d₀ − d₂, d₁ + d₂, d₂ − d₁, d₁ − d₃.
#[inline(always)]
fn differences<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 4] {
    [simd.sub_f32s(a, c), simd.add_f32s(b, c), simd.sub_f32s(c, b), simd.sub_f32s(b, d)]
}

/// 0 for what is smaller than 1e-18.
///
/// Where an image is flat the differences leave nothing but traces of channels that are all but 0.
/// Their products would be subnormal, and those take a processor a hundred times as long.
#[inline(always)]
fn without_traces<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let small = simd.less_than_f32s(simd.abs_f32s(x), simd.splat_f32s(1e-18));
    simd.select_f32s(small, simd.splat_f32s(0.0), x)
}

/// Rows of the 16 products to outputs: `Aᵀ · m · A`, then bias, activation and residual.
struct FromProducts<'a> {
    products: &'a [f32],
    pixels: &'a Pixels<'a>,
    bias: &'a [f32],
    epilogue: &'a Epilogue<'a>,
    to: &'a mut [f32],
}

impl WithSimd for FromProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { products, pixels, bias, epilogue, to } = self;
        let Pixels { corners, geometry, first, .. } = *pixels;
        let (channels, [height, width]) = (bias.len(), geometry.out);
        let distance = corners.len() * channels;
        for (square, &corner) in corners.iter().enumerate() {
            for from in (0..channels).step_by(S::F32_LANES) {
                let until = (from + S::F32_LANES).min(channels);
                let at = square * channels + from;
                let mut columns = [[simd.splat_f32s(0.0); 2]; 4];
                unrolled!(x < 4 <= 4, {
                    let mut column = [simd.splat_f32s(0.0); 4];
                    unrolled!(y < 4 <= 4, {
                        let at = (4 * y + x) * distance + at;
                        column[y] = read(simd, &products[at..at + (until - from)]);
                    });
                    columns[x] = sums(simd, column);
                });
                let bias = read(simd, &bias[from..until]);
                let mut outputs = [simd.splat_f32s(0.0); 4];
                unrolled!(down < 2 <= 4, {
                    let row = [columns[0][down], columns[1][down], columns[2][down], columns[3][down]];
                    [outputs[2 * down], outputs[2 * down + 1]] = sums(simd, row);
                });
                for (index, value) in outputs.into_iter().enumerate() {
                    let (y, x) = (corner.y + index / 2, corner.x + index % 2);
                    if y >= height || x >= width {
                        continue;
                    }
                    let pixel = (corner.image * height + y) * width + x;
                    let value = simd.add_f32s(value, bias);
                    let value = epilogue.apply(simd, value, [pixel, from], until - from);
                    let at = ((y - first) * width + x) * channels;
                    write(simd, &mut to[at + from..at + until], value);
                }
            }
        }
    }
}

/// `Aᵀ · m`: m₀ + m₁ + m₂, m₁ − m₂ − m₃.
#[inline(always)]
fn sums<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 2] {
    [simd.add_f32s(simd.add_f32s(a, b), c), simd.sub_f32s(simd.sub_f32s(b, c), d)]
}
