//! Average precision of one class.

use serde::Serialize;

use crate::{BoundingBox, Error, Result};

/// Collects found and true boxes of one class over many pictures, for their average precision.
///
/// In each picture the found boxes choose, the most confident first, the true box of the largest
/// IoU that is not taken yet; from the threshold on that is a hit, and the true box is taken. Over
/// all pictures together, ranked by confidence, the average precision is the area under the
/// envelope of precision over recall, at every point (as PASCAL VOC since 2010 defines it; COCO
/// reads the same curve at 101 points). Boxes of equal confidence rank in the order in which they
/// were added. There are no "difficult" and no "crowd" boxes.
#[derive(Debug, Clone)]
pub struct AveragePrecision {
    threshold: f64,
    /// Confidence of every found box and whether it is a hit, in the order in which they were
    /// added.
    found: Vec<(f32, bool)>,
    truths: usize,
}

/// AP50: boxes match from an IoU of one half on.
impl Default for AveragePrecision {
    fn default() -> Self {
        Self { threshold: 0.5, found: Vec::new(), truths: 0 }
    }
}

/// Quality of the boxes of one class over many pictures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BoxScores {
    /// Area under precision over recall, from 0 to 1 (best); 0 when there are no true boxes.
    pub average_precision: f64,
    /// Part of the true boxes that are found with the asked confidence, from 0 to 1 (best); 0 when
    /// there are no true boxes.
    pub recall: f64,
    /// Part of the boxes found with the asked confidence that are true, from 0 to 1 (best); 0 when
    /// there are no such boxes.
    pub precision: f64,
    /// How many true boxes there are.
    pub truths: usize,
    /// How many boxes were found with the asked confidence.
    pub found: usize,
}

impl AveragePrecision {
    /// Boxes match from this IoU on, 0.5 for AP50.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidThreshold`] unless it is above 0 and at most 1.
    pub fn new(threshold: f64) -> Result<Self> {
        if !(threshold > 0.0 && threshold <= 1.0) {
            return Err(Error::InvalidThreshold { value: threshold });
        }
        Ok(Self { threshold, ..Self::default() })
    }

    /// Adds one picture: the boxes found in it with their confidences, in any order, and the true
    /// ones.
    ///
    /// All found boxes are wanted, also those of low confidence: they are the curve's end.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidBox`] for a box whose corners are not finite or not in order,
    /// [`Error::InvalidConfidence`] for a confidence that is not finite. Then nothing is added.
    pub fn add(&mut self, found: &[(BoundingBox, f32)], truths: &[BoundingBox]) -> Result<()> {
        check("found", found.iter().map(|(bounds, _)| bounds))?;
        check("true", truths)?;
        if let Some(index) = found.iter().position(|(_, confidence)| !confidence.is_finite()) {
            return Err(Error::InvalidConfidence { index, value: found[index].1 });
        }

        let mut ranked: Vec<&(BoundingBox, f32)> = found.iter().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut left: Vec<&BoundingBox> = truths.iter().collect();
        for (bounds, confidence) in ranked {
            let mut best: Option<(usize, f64)> = None;
            for (index, truth) in left.iter().enumerate() {
                let iou = bounds.iou(truth);
                if iou >= self.threshold && best.is_none_or(|(_, other)| iou > other) {
                    best = Some((index, iou));
                }
            }
            if let Some((index, _)) = best {
                left.remove(index);
            }
            self.found.push((*confidence, best.is_some()));
        }
        self.truths += truths.len();
        Ok(())
    }

    /// The scores of all pictures added so far; recall and precision are those of the boxes with
    /// at least this confidence.
    #[must_use]
    pub fn scores(&self, confidence: f32) -> BoxScores {
        let sure = self.found.iter().filter(|(own, _)| *own >= confidence);
        let (mut found, mut hits) = (0, 0);
        for (_, hit) in sure {
            found += 1;
            hits += usize::from(*hit);
        }
        let ratio = |part: usize, all: usize| part as f64 / all.max(1) as f64;
        BoxScores {
            average_precision: self.area(),
            recall: ratio(hits, self.truths),
            precision: ratio(hits, found),
            truths: self.truths,
            found,
        }
    }

    /// Area under the envelope of precision over recall.
    fn area(&self) -> f64 {
        let mut ranked: Vec<&(f32, bool)> = self.found.iter().collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut hits = ranked.iter().filter(|(_, hit)| *hit).count();
        let (mut total, mut envelope) = (0.0, 0.0_f64);
        // From the end: the envelope is the best precision at this recall or a larger one, and
        // recall grows at hits only.
        for (rank, (_, hit)) in ranked.iter().enumerate().rev() {
            if *hit {
                envelope = envelope.max(hits as f64 / (rank + 1) as f64);
                total += envelope;
                hits -= 1;
            }
        }
        total / self.truths.max(1) as f64
    }
}

fn check<'a>(what: &'static str, boxes: impl IntoIterator<Item = &'a BoundingBox>) -> Result<()> {
    match boxes.into_iter().enumerate().find(|(_, bounds)| !bounds.is_valid()) {
        Some((index, bounds)) => Err(Error::InvalidBox { what, index, bounds: *bounds }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A box of 10 x 10 pixels.
    fn at(x: f32) -> BoundingBox {
        BoundingBox { x1: x, y1: 0.0, x2: x + 10.0, y2: 10.0 }
    }

    #[test]
    fn the_area_is_under_the_envelope() {
        let mut boxes = AveragePrecision::default();
        // Ranked: hit, miss, hit, miss, and one of three is never found.
        let found = [(at(0.0), 0.9), (at(50.0), 0.8), (at(101.0), 0.7), (at(60.0), 0.2)];
        boxes.add(&found, &[at(0.0), at(100.0), at(200.0)]).unwrap();
        let expected = BoxScores {
            average_precision: (1.0 + 2.0 / 3.0) / 3.0,
            recall: 2.0 / 3.0,
            precision: 2.0 / 3.0,
            truths: 3,
            found: 3,
        };
        assert_eq!(boxes.scores(0.7), expected);
        assert_eq!(boxes.scores(0.0).precision, 0.5);
        let none = BoxScores { recall: 0.0, precision: 0.0, found: 0, ..expected };
        assert_eq!(boxes.scores(0.95), none);

        // The envelope lifts the first hit, behind a miss, to the precision of the second one.
        let mut boxes = AveragePrecision::default();
        boxes.add(&[(at(50.0), 0.9)], &[]).unwrap();
        boxes.add(&[(at(0.0), 0.8), (at(100.0), 0.7)], &[at(0.0), at(100.0)]).unwrap();
        assert_eq!(boxes.scores(0.0).average_precision, 2.0 / 3.0);
    }

    #[test]
    fn a_true_box_is_taken_once_and_the_most_confident_chooses_first() {
        let mut twice = AveragePrecision::default();
        twice.add(&[(at(1.0), 0.5), (at(0.0), 0.9)], &[at(0.0)]).unwrap();
        let scores = twice.scores(0.0);
        assert_eq!((scores.average_precision, scores.precision), (1.0, 0.5));

        // The second one has to take the true box that the first one left.
        let mut second = AveragePrecision::default();
        second.add(&[(at(1.0), 0.9), (at(0.0), 0.8)], &[at(0.0), at(2.5)]).unwrap();
        assert_eq!(second.scores(0.0).recall, 1.0);
    }

    #[test]
    fn matches_begin_at_the_threshold() {
        let hits = |threshold| {
            let mut boxes = AveragePrecision::new(threshold).unwrap();
            boxes.add(&[(at(5.0), 0.9)], &[at(0.0)]).unwrap();
            boxes.scores(0.0).average_precision
        };
        assert_eq!([1.0 / 3.0, 0.34].map(hits), [1.0, 0.0]);
        for value in [0.0, -1.0, 1.01] {
            let error = AveragePrecision::new(value).unwrap_err();
            assert_eq!(error, Error::InvalidThreshold { value });
        }
        assert!(AveragePrecision::new(f64::NAN).is_err());
    }

    #[test]
    fn nothing_is_neither_an_error_nor_a_success() {
        let mut boxes = AveragePrecision::default();
        let nothing =
            BoxScores { average_precision: 0.0, recall: 0.0, precision: 0.0, truths: 0, found: 0 };
        assert_eq!(boxes.scores(0.5), nothing);
        boxes.add(&[(at(0.0), 0.9)], &[]).unwrap();
        assert_eq!(boxes.scores(0.5), BoxScores { found: 1, ..nothing });
        let mut boxes = AveragePrecision::default();
        boxes.add(&[], &[at(0.0)]).unwrap();
        assert_eq!(boxes.scores(0.5), BoxScores { truths: 1, ..nothing });
    }

    #[test]
    fn what_is_no_box_is_refused_and_nothing_added() {
        let mut boxes = AveragePrecision::default();
        let wrong = BoundingBox { x2: -1.0, ..at(0.0) };
        let invalid = |what, index| Error::InvalidBox { what, index, bounds: wrong };
        let good = (at(0.0), 0.5);
        assert_eq!(boxes.add(&[good, (wrong, 0.5)], &[]), Err(invalid("found", 1)));
        assert_eq!(boxes.add(&[good], &[wrong]), Err(invalid("true", 0)));
        assert!(boxes.add(&[(BoundingBox { y1: f32::NAN, ..at(0.0) }, 0.5)], &[]).is_err());
        let confidence = Error::InvalidConfidence { index: 1, value: f32::INFINITY };
        assert_eq!(boxes.add(&[good, (at(0.0), f32::INFINITY)], &[]), Err(confidence));
        assert_eq!(boxes.scores(0.0).found, 0);
    }
}
