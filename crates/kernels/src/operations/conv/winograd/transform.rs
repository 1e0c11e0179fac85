//! The transformations before and after the products.

use super::pixels::Pixels;
use crate::cpu::matmul::Epilogue;
use crate::cpu::vectors::{read, unrolled, write};
use crate::operations::conv::patches::Source;
use pulp::{Simd, WithSimd};

/// The points of F(4, 3) are 0, ±`NEAR`, ±`FAR` and infinity.
///
/// With the usual ones, 0, ±1, ±2, errors are nearly twice as large: as Barabasz et al. ("Error
/// Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural Networks", 2020)
/// show, they depend on the points most. These squares and products of them are exact.
const NEAR: f64 = 0.75;
const FAR: f64 = 1.5;
const NEAR_2: f64 = NEAR * NEAR;
const FAR_2: f64 = FAR * FAR;

/// `G` times three taps, or one, for squares of so many values along the axis.
fn spread(values: usize, [a, b, c]: [f64; 3]) -> [f64; 6] {
    let at = |x: f64, scale: f64| (a + x * b + x * x * c) / scale;
    let (near, far) = (2.0 * NEAR_2 * (NEAR_2 - FAR_2), 2.0 * FAR_2 * (FAR_2 - NEAR_2));
    match values {
        6 => [
            at(0.0, NEAR_2 * FAR_2),
            at(NEAR, near),
            at(-NEAR, near),
            at(FAR, far),
            at(-FAR, far),
            c,
        ],
        4 => [a, at(1.0, 2.0), at(-1.0, 2.0), c, 0.0, 0.0],
        _ => [a, a, 0.0, 0.0, 0.0, 0.0],
    }
}

/// Writes `G · g · Gᵀ` of the taps `g` of a piece, computed in binary64, row by row; `size` is that
/// of its squares. A single tap stands for two values.
pub(super) fn of_weight(
    [height, width]: [usize; 2],
    size: [usize; 2],
    tap: impl Fn(usize, usize) -> f32,
    to: &mut [f32],
) {
    let mut rows = [[0.0; 6]; 3];
    for (y, row) in rows.iter_mut().enumerate().take(height) {
        let mut taps = [0.0; 3];
        for (x, value) in taps.iter_mut().enumerate().take(width) {
            *value = f64::from(tap(y, x));
        }
        *row = spread(size[1], taps);
    }
    for x in 0..size[1] {
        let column = spread(size[0], [rows[0][x], rows[1][x], rows[2][x]]);
        for (y, value) in column.into_iter().enumerate().take(size[0]) {
            to[y * size[1] + x] = value as f32;
        }
    }
}

/// Squares of one source to rows of the products of a piece: `Bᵀ · d · B`.
pub(super) struct ToProducts<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) pixels: &'a Pixels<'a>,
    /// The first tap of the piece, and the size of its squares.
    pub(super) piece: [usize; 2],
    pub(super) size: [usize; 2],
    /// Values of a row, and the first one of this source.
    pub(super) width: usize,
    pub(super) offset: usize,
    pub(super) to: &'a mut [f32],
}

impl WithSimd for ToProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.size {
            [6, _] => self.run::<S, 6, 6>(simd),
            [4, 4] => self.run::<S, 4, 4>(simd),
            [4, _] => self.run::<S, 4, 2>(simd),
            [_, 4] => self.run::<S, 2, 4>(simd),
            _ => self.run::<S, 2, 2>(simd),
        }
    }
}

impl ToProducts<'_> {
    #[inline(always)]
    fn run<S: Simd, const H: usize, const W: usize>(self, simd: S) {
        let Self { source, pixels, piece, width, offset, to, .. } = self;
        let Pixels { corners, geometry, zeros, .. } = *pixels;
        let channels = source.view.width();
        let distance = corners.len() * width;
        for (square, &corner) in corners.iter().enumerate() {
            let mut seen = [[&zeros[..0]; W]; H];
            for (y, seen) in seen.iter_mut().enumerate() {
                for (x, seen) in seen.iter_mut().enumerate() {
                    *seen = source.piece(geometry, corner, [piece[0] + y, piece[1] + x], zeros);
                }
            }
            let begin = square * width + offset;
            for from in (0..channels).step_by(S::F32_LANES) {
                let until = (from + S::F32_LANES).min(channels);
                let mut rows = [[simd.splat_f32s(0.0); W]; H];
                unrolled!(y < H <= 6, {
                    unrolled!(x < W <= 6, {
                        rows[y][x] = read(simd, &seen[y][x][from..until]);
                    });
                    rows[y] = differences(simd, rows[y]);
                });
                unrolled!(x < W <= 6, {
                    let mut column = [simd.splat_f32s(0.0); H];
                    unrolled!(y < H <= 6, {
                        column[y] = rows[y][x];
                    });
                    column = differences(simd, column);
                    unrolled!(y < H <= 6, {
                        let at = (W * y + x) * distance + begin + from;
                        let value = without_traces(simd, column[y]);
                        write(simd, &mut to[at..at + (until - from)], value);
                    });
                });
            }
        }
    }
}

/// `Bᵀ · d`: of four d₀ − d₂, d₁ + d₂, d₂ − d₁, d₁ − d₃; two stay as they are. Of six the
/// coefficients of the polynomial whose zeros are all points but one.
#[inline(always)]
fn differences<S: Simd, const N: usize>(simd: S, mut values: [S::f32s; N]) -> [S::f32s; N] {
    if N == 4 {
        let [a, b, c, d] = [values[0], values[1], values[N - 2], values[N - 1]];
        values[0] = simd.sub_f32s(a, c);
        values[1] = simd.add_f32s(b, c);
        values[N - 2] = simd.sub_f32s(c, b);
        values[N - 1] = simd.sub_f32s(b, d);
    }
    if N == 6 {
        let times = |factor: f64, x, y| simd.mul_add_f32s(simd.splat_f32s(factor as f32), x, y);
        let [a, b, c, d] = [values[0], values[1], values[2], values[3]];
        let [e, f] = [values[4], values[5]];
        let (sum, product) = (NEAR_2 + FAR_2, NEAR_2 * FAR_2);
        let (even_near, odd_near) = (times(-FAR_2, c, e), times(-FAR_2, b, d));
        let (even_far, odd_far) = (times(-NEAR_2, c, e), times(-NEAR_2, b, d));
        values[0] = times(product, a, times(-sum, c, e));
        values[1] = times(NEAR, odd_near, even_near);
        values[2] = times(-NEAR, odd_near, even_near);
        values[3] = times(FAR, odd_far, even_far);
        values[4] = times(-FAR, odd_far, even_far);
        values[5] = times(product, b, times(-sum, d, f));
    }
    values
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

/// Which of several sums of an output this one is.
#[derive(Clone, Copy)]
pub(super) struct Stage<'a> {
    /// To what is there.
    pub(super) add: bool,
    /// The last one: what follows, after the bias.
    pub(super) finish: Option<&'a Epilogue<'a>>,
}

/// Rows of products to outputs: `Aᵀ · m · A`, summed up over the groups; then bias, activation and
/// residual.
pub(super) struct FromProducts<'a> {
    pub(super) products: &'a [f32],
    pub(super) pixels: &'a Pixels<'a>,
    /// Of a transformed square.
    pub(super) size: [usize; 2],
    pub(super) bias: &'a [f32],
    pub(super) stage: Stage<'a>,
    pub(super) to: &'a mut [f32],
}

impl WithSimd for FromProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.size {
            [6, _] => self.run::<S, 6, 6, 4>(simd),
            [4, 4] => self.run::<S, 4, 4, 2>(simd),
            [4, _] => self.run::<S, 4, 2, 2>(simd),
            [_, 4] => self.run::<S, 2, 4, 2>(simd),
            _ => self.run::<S, 2, 2, 2>(simd),
        }
    }
}

impl FromProducts<'_> {
    /// `M` outputs along both axes.
    #[inline(always)]
    fn run<S: Simd, const H: usize, const W: usize, const M: usize>(self, simd: S) {
        let Self { products, pixels, bias, stage, to, .. } = self;
        let Pixels { corners, geometry, first, .. } = *pixels;
        let (channels, [height, width]) = (bias.len(), geometry.out);
        let distance = corners.len() * channels;
        for (square, &corner) in corners.iter().enumerate() {
            for from in (0..channels).step_by(S::F32_LANES) {
                let until = (from + S::F32_LANES).min(channels);
                let at = square * channels + from;
                let mut columns = [[simd.splat_f32s(0.0); M]; W];
                unrolled!(x < W <= 6, {
                    let mut column = [simd.splat_f32s(0.0); H];
                    unrolled!(y < H <= 6, {
                        let at = (W * y + x) * distance + at;
                        column[y] = read(simd, &products[at..at + (until - from)]);
                    });
                    columns[x] = sums(simd, column);
                });
                let bias = read(simd, &bias[from..until]);
                let mut outputs = [[simd.splat_f32s(0.0); M]; M];
                unrolled!(down < M <= 6, {
                    let mut row = [simd.splat_f32s(0.0); W];
                    unrolled!(x < W <= 6, {
                        row[x] = columns[x][down];
                    });
                    outputs[down] = sums(simd, row);
                });
                for (index, mut value) in outputs.into_iter().flatten().enumerate() {
                    let (y, x) = (corner.y + index / M, corner.x + index % M);
                    if y >= height || x >= width {
                        continue;
                    }
                    let at = ((y - first) * width + x) * channels;
                    let to = &mut to[at + from..at + until];
                    if stage.add {
                        value = simd.add_f32s(value, read(simd, to));
                    }
                    if let Some(epilogue) = stage.finish {
                        let pixel = (corner.image * height + y) * width + x;
                        value = simd.add_f32s(value, bias);
                        value = epilogue.apply(simd, value, [pixel, from], until - from);
                    }
                    write(simd, to, value);
                }
            }
        }
    }
}

/// `Aᵀ · m`: of four m₀ + m₁ + m₂, m₁ − m₂ − m₃; two stay as they are. Of six the sums of the
/// values times powers of their points.
#[inline(always)]
fn sums<S: Simd, const N: usize, const M: usize>(simd: S, values: [S::f32s; N]) -> [S::f32s; M] {
    let [a, b] = [values[0], values[1]];
    let mut sums = [a; M];
    match N {
        6 => {
            let scaled = |factor: f64, x| simd.mul_f32s(simd.splat_f32s(factor as f32), x);
            let times = |factor: f64, x, y| simd.mul_add_f32s(simd.splat_f32s(factor as f32), x, y);
            let [c, d, e, f] = [values[2], values[3], values[4], values[5]];
            let (even_near, odd_near) = (simd.add_f32s(b, c), simd.sub_f32s(b, c));
            let (even_far, odd_far) = (simd.add_f32s(d, e), simd.sub_f32s(d, e));
            sums[0] = simd.add_f32s(simd.add_f32s(a, even_near), even_far);
            sums[1] = times(NEAR, odd_near, scaled(FAR, odd_far));
            sums[2] = times(NEAR_2, even_near, scaled(FAR_2, even_far));
            sums[3] = times(NEAR * NEAR_2, odd_near, times(FAR * FAR_2, odd_far, f));
        }
        4 => {
            let [c, d] = [values[N - 2], values[N - 1]];
            sums[0] = simd.add_f32s(simd.add_f32s(a, b), c);
            sums[1] = simd.sub_f32s(simd.sub_f32s(b, c), d);
        }
        _ => sums[1] = b,
    }
    sums
}
