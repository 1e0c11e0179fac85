//! All metrics of a matte, and their mean over many.

use serde::Serialize;

use crate::{MattePair, boundary_iou, iou, mean_absolute_error, s_measure, weighted_f_measure};

/// All metrics of one matte; each is in 0..=1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MatteScores {
    /// [`iou`]; 1 is best.
    pub iou: f64,
    /// [`mean_absolute_error`]; 0 is best.
    pub mae: f64,
    /// [`boundary_iou`]; 1 is best.
    pub boundary_iou: f64,
    /// [`s_measure`]; 1 is best.
    pub s_measure: f64,
    /// [`weighted_f_measure`]; 1 is best.
    pub weighted_f: f64,
}

impl MatteScores {
    /// Computes all metrics; linear in the number of pixels.
    #[must_use]
    pub fn of(pair: &MattePair<'_>) -> Self {
        Self {
            iou: iou(pair),
            mae: mean_absolute_error(pair),
            boundary_iou: boundary_iou(pair),
            s_measure: s_measure(pair),
            weighted_f: weighted_f_measure(pair),
        }
    }
}

/// The mean of each metric over pictures, each picture counting the same whatever its size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MeanScores {
    /// The means.
    #[serde(flatten)]
    pub scores: MatteScores,
    /// Over how many pictures, at least 1.
    pub images: usize,
}

impl MeanScores {
    /// The mean over pictures; `None` when there are none.
    #[must_use]
    pub fn of(pictures: impl IntoIterator<Item = MatteScores>) -> Option<Self> {
        let mut images = 0;
        let mut totals = [0.0; 5];
        for MatteScores { iou, mae, boundary_iou, s_measure, weighted_f } in pictures {
            images += 1;
            for (total, score) in
                totals.iter_mut().zip([iou, mae, boundary_iou, s_measure, weighted_f])
            {
                *total += score;
            }
        }
        if images == 0 {
            return None;
        }
        let [iou, mae, boundary_iou, s_measure, weighted_f] =
            totals.map(|total| total / images as f64);
        Some(Self { scores: MatteScores { iou, mae, boundary_iou, s_measure, weighted_f }, images })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_counts_each_picture_the_same() {
        let scores = |start: f64| MatteScores {
            iou: start,
            mae: start + 0.125,
            boundary_iou: start + 0.25,
            s_measure: start + 0.375,
            weighted_f: start + 0.5,
        };
        assert_eq!(MeanScores::of([]), None);
        let mean = MeanScores::of([0.0, 0.25, 0.5].map(scores)).unwrap();
        assert_eq!(mean, MeanScores { scores: scores(0.25), images: 3 });
    }
}
