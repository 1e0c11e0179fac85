//! A matte beside its truth, and the metrics that look at each pixel alone.

use crate::{Error, Result};

/// From this value on a pixel is foreground.
pub const FOREGROUND: f32 = 0.5;

/// A predicted matte and the true one, of the same picture.
///
/// Both hold one `f32` for each pixel, row by row from the top left: 0 is background, 1 is
/// foreground. This is a view, cheap to copy; what [`new`](Self::new) checked holds for its
/// lifetime.
#[derive(Debug, Clone, Copy)]
pub struct MattePair<'a> {
    matte: &'a [f32],
    truth: &'a [f32],
    width: usize,
    height: usize,
}

impl<'a> MattePair<'a> {
    /// Puts a matte beside its truth, both of `width` times `height` values.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSize`] when there are no pixels, [`Error::WrongLength`] when a buffer does
    /// not have that many values, [`Error::InvalidValue`] when one of them is not finite or not in
    /// 0..=1.
    pub fn new(
        matte: &'a [f32],
        truth: &'a [f32],
        width: usize,
        height: usize,
    ) -> Result<MattePair<'a>> {
        check("matte", matte, width, height)?;
        check("truth", truth, width, height)?;
        Ok(MattePair { matte, truth, width, height })
    }

    /// The predicted matte.
    #[must_use]
    pub fn matte(&self) -> &'a [f32] {
        self.matte
    }

    /// The true matte.
    #[must_use]
    pub fn truth(&self) -> &'a [f32] {
        self.truth
    }

    /// Width in pixels, at least 1.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels, at least 1.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }
}

/// Checks that `values` are those of a mask of `width` x `height` pixels.
pub(crate) fn check(what: &'static str, values: &[f32], width: usize, height: usize) -> Result<()> {
    match width.checked_mul(height) {
        None | Some(0) => return Err(Error::InvalidSize { width, height }),
        Some(pixels) if pixels != values.len() => {
            return Err(Error::WrongLength { what, length: values.len(), width, height });
        }
        Some(_) => {}
    }
    // No number is not in the range either.
    match values.iter().position(|value| !(0.0..=1.0).contains(value)) {
        Some(at) => {
            Err(Error::InvalidValue { what, x: at % width, y: at / width, value: values[at] })
        }
        None => Ok(()),
    }
}

/// Whether each pixel is foreground.
pub(crate) fn foreground(values: &[f32]) -> Vec<bool> {
    values.iter().map(|&value| value >= FOREGROUND).collect()
}

/// Intersection over union of two masks; 1 when both are empty.
pub(crate) fn mask_iou(a: &[bool], b: &[bool]) -> f64 {
    let (mut both, mut either) = (0_usize, 0_usize);
    for (&a, &b) in a.iter().zip(b) {
        both += usize::from(a && b);
        either += usize::from(a || b);
    }
    if either == 0 { 1.0 } else { both as f64 / either as f64 }
}

/// Intersection over union of the two foregrounds, from 0 to 1; 1 when both are empty.
#[must_use]
pub fn iou(pair: &MattePair<'_>) -> f64 {
    mask_iou(&foreground(pair.matte), &foreground(pair.truth))
}

/// Mean over the pixels of the absolute difference between matte and truth, from 0 (best) to 1.
///
/// A soft truth counts as it is.
#[must_use]
pub fn mean_absolute_error(pair: &MattePair<'_>) -> f64 {
    let pixels = pair.matte.iter().zip(pair.truth);
    let total: f64 = pixels.map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs()).sum();
    total / pair.matte.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_pair_of_mattes() {
        let new = |matte: &[f32], truth: &[f32], width, height| {
            MattePair::new(matte, truth, width, height).map(|_| ()).unwrap_err()
        };
        assert_eq!(new(&[], &[], 0, 3), Error::InvalidSize { width: 0, height: 3 });
        assert_eq!(new(&[], &[], 3, 0), Error::InvalidSize { width: 3, height: 0 });
        let size = Error::InvalidSize { width: usize::MAX, height: 2 };
        assert_eq!(new(&[0.0; 4], &[0.0; 4], usize::MAX, 2), size);
        let length = |what, length| Error::WrongLength { what, length, width: 2, height: 2 };
        assert_eq!(new(&[0.0; 3], &[0.0; 4], 2, 2), length("matte", 3));
        assert_eq!(new(&[0.0; 4], &[0.0; 5], 2, 2), length("truth", 5));
        let value = |what, value| Error::InvalidValue { what, x: 1, y: 0, value };
        assert_eq!(new(&[0.0, 1.01], &[0.0; 2], 2, 1), value("matte", 1.01));
        assert_eq!(new(&[0.0; 2], &[0.0, -0.1], 2, 1), value("truth", -0.1));
        assert_eq!(new(&[0.0; 2], &[0.0, f32::INFINITY], 2, 1), value("truth", f32::INFINITY));
        let nan = new(&[0.0, 0.0, 0.0, f32::NAN], &[0.0; 4], 2, 2).to_string();
        assert!(nan.starts_with("the matte is NaN at column 1, row 1;"), "{nan}");
    }

    #[test]
    fn one_half_is_foreground() {
        let iou_of = |matte: &[f32], truth: &[f32]| {
            iou(&MattePair::new(matte, truth, matte.len(), 1).unwrap())
        };
        assert_eq!(iou_of(&[0.5, 0.499, 1.0, 0.0], &[1.0, 1.0, 0.5, 0.0]), 2.0 / 3.0);
        assert_eq!(iou_of(&[0.0, 0.4], &[0.3, 0.0]), 1.0);
        assert_eq!(iou_of(&[0.0, 0.6], &[0.3, 0.0]), 0.0);
    }
}
