//! The values around each output position of a convolution.

#![allow(unsafe_code)]

use super::params::Conv2dParams;
use crate::cpu::matmul::{Operand, Scratch};
use crate::cpu::view::View;
use candle_core::{Result, bail};
use std::ops::Range;

/// Rows of a tile at most.
pub(super) const MOST_ROWS: usize = 32;

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

    pub(super) fn kernel(&self) -> [usize; 2] {
        self.kernel
    }

    /// Whether the taps are next to each other.
    pub(super) fn is_dense(&self) -> bool {
        self.params.dilation == 1
    }

    /// Whether all that a position sees lies inside the image; the taps are next to each other.
    pub(super) fn is_inside(&self, corner: Corner) -> bool {
        let inside = |at: usize, axis: usize| {
            let end = at + self.kernel[axis];
            at >= self.params.padding && end <= self.input[axis] + self.params.padding
        };
        inside(corner.y, 0) && inside(corner.x, 1)
    }

    /// Whether each output position sees the input pixel at its place alone.
    pub(super) fn is_pointwise(&self) -> bool {
        self.params.is_pointwise(self.kernel)
    }

    /// The corners of what consecutive positions see; behind `last` that of `last` again.
    fn corners(&self, first: usize, last: usize, corners: &mut [Corner]) {
        let [out_h, out_w] = self.out;
        let Conv2dParams { stride, .. } = self.params;
        let (image, position) = (first / (out_h * out_w), first % (out_h * out_w));
        let (row, mut column) = (position / out_w, position % out_w);
        let mut corner = Corner { image, y: row * stride, x: column * stride };
        let mut position = first;
        for place in corners {
            *place = corner;
            if position == last {
                continue;
            }
            position += 1;
            column += 1;
            corner.x += stride;
            if column == out_w {
                (column, corner.x) = (0, 0);
                corner.y += stride;
                if corner.y == out_h * stride {
                    corner.y = 0;
                    corner.image += 1;
                }
            }
        }
    }

    /// The corners of a tile's rows from `rows.start` on; what would lie behind the last row is
    /// that row again.
    pub(super) fn corners_of_tile<'a>(
        &self,
        rows: &Range<usize>,
        corners: &'a mut [Corner],
    ) -> &'a [Corner] {
        self.corners(rows.start, rows.end - 1, corners);
        corners
    }

    /// The pixel that a tap reads of maps that are doubled `shift` times; `None` outside the image.
    pub(super) fn pixel(
        &self,
        corner: Corner,
        [tap_y, tap_x]: [usize; 2],
        shift: u32,
    ) -> Option<usize> {
        let Conv2dParams { dilation, padding, .. } = self.params;
        let [height, width] = self.input;
        // Below 0 becomes huge.
        let y = (corner.y + tap_y * dilation).wrapping_sub(padding);
        let x = (corner.x + tap_x * dilation).wrapping_sub(padding);
        (y < height && x < width).then(|| {
            let row = corner.image * (height >> shift) + (y >> shift);
            row * (width >> shift) + (x >> shift)
        })
    }

    pub(super) fn kernel_taps(&self) -> impl Iterator<Item = [usize; 2]> {
        let [height, width] = self.kernel;
        (0..height).flat_map(move |y| (0..width).map(move |x| [y, x]))
    }
}

/// The corner of what a position sees: image of the batch, and row and column, shifted by the
/// padding so that they are not negative.
#[derive(Clone, Copy, Default)]
pub(super) struct Corner {
    pub(super) image: usize,
    pub(super) y: usize,
    pub(super) x: usize,
}

/// Some channels of the input.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// A row for each pixel of the map.
    pub(super) view: View<'a>,
    /// How often height and width of the map are doubled.
    pub(super) shift: u32,
}

impl<'a> Source<'a> {
    /// What a tap reads: the channels of a pixel, or zeros outside the image.
    pub(super) fn piece(
        &self,
        geometry: &Geometry,
        corner: Corner,
        tap: [usize; 2],
        zeros: &'a [f32],
    ) -> &'a [f32] {
        match geometry.pixel(corner, tap, self.shift) {
            Some(pixel) => self.view.row(pixel),
            None => &zeros[..self.view.width()],
        }
    }
}

/// Channels-last images as the left operand of a product: a row for each output position, a piece
/// for each tap and source.
pub(super) struct Patches<'a> {
    geometry: &'a Geometry,
    sources: Vec<Source<'a>>,
    /// Channels of each source.
    parts: Vec<usize>,
    /// What lies outside, as long as the longest part.
    zeros: &'a [f32],
}

impl<'a> Patches<'a> {
    /// # Panics
    /// If a source has more channels than there are zeros.
    pub(super) fn new(geometry: &'a Geometry, sources: Vec<Source<'a>>, zeros: &'a [f32]) -> Self {
        let parts: Vec<_> = sources.iter().map(|source| source.view.width()).collect();
        assert!(parts.iter().all(|&part| part <= zeros.len()), "zeros for all channels");
        Self { geometry, sources, parts, zeros }
    }
}

// SAFETY: every pointer is the beginning of a slice of as many values as its source has channels.
unsafe impl Operand for Patches<'_> {
    fn rows(&self) -> usize {
        self.geometry.rows()
    }

    fn taps(&self) -> usize {
        self.geometry.taps()
    }

    fn parts(&self) -> &[usize] {
        &self.parts
    }

    fn locate(
        &self,
        rows: Range<usize>,
        count: usize,
        _: usize,
        _: &Scratch,
        pointers: &mut Vec<*const f32>,
    ) {
        let mut corners = [Corner::default(); MOST_ROWS];
        let corners = self.geometry.corners_of_tile(&rows, &mut corners[..count]);
        for tap in self.geometry.kernel_taps() {
            for source in &self.sources {
                let piece = |&corner: &Corner| {
                    source.piece(self.geometry, corner, tap, self.zeros).as_ptr()
                };
                pointers.extend(corners.iter().map(piece));
            }
        }
    }
}

/// As [`Patches`], copied side by side first.
pub(super) struct Gathered<'a> {
    patches: Patches<'a>,
    width: usize,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(patches: Patches<'a>) -> Self {
        Self { width: patches.width(), patches }
    }
}

// SAFETY: rows are located as by default, where the slice checks that they lie in the scratch.
unsafe impl Operand for Gathered<'_> {
    fn rows(&self) -> usize {
        self.patches.rows()
    }

    fn parts(&self) -> &[usize] {
        std::slice::from_ref(&self.width)
    }

    fn prepared(&self) -> usize {
        self.width
    }

    fn prepare(&self, rows: Range<usize>, scratch: &mut Scratch) {
        let Patches { geometry, sources, zeros, .. } = &self.patches;
        let mut corners = vec![Corner::default(); rows.len()];
        geometry.corners(rows.start, rows.end, &mut corners);
        let mut to = scratch.values(rows.len() * self.width);
        for corner in corners {
            for tap in geometry.kernel_taps() {
                for source in sources {
                    let piece;
                    (piece, to) = to.split_at_mut(source.view.width());
                    // A loop, since a copy of a few values is no call.
                    let values = source.piece(geometry, corner, tap, zeros);
                    piece.iter_mut().zip(values).for_each(|(to, value)| *to = *value);
                }
            }
        }
    }
}
