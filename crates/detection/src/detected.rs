//! What follows the network.

use crate::bbox::Detection;
use crate::error::{Error, Result};
use crate::photo_input::PhotoInput;
use crate::postprocess::{NmsOptions, candidates, non_maximum_suppression};

/// Values that are looked at together.
const CHUNK: usize = 1024;

/// What the network proposes for a [`PhotoInput`]: finite numbers, in the computer's memory.
#[derive(Debug, Clone)]
pub struct Detected {
    /// `4 + classes` rows of a value for each anchor.
    output: Vec<f32>,
    classes: usize,
    /// Width and height of the input.
    size: (u32, u32),
}

impl Detected {
    /// From the network's output for one input: `4 + classes` rows of a value for each anchor, as
    /// [`candidates`] takes them.
    ///
    /// # Errors
    /// [`Error::InvalidOutput`] for another number of values; [`Error::NotFinite`] if one is
    /// infinite or no number; [`Error::Constant`] if no probability depends on the place, as with
    /// weights of zeros.
    pub fn new(output: Vec<f32>, classes: usize, input: &PhotoInput) -> Result<Self> {
        check_output(&output, classes)?;
        Ok(Self { output, classes, size: input.size() })
    }

    /// The persons, or what the options of the input ask for, in pixels of the photo: the most
    /// confident first. `input` is that which this was made of.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a class that the network does not have;
    /// [`Error::InvalidInput`] for an input of another size.
    pub fn persons(&self, input: &PhotoInput) -> Result<Vec<Detection>> {
        let PhotoInput { letterbox, options, .. } = input;
        options.check(self.classes)?;
        if self.size != input.size() {
            let (width, height) = input.size();
            return Err(Error::InvalidInput { shape: vec![1, 3, height as usize, width as usize] });
        }
        let wanted = options.classes.as_deref();
        let candidates = candidates(&self.output, self.classes, options.confidence, wanted)?;
        let nms = NmsOptions {
            iou: options.iou,
            class_agnostic: options.class_agnostic,
            max_detections: options.max_detections,
            ..NmsOptions::default()
        };
        let kept = non_maximum_suppression(&candidates, &nms);
        let detection = |(person_id, index): (usize, usize)| {
            let candidate = &candidates[index];
            Detection {
                person_id,
                bbox: letterbox.to_photo(candidate.bbox),
                confidence: candidate.confidence,
                class: candidate.class,
            }
        };
        Ok(kept.into_iter().enumerate().map(detection).collect())
    }
}

/// Whether these can be the answer of a network that looked at something.
fn check_output(output: &[f32], classes: usize) -> Result<()> {
    let rows = 4 + classes;
    if classes == 0 || output.is_empty() || !output.len().is_multiple_of(rows) {
        return Err(Error::InvalidOutput { length: output.len(), classes });
    }
    // Without an early exit inside a chunk, it is vectorised.
    let finite = |chunk: &[f32]| chunk.iter().fold(true, |all, value| all & value.is_finite());
    if !output.chunks(CHUNK).all(finite) {
        return Err(Error::NotFinite);
    }
    let anchors = output.len() / rows;
    let is_constant = |row: &[f32]| row.iter().all(|value| *value == row[0]);
    if output[4 * anchors..].chunks_exact(anchors).all(is_constant) {
        return Err(Error::Constant);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::DetectOptions;
    use image::RgbImage;

    /// Of an input with two anchors and two classes.
    fn detected(output: [f32; 12]) -> Result<Detected> {
        let input = PhotoInput::new(&RgbImage::new(32, 32), &DetectOptions::default(), 32)?;
        Detected::new(output.to_vec(), 2, &input)
    }

    const GOOD: [f32; 12] = [9.0, 9.0, 9.0, 9.0, 4.0, 4.0, 4.0, 4.0, 0.5, 0.5, 0.5, 0.25];

    #[test]
    fn one_value_that_is_not_finite_is_enough() {
        assert!(detected(GOOD).is_ok());
        for index in 0..12 {
            for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut bad = GOOD;
                bad[index] = value;
                assert!(matches!(detected(bad), Err(Error::NotFinite)), "{value} at {index}");
            }
        }
    }

    #[test]
    fn probabilities_that_are_the_same_everywhere_are_refused() {
        let mut constant = GOOD;
        constant[11] = 0.5;
        assert!(matches!(detected(constant), Err(Error::Constant)));
        // Each class its own one, wherever the boxes are.
        constant[..2].copy_from_slice(&[1.0, 2.0]);
        constant[8..10].copy_from_slice(&[0.25; 2]);
        assert!(matches!(detected(constant), Err(Error::Constant)));
    }

    #[test]
    fn another_number_of_values_is_refused() {
        let input = PhotoInput::new(&RgbImage::new(32, 32), &DetectOptions::default(), 32).unwrap();
        for (length, classes) in [(0, 2), (11, 2), (12, 0)] {
            let error = Detected::new(vec![0.5; length], classes, &input).unwrap_err();
            assert!(matches!(error, Error::InvalidOutput { .. }), "{error}");
        }
    }

    #[test]
    fn an_input_of_another_size_is_refused() {
        let other = PhotoInput::new(&RgbImage::new(64, 32), &DetectOptions::default(), 64).unwrap();
        let error = detected(GOOD).unwrap().persons(&other).unwrap_err();
        assert!(matches!(error, Error::InvalidInput { .. }), "{error}");
    }
}
