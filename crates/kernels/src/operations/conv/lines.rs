//! Convolutions of few channels: the taps of a line as one piece.

#![allow(unsafe_code)]

use super::patches::{Corner, Geometry, MOST_ROWS, Source};
use crate::cpu::matmul::{Operand, Scratch};
use std::ops::Range;

/// As [`Patches`](super::patches::Patches), of one map whose pixels lie one after the other: what a
/// line of taps reads lies together, one piece instead of several short ones. Only what reaches
/// over the edge of the image is copied, with the zeros outside.
pub(super) struct Lines<'a> {
    geometry: &'a Geometry,
    source: Source<'a>,
    /// Values of a line of taps.
    parts: [usize; 1],
    zeros: &'a [f32],
}

impl<'a> Lines<'a> {
    /// `None` if the pixels of a line do not lie together, or the taps are not next to each other.
    ///
    /// # Panics
    /// If the source has more channels than there are zeros.
    pub(super) fn new(
        geometry: &'a Geometry,
        source: Source<'a>,
        zeros: &'a [f32],
    ) -> Option<Self> {
        let channels = source.view.width();
        assert!(channels <= zeros.len(), "zeros for all channels");
        let together = source.shift == 0 && source.view.stride() == channels;
        (together && geometry.is_dense()).then(|| {
            let [_, kernel_w] = geometry.kernel();
            Self { geometry, source, parts: [kernel_w * channels], zeros }
        })
    }
}

// SAFETY: pointers are those of slices as long as a line of taps: of the map, or of the scratch
// where `prepare` wrote the same rows.
unsafe impl Operand for Lines<'_> {
    fn rows(&self) -> usize {
        self.geometry.rows()
    }

    fn taps(&self) -> usize {
        self.geometry.kernel()[0]
    }

    fn parts(&self) -> &[usize] {
        &self.parts
    }

    fn prepared(&self) -> usize {
        self.width()
    }

    fn prepare(&self, rows: Range<usize>, scratch: &mut Scratch) {
        let (width, channels) = (self.width(), self.source.view.width());
        let to = scratch.values(rows.len() * width);
        let mut corners = vec![Corner::default(); rows.len()];
        let corners = self.geometry.corners_of_tile(&rows, &mut corners);
        for (&corner, to) in corners.iter().zip(to.chunks_exact_mut(width)) {
            if !self.geometry.is_inside(corner) {
                let pieces = self.geometry.kernel_taps().zip(to.chunks_exact_mut(channels));
                for (tap, to) in pieces {
                    to.copy_from_slice(self.source.piece(self.geometry, corner, tap, self.zeros));
                }
            }
        }
    }

    fn locate(
        &self,
        rows: Range<usize>,
        count: usize,
        first: usize,
        scratch: &Scratch,
        pointers: &mut Vec<*const f32>,
    ) {
        let (width, [line]) = (self.width(), self.parts);
        // Called for each tile: no allocation.
        let mut corners = [Corner::default(); MOST_ROWS];
        let corners = self.geometry.corners_of_tile(&rows, &mut corners[..count]);
        let values = self.source.view.values();
        for tap in 0..self.taps() {
            pointers.extend(corners.iter().enumerate().map(|(r, &corner)| {
                let inside = self.geometry.is_inside(corner);
                match self.geometry.pixel(corner, [tap, 0], 0).filter(|_| inside) {
                    Some(pixel) => values[pixel * self.source.view.stride()..][..line].as_ptr(),
                    None => {
                        let row = (rows.start + r).min(rows.end - 1) - first;
                        scratch.as_slice()[row * width + tap * line..][..line].as_ptr()
                    }
                }
            }));
        }
    }
}
