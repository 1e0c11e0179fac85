//! From the network's output to the boxes that count.
//!
//! candle-transformers has a `non_maximum_suppression` too. It is not used because its overlap adds
//! a pixel to every side, which is right only for boxes that name their last pixel; these have
//! real-valued edges, and small or close ones would be dropped that Ultralytics keeps.

use crate::bbox::BoundingBox;
use crate::error::{Error, Result};

/// A box that the network proposes, in pixels of its input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Where.
    pub bbox: BoundingBox,
    /// Probability of the class, from 0 to 1.
    pub confidence: f32,
    /// The most probable class.
    pub class: usize,
}

/// Takes the candidates out of the network's output for one picture, in the order of the anchors.
///
/// `output` holds `4 + classes` rows of one value for each anchor: centre x, centre y, width,
/// height, and the probabilities. Each anchor proposes its most probable class (the first, if
/// several are). It is a candidate if that is more probable than `confidence`, and its class is in
/// `wanted` (`None` for all).
///
/// # Errors
/// [`Error::InvalidOutput`] if the number of values is no multiple of `4 + classes`, or there is
/// no class.
pub fn candidates(
    output: &[f32],
    classes: usize,
    confidence: f32,
    wanted: Option<&[usize]>,
) -> Result<Vec<Candidate>> {
    let rows = 4 + classes;
    if classes == 0 || !output.len().is_multiple_of(rows) {
        return Err(Error::InvalidOutput { length: output.len(), classes });
    }
    let anchors = output.len() / rows;
    if anchors == 0 {
        return Ok(vec![]);
    }
    let (boxes, scores) = output.split_at(4 * anchors);
    // Row by row, so that memory is read in order.
    let mut best = vec![(f32::NEG_INFINITY, 0); anchors];
    for (class, row) in scores.chunks_exact(anchors).enumerate() {
        for (best, &score) in best.iter_mut().zip(row) {
            if score > best.0 {
                *best = (score, class);
            }
        }
    }
    let is_wanted = |class| wanted.is_none_or(|wanted| wanted.contains(&class));
    let candidate = |(anchor, (score, class))| {
        let [x, y, width, height] = [0, 1, 2, 3].map(|row| boxes[row * anchors + anchor]);
        let (half_width, half_height) = (width / 2.0, height / 2.0);
        let bbox = BoundingBox {
            x1: x - half_width,
            y1: y - half_height,
            x2: x + half_width,
            y2: y + half_height,
        };
        Candidate { bbox, confidence: score, class }
    };
    Ok(best
        .into_iter()
        .enumerate()
        .filter(|&(_, (score, class))| score > confidence && is_wanted(class))
        .map(candidate)
        .collect())
}

/// Options of [`non_maximum_suppression`]; the defaults are those of Ultralytics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NmsOptions {
    /// Boxes that overlap a kept one by more than this (intersection over union) are dropped.
    pub iou: f32,
    /// Whether boxes of different classes suppress each other too.
    pub class_agnostic: bool,
    /// Only this many candidates, the most confident ones, are looked at.
    pub max_candidates: usize,
    /// At most this many are kept.
    pub max_detections: usize,
}

impl Default for NmsOptions {
    fn default() -> Self {
        Self { iou: 0.7, class_agnostic: false, max_candidates: 30_000, max_detections: 300 }
    }
}

/// Keeps the most confident of the boxes that overlap: greedy non-maximum suppression, as
/// Ultralytics with torchvision.
///
/// Returns indices into `candidates`, the most confident first and equally confident ones in their
/// own order. Ultralytics shifts each class by 7680 pixels instead of comparing classes, which is
/// the same but for rounding.
pub fn non_maximum_suppression(candidates: &[Candidate], options: &NmsOptions) -> Vec<usize> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|&a, &b| candidates[b].confidence.total_cmp(&candidates[a].confidence));
    order.truncate(options.max_candidates);
    let suppresses = |kept: &Candidate, other: &Candidate| {
        (options.class_agnostic || kept.class == other.class)
            && kept.bbox.iou(&other.bbox) > options.iou
    };
    let mut kept = Vec::new();
    for index in order {
        if kept.len() == options.max_detections {
            break;
        }
        let candidate = &candidates[index];
        if !kept.iter().any(|&kept: &usize| suppresses(&candidates[kept], candidate)) {
            kept.push(index);
        }
    }
    kept
}
