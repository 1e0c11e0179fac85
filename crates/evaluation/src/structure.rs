//! S-measure.

use crate::MattePair;
use crate::matte::foreground;

/// Weight of the objects' likeness against that of the regions.
const ALPHA: f64 = 0.5;

/// S-measure: likeness of structure, by objects and by regions, from 0 to 1 (best).
///
/// Fan et al., "Structure-measure: A New Way to Evaluate Foreground Maps", ICCV 2017, with alpha
/// one half. The truth counts as foreground or not, see [`FOREGROUND`](crate::FOREGROUND); the
/// matte keeps its values. Against an empty truth it is 1 minus the matte's mean, against a full
/// one the matte's mean.
///
/// It equals PySODMetrics' `Smeasure` with `normalize=False`, but for two cases:
///
/// - A quadrant without pixels (the foreground's centroid in the last row or column) counts
///   nothing; there it is NaN.
/// - A quadrant in which the truth is full and the matte constant is as alike as can be, always;
///   there rounding may make it 0.
///
/// As there, a guard against division by zero keeps even a perfect matte below 1 when the
/// foreground is tiny; it shows where that is less than 0.01 % of the picture.
///
/// Evaluations for benchmarks commonly stretch each prediction to the range 0..=1 first
/// (`normalize=True`). This does not: a matte that is faint all over is a worse matte.
#[must_use]
pub fn s_measure(pair: &MattePair<'_>) -> f64 {
    let mask = foreground(pair.truth());
    let matte = pair.matte();
    let pixels = mask.len() as f64;
    let share = mask.iter().filter(|&&inside| inside).count() as f64 / pixels;
    let mean = || matte.iter().map(|&value| f64::from(value)).sum::<f64>() / pixels;
    if share == 0.0 {
        1.0 - mean()
    } else if share == 1.0 {
        mean()
    } else {
        let score = ALPHA * objects(matte, &mask, share)
            + (1.0 - ALPHA) * regions(matte, &mask, pair.width(), pair.height());
        score.max(0.0)
    }
}

/// How bright and even the matte is on the foreground, and how dark and even on the background.
fn objects(matte: &[f32], mask: &[bool], share: f64) -> f64 {
    let likeness = |side: bool| {
        let mut moments = Moments::default();
        for (&value, &inside) in matte.iter().zip(mask) {
            if inside == side {
                let value = f64::from(value);
                moments.add(if side { value } else { 1.0 - value }, 0.0);
            }
        }
        let mean = moments.mean();
        2.0 * mean / (mean * mean + 1.0 + moments.variance().sqrt() + f64::EPSILON)
    };
    share * likeness(true) + (1.0 - share) * likeness(false)
}

/// Likeness of the four quadrants around the foreground's centroid, weighted by their areas.
fn regions(matte: &[f32], mask: &[bool], width: usize, height: usize) -> f64 {
    let (column, row) = centroid(mask, width);
    let mut score = 0.0;
    for rows in [0..row + 1, row + 1..height] {
        for columns in [0..column + 1, column + 1..width] {
            let mut moments = Moments::default();
            for y in rows.clone() {
                for at in y * width + columns.start..y * width + columns.end {
                    moments.add(f64::from(matte[at]), f64::from(u8::from(mask[at])));
                }
            }
            if moments.count > 0.0 {
                score += moments.count / mask.len() as f64 * moments.similarity();
            }
        }
    }
    score
}

/// Column and row of the foreground's centroid, rounded as NumPy does, halves to even.
fn centroid(mask: &[bool], width: usize) -> (usize, usize) {
    let (mut count, mut columns, mut rows) = (0_u64, 0_u64, 0_u64);
    for (y, row) in mask.chunks_exact(width).enumerate() {
        for (x, _) in row.iter().enumerate().filter(|(_, inside)| **inside) {
            count += 1;
            columns += x as u64;
            rows += y as u64;
        }
    }
    let rounded = |sum: u64| (sum as f64 / count as f64).round_ties_even() as usize;
    (rounded(columns), rounded(rows))
}

/// Sums over the pixels of a region: x is the matte, y the truth.
///
/// x counts from the first one, so that a constant region has a variance of exactly 0.
#[derive(Debug, Default)]
struct Moments {
    count: f64,
    first: f64,
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Moments {
    fn add(&mut self, x: f64, y: f64) {
        if self.count == 0.0 {
            self.first = x;
        }
        let x = x - self.first;
        self.count += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.yy += y * y;
        self.xy += x * y;
    }

    /// Mean of x.
    fn mean(&self) -> f64 {
        self.first + self.x / self.count
    }

    /// Of x, unbiased; 0 for one pixel.
    fn variance(&self) -> f64 {
        self.unbiased(self.xx - self.x * (self.x / self.count)).max(0.0)
    }

    fn unbiased(&self, sum: f64) -> f64 {
        sum / (self.count - 1.0).max(1.0)
    }

    /// The index of structural similarity of x and y.
    fn similarity(&self) -> f64 {
        let (x, y) = (self.mean(), self.y / self.count);
        let variances = self.variance() + self.unbiased(self.yy - self.y * y);
        let covariance = self.unbiased(self.xy - self.x * y);
        let likeness = 4.0 * x * y * covariance;
        let bound = (x * x + y * y) * variances;
        if likeness != 0.0 {
            likeness / (bound + f64::EPSILON)
        } else if bound == 0.0 {
            1.0
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(matte: &[f32], truth: &[f32], width: usize, height: usize) -> f64 {
        s_measure(&MattePair::new(matte, truth, width, height).unwrap())
    }

    #[test]
    fn a_quadrant_without_pixels_counts_nothing() {
        // The centroid is the last pixel, so that there is one quadrant only.
        let truth = [0.0, 0.0, 0.0, 1.0];
        assert!((score(&truth, &truth, 2, 2) - 1.0).abs() < 1e-12);
        assert!((score(&truth, &truth, 4, 1) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_constant_matte_on_a_full_quadrant_is_alike() {
        // The centroid of 3 x 3 pixels in the corner of 4 x 4 is pixel (1, 1): the upper left
        // quadrant is full, the others are mixed. 0.3 is no binary fraction, so that rounding could
        // give it another mean.
        let truth: [f32; 16] = std::array::from_fn(|i| f32::from(u8::from(i % 4 < 3 && i < 12)));
        let matte = truth.map(|value| 0.3 * value);
        let x = f64::from(0.3_f32);
        let share = 9.0 / 16.0;
        let objects = share * 2.0 * x / (x * x + 1.0) + (1.0 - share);
        let mixed = |inside: f64| {
            let y = inside / 4.0;
            let variance = (inside - inside * y) / 3.0;
            let likeness = 4.0 * (x * y) * y * (x * variance);
            likeness / ((x * x + 1.0) * y * y * (x * x + 1.0) * variance)
        };
        let regions = (1.0 + mixed(2.0) + mixed(2.0) + mixed(1.0)) / 4.0;
        let expected = 0.5 * objects + 0.5 * regions;
        assert!((score(&matte, &truth, 4, 4) - expected).abs() < 1e-12);
    }
}
