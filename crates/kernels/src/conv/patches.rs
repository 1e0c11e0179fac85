//! The values around each output position of a convolution.

#![allow(unsafe_code)]

use super::Conv2dParams;
use crate::matmul::{Operand, Scratch};
use candle_core::{Result, bail};
use std::ops::Range;

/// Sizes of a convolution's input and output.
pub(super) struct Geometry {
    batch: usize,
    input: [usize; 2],
    kernel: [usize; 2],
    pub(super) out: [usize; 2],
    params: Conv2dParams,
}

impl Geometry {
    pub(super) fn new(
        batch: usize,
        input: [usize; 2],
        kernel: [usize; 2],
        params: Conv2dParams,
    ) -> Result<Self> {
        let mut out = [0; 2];
        for axis in 0..2 {
            let reach = params.dilation * (kernel[axis] - 1) + 1;
            let padded = input[axis] + 2 * params.padding;
            if padded < reach {
                bail!("conv2d: an image of {input:?} is smaller than the kernel {kernel:?}");
            }
            out[axis] = (padded - reach) / params.stride + 1;
        }
        Ok(Self { batch, input, kernel, out, params })
    }

    /// Output positions of the whole batch.
    pub(super) fn rows(&self) -> usize {
        self.batch * self.out[0] * self.out[1]
    }

    pub(super) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Whether each output position sees the input pixel at its place alone.
    pub(super) fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.params.stride == 1 && self.params.padding == 0
    }

    /// The corner of what a position sees: the image's first pixel, and row and column, shifted by
    /// the padding so that they are not negative.
    fn corner(&self, row: usize) -> Corner {
        let [out_h, out_w] = self.out;
        let (image, position) = (row / (out_h * out_w), row % (out_h * out_w));
        let Conv2dParams { stride, .. } = self.params;
        Corner {
            image: image * self.input[0] * self.input[1],
            y: position / out_w * stride,
            x: position % out_w * stride,
        }
    }

    /// The pixel that a tap reads; `None` outside the image.
    fn pixel(&self, corner: Corner, [tap_y, tap_x]: [usize; 2]) -> Option<usize> {
        let Conv2dParams { dilation, padding, .. } = self.params;
        let [height, width] = self.input;
        // Below 0 becomes huge.
        let y = (corner.y + tap_y * dilation).wrapping_sub(padding);
        let x = (corner.x + tap_x * dilation).wrapping_sub(padding);
        (y < height && x < width).then(|| corner.image + y * width + x)
    }

    fn kernel_taps(&self) -> impl Iterator<Item = [usize; 2]> {
        let [height, width] = self.kernel;
        (0..height).flat_map(move |y| (0..width).map(move |x| [y, x]))
    }
}

#[derive(Clone, Copy)]
struct Corner {
    image: usize,
    y: usize,
    x: usize,
}

/// Channels-last images as the left operand of a product: a row for each output position, a piece
/// for each tap.
pub(super) struct Patches<'a> {
    pub(super) x: &'a [f32],
    /// `inner` zeros, for what lies outside.
    pub(super) zeros: &'a [f32],
    pub(super) geometry: &'a Geometry,
    /// Channels of a pixel.
    pub(super) channels: usize,
    /// The first channel that is read, and how many.
    pub(super) first: usize,
    pub(super) inner: usize,
}

impl Patches<'_> {
    fn piece(&self, corner: Corner, tap: [usize; 2]) -> &[f32] {
        match self.geometry.pixel(corner, tap) {
            Some(pixel) => &self.x[pixel * self.channels + self.first..][..self.inner],
            None => &self.zeros[..self.inner],
        }
    }

    /// Writes the pieces of some rows side by side.
    pub(super) fn gather(&self, rows: Range<usize>, to: &mut [f32]) {
        let mut pieces = to.chunks_exact_mut(self.inner);
        for row in rows {
            let corner = self.geometry.corner(row);
            for (tap, piece) in self.geometry.kernel_taps().zip(&mut pieces) {
                piece.copy_from_slice(self.piece(corner, tap));
            }
        }
    }
}

// SAFETY: every pointer is the beginning of a slice of `inner` values.
unsafe impl Operand for Patches<'_> {
    fn rows(&self) -> usize {
        self.geometry.rows()
    }

    fn taps(&self) -> usize {
        self.geometry.taps()
    }

    fn inner(&self) -> usize {
        self.inner
    }

    fn locate(
        &self,
        rows: Range<usize>,
        count: usize,
        _: usize,
        _: &Scratch,
        pointers: &mut Vec<*const f32>,
    ) {
        let mut corners = [Corner { image: 0, y: 0, x: 0 }; 32];
        let corners = &mut corners[..count];
        for (r, corner) in corners.iter_mut().enumerate() {
            *corner = self.geometry.corner((rows.start + r).min(rows.end - 1));
        }
        for tap in self.geometry.kernel_taps() {
            pointers.extend(corners.iter().map(|&corner| self.piece(corner, tap).as_ptr()));
        }
    }
}
