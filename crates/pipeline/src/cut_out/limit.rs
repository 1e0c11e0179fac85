//! A photo that is transparent itself: a cut-out of it is nowhere more opaque.

use image::{GrayImage, Rgba};
use portrait_segmentation::CutOut;

/// Limits the alpha of a cut-out by that of the photo, which is as large as the photo. What becomes
/// invisible has no colour.
pub(super) fn limit(cut_out: &mut CutOut, photo: &GrayImage) {
    let (left, top) = (cut_out.rect.x, cut_out.rect.y);
    for (x, y, pixel) in cut_out.image.enumerate_pixels_mut() {
        let most = photo.get_pixel_checked(left + x, top + y).map_or(255, |alpha| alpha.0[0]);
        if pixel.0[3] <= most {
            continue;
        }
        *pixel =
            if most == 0 { Rgba([0; 4]) } else { Rgba([pixel.0[0], pixel.0[1], pixel.0[2], most]) };
        if let Some(alpha) = cut_out.matte.get_pixel_mut_checked(x, y) {
            alpha.0[0] = f32::from(most) / 255.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::math::Rect;
    use image::{Luma, RgbaImage};
    use portrait_segmentation::Matte;

    #[test]
    fn alpha_is_the_smaller_of_both() {
        let mut cut_out = CutOut {
            image: RgbaImage::from_pixel(2, 1, Rgba([9, 9, 9, 200])),
            matte: Matte::from_pixel(2, 1, Luma([200.0 / 255.0])),
            rect: Rect { x: 1, y: 0, width: 2, height: 1 },
        };
        let photo = GrayImage::from_fn(3, 1, |x, _| Luma([[0, 0, 255][x as usize]]));
        limit(&mut cut_out, &photo);
        assert_eq!(cut_out.image.as_raw()[..], [0, 0, 0, 0, 9, 9, 9, 200]);
        assert_eq!(cut_out.matte.get_pixel(0, 0).0, [0.0]);
        assert!(cut_out.matte.get_pixel(1, 0).0[0] > 0.7);
    }
}
