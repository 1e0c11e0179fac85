//! Boxes and detections.

use serde::{Deserialize, Serialize};

/// An upright rectangle in pixels; pixel `n` spans the coordinates from `n` to `n + 1`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundingBox {
    /// Left edge.
    pub x1: f32,
    /// Top edge.
    pub y1: f32,
    /// Right edge.
    pub x2: f32,
    /// Bottom edge.
    pub y2: f32,
}

impl BoundingBox {
    /// The width in pixels.
    pub fn width(&self) -> f32 {
        self.x2 - self.x1
    }

    /// The height in pixels.
    pub fn height(&self) -> f32 {
        self.y2 - self.y1
    }

    /// The area in square pixels.
    pub fn area(&self) -> f32 {
        self.width() * self.height()
    }

    /// Intersection over union, from 0 to 1, as `torchvision.ops.box_iou`; no number for two boxes
    /// without area.
    pub fn iou(&self, other: &Self) -> f32 {
        let width = (self.x2.min(other.x2) - self.x1.max(other.x1)).max(0.0);
        let height = (self.y2.min(other.y2) - self.y1.max(other.y1)).max(0.0);
        let intersection = width * height;
        intersection / (self.area() + other.area() - intersection)
    }
}

/// A person, or another object, found in a photo.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detection {
    /// Counts the detections of one photo from 0, the most confident first.
    pub person_id: usize,
    /// Where, in pixels of the photo and within it.
    pub bbox: BoundingBox,
    /// How sure the network is, from 0 to 1.
    pub confidence: f32,
    /// The class of the object; 0 is a person.
    pub class: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn square(x: f32, y: f32, side: f32) -> BoundingBox {
        BoundingBox { x1: x, y1: y, x2: x + side, y2: y + side }
    }

    #[test]
    fn iou_has_no_extra_pixel() {
        let a = square(0.0, 0.0, 2.0);
        assert_eq!(a.iou(&a), 1.0);
        assert_eq!(a.iou(&square(1.0, 0.0, 2.0)), 2.0 / 6.0);
        assert_eq!(a.iou(&square(2.0, 0.0, 2.0)), 0.0);
        assert_eq!(a.iou(&square(-9.0, 7.0, 2.0)), 0.0);
        assert!(square(1.0, 1.0, 0.0).iou(&square(1.0, 1.0, 0.0)).is_nan());
    }

    #[test]
    fn json_names_the_edges() {
        let detection = Detection {
            person_id: 1,
            bbox: BoundingBox { x1: 0.5, y1: 1.0, x2: 2.0, y2: 4.0 },
            confidence: 0.75,
            class: 0,
        };
        let text = serde_json::to_string(&detection).unwrap();
        assert_eq!(
            text,
            r#"{"person_id":1,"bbox":{"x1":0.5,"y1":1.0,"x2":2.0,"y2":4.0},"confidence":0.75,"class":0}"#
        );
        assert_eq!(serde_json::from_str::<Detection>(&text).unwrap(), detection);
    }
}
