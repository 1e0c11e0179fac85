//! Boxes and their overlap.

use std::fmt;

use serde::Serialize;

/// A box in a picture, in pixels from its top left corner.
///
/// Coordinates are those of edges, not of pixels' centres: the picture's first pixel is the box
/// from (0, 0) to (1, 1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BoundingBox {
    /// Left edge.
    pub x1: f32,
    /// Upper edge.
    pub y1: f32,
    /// Right edge, not less than the left one.
    pub x2: f32,
    /// Lower edge, not less than the upper one.
    pub y2: f32,
}

impl fmt::Display for BoundingBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {}) and ({}, {})", self.x1, self.y1, self.x2, self.y2)
    }
}

impl BoundingBox {
    /// Intersection over union with another box, from 0 to 1; 0 when neither has an area.
    #[must_use]
    pub fn iou(&self, other: &Self) -> f64 {
        let side = |low: f32, high: f32| (f64::from(high) - f64::from(low)).max(0.0);
        let area = |b: &Self| side(b.x1, b.x2) * side(b.y1, b.y2);
        let both = side(self.x1.max(other.x1), self.x2.min(other.x2))
            * side(self.y1.max(other.y1), self.y2.min(other.y2));
        let either = area(self) + area(other) - both;
        if either > 0.0 { both / either } else { 0.0 }
    }

    /// Whether the corners are numbers and in order.
    pub(crate) fn is_valid(&self) -> bool {
        [self.x1, self.y1, self.x2, self.y2].iter().all(|edge| edge.is_finite())
            && self.x1 <= self.x2
            && self.y1 <= self.y2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_of_boxes() {
        let a = BoundingBox { x1: 0.0, y1: 0.0, x2: 4.0, y2: 2.0 };
        let iou_with = |x1, y1, x2, y2| {
            let b = BoundingBox { x1, y1, x2, y2 };
            assert_eq!(a.iou(&b), b.iou(&a));
            a.iou(&b)
        };
        assert_eq!(iou_with(0.0, 0.0, 4.0, 2.0), 1.0);
        assert_eq!(iou_with(2.0, 0.0, 6.0, 2.0), 1.0 / 3.0);
        assert_eq!(iou_with(1.0, 0.5, 3.0, 1.5), 0.25);
        assert_eq!(iou_with(4.0, 0.0, 6.0, 2.0), 0.0);
        assert_eq!(iou_with(5.0, 3.0, 6.0, 4.0), 0.0);
        assert_eq!(iou_with(1.0, 1.0, 1.0, 1.0), 0.0);
        let point = BoundingBox { x1: 1.0, y1: 1.0, x2: 1.0, y2: 1.0 };
        assert_eq!(point.iou(&point), 0.0);
    }
}
