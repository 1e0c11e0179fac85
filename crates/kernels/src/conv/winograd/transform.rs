//! The transformations before and after the products.

use super::Pixels;
use crate::conv::patches::Source;
use crate::matmul::Epilogue;
use crate::vectors::{read, unrolled, write};
use pulp::{Simd, WithSimd};

/// Writes `G · g · Gᵀ` of the taps `g` of a piece, computed in binary64, row by row. Along an axis of
/// three taps the rows of `G` are 1 0 0, ½ ½ ½, ½ −½ ½, 0 0 1; a single tap stands for two values.
pub(super) fn of_weight(
    [height, width]: [usize; 2],
    tap: impl Fn(usize, usize) -> f32,
    to: &mut [f32],
) {
    let spread = |taps: usize, [a, b, c]: [f64; 3]| match taps {
        3 => [a, (a + b + c) / 2.0, (a - b + c) / 2.0, c],
        _ => [a, a, 0.0, 0.0],
    };
    let mut rows = [[0.0; 4]; 3];
    for (y, row) in rows.iter_mut().enumerate().take(height) {
        let mut taps = [0.0; 3];
        for (x, value) in taps.iter_mut().enumerate().take(width) {
            *value = f64::from(tap(y, x));
        }
        *row = spread(width, taps);
    }
    for x in 0..width + 1 {
        let column = spread(height, [rows[0][x], rows[1][x], rows[2][x]]);
        for (y, value) in column.into_iter().enumerate().take(height + 1) {
            to[y * (width + 1) + x] = value as f32;
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
                unrolled!(y < H <= 4, {
                    unrolled!(x < W <= 4, {
                        rows[y][x] = read(simd, &seen[y][x][from..until]);
                    });
                    rows[y] = differences(simd, rows[y]);
                });
                unrolled!(x < W <= 4, {
                    let mut column = [simd.splat_f32s(0.0); H];
                    unrolled!(y < H <= 4, {
                        column[y] = rows[y][x];
                    });
                    column = differences(simd, column);
                    unrolled!(y < H <= 4, {
                        let at = (W * y + x) * distance + begin + from;
                        let value = without_traces(simd, column[y]);
                        write(simd, &mut to[at..at + (until - from)], value);
                    });
                });
            }
        }
    }
}

/// `Bᵀ · d`: d₀ − d₂, d₁ + d₂, d₂ − d₁, d₁ − d₃ of four; two stay as they are.
#[inline(always)]
fn differences<S: Simd, const N: usize>(simd: S, mut values: [S::f32s; N]) -> [S::f32s; N] {
    if N == 4 {
        let [a, b, c, d] = [values[0], values[1], values[N - 2], values[N - 1]];
        values[0] = simd.sub_f32s(a, c);
        values[1] = simd.add_f32s(b, c);
        values[N - 2] = simd.sub_f32s(c, b);
        values[N - 1] = simd.sub_f32s(b, d);
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
            [4, 4] => self.run::<S, 4, 4>(simd),
            [4, _] => self.run::<S, 4, 2>(simd),
            [_, 4] => self.run::<S, 2, 4>(simd),
            _ => self.run::<S, 2, 2>(simd),
        }
    }
}

impl FromProducts<'_> {
    #[inline(always)]
    fn run<S: Simd, const H: usize, const W: usize>(self, simd: S) {
        let Self { products, pixels, bias, stage, to, .. } = self;
        let Pixels { corners, geometry, first, .. } = *pixels;
        let (channels, [height, width]) = (bias.len(), geometry.out);
        let distance = corners.len() * channels;
        for (square, &corner) in corners.iter().enumerate() {
            for from in (0..channels).step_by(S::F32_LANES) {
                let until = (from + S::F32_LANES).min(channels);
                let at = square * channels + from;
                let mut columns = [[simd.splat_f32s(0.0); 2]; W];
                unrolled!(x < W <= 4, {
                    let mut column = [simd.splat_f32s(0.0); H];
                    unrolled!(y < H <= 4, {
                        let at = (W * y + x) * distance + at;
                        column[y] = read(simd, &products[at..at + (until - from)]);
                    });
                    columns[x] = sums(simd, column);
                });
                let bias = read(simd, &bias[from..until]);
                let mut outputs = [simd.splat_f32s(0.0); 4];
                unrolled!(down < 2 <= 4, {
                    let mut row = [simd.splat_f32s(0.0); W];
                    unrolled!(x < W <= 4, {
                        row[x] = columns[x][down];
                    });
                    [outputs[2 * down], outputs[2 * down + 1]] = sums(simd, row);
                });
                for (index, mut value) in outputs.into_iter().enumerate() {
                    let (y, x) = (corner.y + index / 2, corner.x + index % 2);
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

/// `Aᵀ · m`: m₀ + m₁ + m₂, m₁ − m₂ − m₃ of four; two stay as they are.
#[inline(always)]
fn sums<S: Simd, const N: usize>(simd: S, values: [S::f32s; N]) -> [S::f32s; 2] {
    let [a, b] = [values[0], values[1]];
    if N == 4 {
        let [c, d] = [values[N - 2], values[N - 1]];
        return [simd.add_f32s(simd.add_f32s(a, b), c), simd.sub_f32s(simd.sub_f32s(b, c), d)];
    }
    [a, b]
}
