//! Small pictures of persons.

use image::{RgbImage, imageops};
use portrait_detection::BoundingBox;

/// The part of a photo in a person's box, at most `side` pixels on its longer side.
pub(crate) fn thumbnail(photo: &RgbImage, bbox: BoundingBox, side: u32) -> RgbImage {
    let (width, height) = photo.dimensions();
    let inside = |value: f32, end: u32| (value.max(0.0) as u32).min(end.saturating_sub(1));
    let (x, y) = (inside(bbox.x1, width), inside(bbox.y1, height));
    let wide = (bbox.x2.ceil().max(0.0) as u32).min(width).saturating_sub(x).max(1);
    let high = (bbox.y2.ceil().max(0.0) as u32).min(height).saturating_sub(y).max(1);
    let part = imageops::crop_imm(photo, x, y, wide, high);
    let scale = (f64::from(side) / f64::from(wide.max(high))).min(1.0);
    let scaled = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    imageops::resize(&*part, scaled(wide), scaled(high), imageops::FilterType::Triangle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbnails_are_small_and_lie_within_the_photo() {
        let photo = RgbImage::from_fn(400, 300, |x, _| image::Rgb([(x / 2) as u8, 0, 0]));
        let bbox = BoundingBox { x1: 100.0, y1: -5.0, x2: 200.0, y2: 400.0 };
        let small = thumbnail(&photo, bbox, 150);
        assert_eq!(small.dimensions(), (50, 150));
        assert!(small.get_pixel(0, 0).0[0].abs_diff(50) < 3);
        let outside = BoundingBox { x1: 900.0, y1: 900.0, x2: 950.0, y2: 950.0 };
        assert_eq!(thumbnail(&photo, outside, 150).dimensions(), (1, 1));
    }
}
