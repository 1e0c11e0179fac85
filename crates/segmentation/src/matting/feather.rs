//! A softer edge, on request.

use super::box_filter::box_filter;
use super::matte::Matte;

/// Softens the edge over `radius` pixels to each side.
///
/// Two box filters whose windows together reach exactly `radius` pixels: a pixel further than that
/// from any change of alpha keeps its value to the bit, so the body stays opaque and the distant
/// background stays clear. A radius of 0 changes nothing.
pub fn feather(matte: &mut Matte, radius: u32) {
    let Some([first, second]) = windows(radius) else { return };
    let width = matte.width() as usize;
    for size in [first, second] {
        box_filter(matte, width, size);
    }
    matte.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
}

/// The windows of the two filters; `None` where there is nothing to soften.
pub(crate) fn windows(radius: u32) -> Option<[usize; 2]> {
    let size = |reach: u32| 2 * reach as usize + 1;
    (radius > 0).then(|| [size(radius.div_ceil(2)), size(radius / 2)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    #[test]
    fn only_a_band_of_the_radius_changes() {
        let step = Matte::from_fn(64, 8, |x, _| Luma([if x < 32 { 1.0 } else { 0.0 }]));
        for radius in [1, 2, 5, 8] {
            let mut soft = step.clone();
            feather(&mut soft, radius);
            for (x, y, pixel) in soft.enumerate_pixels() {
                let (before, after) = (step.get_pixel(x, y).0[0], pixel.0[0]);
                if x + radius < 32 || x >= 32 + radius {
                    assert_eq!(after, before, "{x} at radius {radius}");
                }
            }
            let row: Vec<f32> = (0..64).map(|x| soft.get_pixel(x, 4).0[0]).collect();
            assert!(row.windows(2).all(|pair| pair[0] >= pair[1]), "falls steadily");
            let (inside, outside) = (row[31], row[32]);
            assert!(inside < 1.0 && outside > 0.0 && (inside + outside - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn zero_changes_nothing() {
        let before = Matte::from_fn(9, 9, |x, y| Luma([(x * y) as f32 / 64.0]));
        let mut after = before.clone();
        feather(&mut after, 0);
        assert_eq!(after, before);
    }
}
