//! The pixels that some squares see.

use crate::operations::conv::patches::{Corner, Geometry};

/// Which pixels some squares see.
pub(super) struct Pixels<'a> {
    pub(super) corners: &'a [Corner],
    pub(super) geometry: &'a Geometry,
    pub(super) zeros: &'a [f32],
    /// The first line that is written.
    pub(super) first: usize,
}
