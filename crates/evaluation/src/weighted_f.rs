//! Weighted F-measure.

use crate::MattePair;
use crate::distance::nearest_foreground;
use crate::matte::foreground;

/// How far from a pixel errors still count as the same error.
const RADIUS: usize = 3;
/// Standard deviation of the weights inside that window, in pixels.
const SIGMA: f64 = 5.0;
/// From this many pixels on, to the foreground, half of an error's extra weight is reached.
const HALF_DISTANCE: f64 = 5.0;

/// Weighted F-measure: precision and recall of a matte whose errors count by their place, from 0
/// to 1 (best).
///
/// Margolin et al., "How to Evaluate Foreground Maps?", CVPR 2014, with beta² = 1. On the
/// foreground an error counts less when its surroundings (7 x 7 pixels, Gaussian weights of
/// deviation 5) are right; on the background it counts the more, up to twice, the farther it is
/// from the foreground. The truth counts as foreground or not, see
/// [`FOREGROUND`](crate::FOREGROUND); the matte keeps its values. Against an empty truth it is 0,
/// for an empty matte too.
///
/// It equals PySODMetrics' `WeightedFmeasure` with `normalize=False`, which follows the authors'
/// code; of several equally near foreground pixels it takes the leftmost, of these the topmost, as
/// SciPy does. Evaluations for benchmarks commonly stretch each prediction to the range 0..=1
/// first. This does not.
#[must_use]
pub fn weighted_f_measure(pair: &MattePair<'_>) -> f64 {
    let (width, height) = (pair.width(), pair.height());
    let mask = foreground(pair.truth());
    let Some(nearest) = nearest_foreground(&mask, width, height) else { return 0.0 };
    let errors: Vec<f64> = pair
        .matte()
        .iter()
        .zip(&mask)
        .map(|(&value, &inside)| (f64::from(value) - f64::from(u8::from(inside))).abs())
        .collect();
    // Around the foreground its own errors go on, so that its edge is no neighbour to a void.
    let continued: Vec<f64> = nearest.iter().map(|nearest| errors[nearest.pixel]).collect();
    let surroundings = blurred(&continued, width, height);

    let (mut count, mut missed, mut wrong) = (0.0, 0.0, 0.0);
    for (at, &error) in errors.iter().enumerate() {
        if mask[at] {
            count += 1.0;
            missed += error.min(surroundings[at]);
        } else if error > 0.0 {
            let distance = (nearest[at].squared_distance as f64).sqrt();
            wrong += error * (2.0 - (-distance / HALF_DISTANCE).exp2());
        }
    }
    let found = count - missed;
    let recall = 1.0 - missed / count;
    let precision = found / (found + wrong + f64::EPSILON);
    2.0 * recall * precision / (recall + precision + f64::EPSILON)
}

/// Mean over the window of each pixel with Gaussian weights; outside the picture is 0.
fn blurred(values: &[f64], width: usize, height: usize) -> Vec<f64> {
    const WINDOW: usize = 2 * RADIUS + 1;
    let weights: [f64; WINDOW] = std::array::from_fn(|i| {
        let offset = i as f64 - RADIUS as f64;
        (-offset * offset / (2.0 * SIGMA * SIGMA)).exp()
    });
    let total: f64 = weights.iter().sum();
    let weights = weights.map(|weight| weight / total);

    let mut along_rows = Vec::with_capacity(values.len());
    let mut padded = vec![0.0; width + 2 * RADIUS];
    for row in values.chunks_exact(width) {
        padded[RADIUS..RADIUS + width].copy_from_slice(row);
        along_rows.extend(padded.windows(WINDOW).map(|window| {
            window.iter().zip(&weights).map(|(value, weight)| value * weight).sum::<f64>()
        }));
    }
    let mut blurred = vec![0.0; values.len()];
    for (y, row) in blurred.chunks_exact_mut(width).enumerate() {
        for from in y.saturating_sub(RADIUS)..(y + RADIUS + 1).min(height) {
            let weight = weights[from + RADIUS - y];
            for (sum, value) in row.iter_mut().zip(&along_rows[from * width..]) {
                *sum += weight * value;
            }
        }
    }
    blurred
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blur_is_a_mean_over_seven_by_seven_pixels() {
        for (width, height) in [(1, 1), (2, 9), (11, 8)] {
            let values: Vec<f64> =
                (0..width * height).map(|i| f64::from((i * i % 17) as u32)).collect();
            let blurred = blurred(&values, width, height);
            let weight = |dx: f64, dy: f64| (-(dx * dx + dy * dy) / 50.0).exp();
            let offsets = || (-3..=3).flat_map(|dy| (-3..=3).map(move |dx| (dx, dy)));
            let total: f64 = offsets().map(|(dx, dy)| weight(f64::from(dx), f64::from(dy))).sum();
            for (at, &value) in blurred.iter().enumerate() {
                let (x, y) = ((at % width) as i32, (at / width) as i32);
                let expected: f64 = offsets()
                    .filter(|&(dx, dy)| {
                        (0..width as i32).contains(&(x + dx))
                            && (0..height as i32).contains(&(y + dy))
                    })
                    .map(|(dx, dy)| {
                        let from = (y + dy) as usize * width + (x + dx) as usize;
                        weight(f64::from(dx), f64::from(dy)) / total * values[from]
                    })
                    .sum();
                assert!((value - expected).abs() < 1e-12, "{width}x{height} at {at}");
            }
        }
    }
}
