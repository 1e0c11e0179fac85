//! The box of a mask.

use crate::{BoundingBox, FOREGROUND, Result, matte};

/// The smallest box around the foreground (pixels of at least [`FOREGROUND`]) of a mask, or `None`
/// when it has none.
///
/// `mask` holds `width` times `height` values in 0..=1, row by row.
///
/// # Errors
///
/// Those of [`MattePair::new`](crate::MattePair::new).
pub fn mask_bounding_box(mask: &[f32], width: usize, height: usize) -> Result<Option<BoundingBox>> {
    matte::check("mask", mask, width, height)?;
    let (mut x1, mut y1, mut x2, mut y2) = (width, height, 0, 0);
    for (y, row) in mask.chunks_exact(width).enumerate() {
        let is_foreground = |&value: &f32| value >= FOREGROUND;
        let Some(first) = row.iter().position(is_foreground) else { continue };
        let last = row.iter().rposition(is_foreground).unwrap_or(first);
        (x1, x2) = (x1.min(first), x2.max(last + 1));
        (y1, y2) = (y1.min(y), y + 1);
    }
    let found = x2 > 0;
    let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(|edge| edge as f32);
    Ok(found.then_some(BoundingBox { x1, y1, x2, y2 }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn the_box_of_a_mask_ends_at_the_edges_of_its_pixels() {
        let mut mask = [0.0; 5 * 4];
        assert_eq!(mask_bounding_box(&mask, 5, 4), Ok(None));
        mask[5 + 3] = 0.5;
        let one = BoundingBox { x1: 3.0, y1: 1.0, x2: 4.0, y2: 2.0 };
        assert_eq!(mask_bounding_box(&mask, 5, 4), Ok(Some(one)));
        mask[15 + 1] = 1.0;
        mask[0] = 0.4999;
        let both = BoundingBox { x1: 1.0, y1: 1.0, x2: 4.0, y2: 4.0 };
        assert_eq!(mask_bounding_box(&mask, 5, 4), Ok(Some(both)));
        let all = BoundingBox { x1: 0.0, y1: 0.0, x2: 5.0, y2: 4.0 };
        assert_eq!(mask_bounding_box(&[1.0; 20], 5, 4), Ok(Some(all)));
        let error = Error::WrongLength { what: "mask", length: 20, width: 4, height: 4 };
        assert_eq!(mask_bounding_box(&mask, 4, 4), Err(error));
    }
}
