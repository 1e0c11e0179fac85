//! IoU of the bands along the edges.

use crate::MattePair;
use crate::matte::{foreground, mask_iou};

/// Width of the band, as a part of the picture's diagonal.
const BAND: f64 = 0.02;

/// Intersection over union of the bands inside the two foregrounds' edges, from 0 to 1; 1 when
/// neither has an edge.
///
/// The boundary IoU of Cheng et al., "Boundary IoU: Improving Object-Centric Image Segmentation
/// Evaluation", CVPR 2021, as the project's training program computes it: the band is 2 % of the
/// picture's diagonal wide (rounded, at least one pixel), distance is the larger one of those along
/// rows and along columns, and the edge of the picture is no edge of the foreground. The paper's
/// code counts it as one.
#[must_use]
pub fn boundary_iou(pair: &MattePair<'_>) -> f64 {
    let (width, height) = (pair.width(), pair.height());
    let diagonal = (width as f64).hypot(height as f64);
    let radius = (BAND * diagonal).round_ties_even().max(1.0) as usize;
    let band_of = |values| band(foreground(values), width, height, radius);
    mask_iou(&band_of(pair.matte()), &band_of(pair.truth()))
}

/// What an erosion by a square of 2 * `radius` + 1 pixels takes away.
fn band(mut mask: Vec<bool>, width: usize, height: usize, radius: usize) -> Vec<bool> {
    let along_rows = erode_lines(&mask, (0..height).map(|y| y * width), 1, width, radius);
    let eroded = erode_lines(&along_rows, 0..width, width, height, radius);
    for (pixel, kept) in mask.iter_mut().zip(eroded) {
        *pixel &= !kept;
    }
    mask
}

/// Erodes each line of `length` pixels that lie `step` apart; outside the picture all is
/// foreground.
fn erode_lines(
    mask: &[bool],
    starts: impl Iterator<Item = usize>,
    step: usize,
    length: usize,
    radius: usize,
) -> Vec<bool> {
    let mut eroded = mask.to_vec();
    for start in starts {
        for backwards in [false, true] {
            // How many pixels in a row were foreground, up to this one.
            let mut run = radius;
            for i in 0..length {
                let i = if backwards { length - 1 - i } else { i };
                let at = start + i * step;
                run = if mask[at] { run + 1 } else { 0 };
                eroded[at] &= run > radius;
            }
        }
    }
    eroded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_is_what_a_square_erosion_takes_away() {
        let (width, height) = (13, 9);
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        for radius in [1, 2, 20] {
            for one_in in [2, 9, 40] {
                let mask: Vec<bool> = (0..width * height).map(|_| next() % one_in != 0).collect();
                let near = |a: usize, b: usize| a.abs_diff(b) <= radius;
                let expected: Vec<bool> = (0..width * height)
                    .map(|at| {
                        let (x, y) = (at % width, at / width);
                        let edge = (0..width * height)
                            .any(|k| !mask[k] && near(k % width, x) && near(k / width, y));
                        mask[at] && edge
                    })
                    .collect();
                assert_eq!(band(mask, width, height, radius), expected);
            }
        }
    }
}
