//! The foreground's colours at the edge, on a card.

use super::checks::{check_part, check_window};
use super::matte::STEPS;
use super::region::Region;
use crate::cuda::{Arg, Call, Source};
use candle_core::{DType, Result, Shape, Tensor};

/// Values of a pixel that a pass averages, and one more.
const LANES: usize = 8;
/// Columns or runs of pixels that a block works on.
const AT_ONCE: usize = 32;
/// Pixels worked on at once: a pass of so many takes 64 MB, and two are there at a time.
const PIXELS: usize = 1 << 21;

/// What [`fuse_foreground`] works on, all on a card.
#[derive(Debug, Clone, Copy)]
pub struct Fusion<'a> {
    /// Bytes `(height, width, 3)`: red, green, blue.
    pub photo: &'a Tensor,
    /// Alpha `(height, width)` in `f32`, by which foreground and background are told apart.
    pub matte: &'a Tensor,
    /// The alpha of the result.
    pub shown: &'a Tensor,
    /// Sides of the windows of the first and the second pass in pixels, at least 1.
    pub windows: [usize; 2],
    /// What is wanted of it.
    pub part: Region,
}

/// The part of a photo as a cut-out, bytes `(rows, columns, 4)`: the colours of the foreground
/// alone, by two passes of blur fusion (Forte, "Approximate Fast Foreground Colour Estimation",
/// 2021), and none where alpha is 0.
///
/// # Errors
/// If the tensors do not lie on a card, differ in size, or do not have the part; for windows that
/// are too large.
pub fn fuse_foreground(fusion: Fusion<'_>) -> Result<Tensor> {
    let Fusion { photo, matte, shown, windows, part } = fusion;
    let [_, width] = check_part("fuse_foreground", photo, &[matte, shown], part)?;
    windows.into_iter().try_for_each(check_window)?;
    fusion.in_bands((PIXELS / width).max(STEPS))
}

impl Fusion<'_> {
    /// So many rows at once.
    pub(super) fn in_bands(&self, rows: usize) -> Result<Tensor> {
        let part = self.part;
        let bands = (0..part.height).step_by(rows).map(|above| {
            let height = rows.min(part.height - above);
            self.band(Region { y: part.y + above, height, ..part })
        });
        let mut bands = bands.collect::<Result<Vec<_>>>()?;
        if bands.len() == 1 { Ok(bands.swap_remove(0)) } else { Tensor::cat(&bands, 0) }
    }

    /// Some rows, few enough for the planes of a pass to stand in memory.
    fn band(&self, part: Region) -> Result<Tensor> {
        let (height, width, _) = self.photo.dims3()?;
        let [coarse, fine] = self.windows;
        // Rows of the first pass that the second one needs.
        let first = part.y.saturating_sub(fine);
        let rows = (part.y + part.height + fine).min(height) - first;
        let photo = Arg::Typed(self.photo, DType::U8);
        let tensors = [photo, Arg::In(self.matte), Arg::Out];
        let numbers = [height, width, coarse, first, rows].map(Arg::Number);
        let args = tensors.into_iter().chain(numbers);
        let sums = column_sums("photo_sums", args, [rows, width])?;
        let tensors = [Arg::In(&sums), photo, Arg::In(self.matte), Arg::Out];
        let args = tensors.into_iter().chain([width, coarse, first, rows].map(Arg::Number));
        let values = along_rows("fused_rows", args, [rows, width], LANES).run()?;
        drop(sums);
        let numbers = [height, width, fine, part.y, part.height, first].map(Arg::Number);
        let args = [Arg::In(&values), Arg::Out].into_iter().chain(numbers);
        let sums = column_sums("fused_sums", args, [part.height, width])?;
        drop(values);
        let tensors = [Arg::In(&sums), photo, Arg::In(self.matte), Arg::In(self.shown), Arg::Out];
        let numbers = [width, fine, part.y, part.height, part.x, part.width].map(Arg::Number);
        let args = tensors.into_iter().chain(numbers);
        along_rows("fused_pixels", args, [part.height, part.width], 4).run_into(DType::U8)
    }
}

/// A block for some columns and a run down them.
fn column_sums<'a>(
    kernel: &'static str,
    args: impl IntoIterator<Item = Arg<'a>>,
    [rows, width]: [usize; 2],
) -> Result<Tensor> {
    let blocks = [width.div_ceil(AT_ONCE), rows.div_ceil(STEPS)];
    let (args, output) = (args.into_iter().collect(), Shape::from((rows, width, LANES)));
    Call { source: Source::Fusion, kernel, args, blocks, output }.run()
}

/// A block for some runs of pixels along the rows.
fn along_rows<'a>(
    kernel: &'static str,
    args: impl IntoIterator<Item = Arg<'a>>,
    [rows, columns]: [usize; 2],
    channels: usize,
) -> Call<'a> {
    let blocks = [(rows * columns.div_ceil(STEPS)).div_ceil(AT_ONCE), 1];
    let (args, output) = (args.into_iter().collect(), Shape::from((rows, columns, channels)));
    Call { source: Source::Fusion, kernel, args, blocks, output }
}
