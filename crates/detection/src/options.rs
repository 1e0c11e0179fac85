//! What a caller can choose.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// The class of persons in COCO's numbering.
pub const PERSON: usize = 0;

/// The largest [`DetectOptions::image_size`].
const MAX_IMAGE_SIZE: u32 = 4096;

/// How a photo is fitted into the network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LetterboxMode {
    /// The longer side becomes the image size, the shorter one is padded to a multiple of 32
    /// (Ultralytics' `rect=True`, its default for predictions).
    #[default]
    Rect,
    /// Both sides are padded to the image size.
    Square,
}

/// Options of a detection. The defaults are those of Ultralytics, but for persons only.
///
/// Their JSON is stable, because it becomes part of what identifies a result: all fields below, in
/// this order. A field that a later version adds is left out where it has its default, so that the
/// same wish has the same JSON for good. A field that is missing when it is read has its default;
/// an unknown one is an error. Reading checks no ranges: [`check`](Self::check) does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DetectOptions {
    /// Detections must be more confident than this, from 0 to 1.
    pub confidence: f32,
    /// Of two boxes of one class that overlap by more than this (intersection over union, from 0
    /// to 1), the less confident one is dropped.
    pub iou: f32,
    /// At most this many detections, the most confident ones; at least 1.
    pub max_detections: usize,
    /// Pixels of the longer side of the network's input, 1 to 4096; rounded up to a multiple
    /// of 32. `None` for the size the detector was built with: 640 for the published checkpoints.
    pub image_size: Option<u32>,
    /// How the photo is fitted into the input.
    pub letterbox: LetterboxMode,
    /// The classes wanted; `None` for all.
    pub classes: Option<Vec<usize>>,
    /// Whether boxes of different classes suppress each other too.
    pub class_agnostic: bool,
}

impl Default for DetectOptions {
    fn default() -> Self {
        Self {
            confidence: 0.25,
            iou: 0.7,
            max_detections: 300,
            image_size: None,
            letterbox: LetterboxMode::Rect,
            classes: Some(vec![PERSON]),
            class_agnostic: false,
        }
    }
}

impl DetectOptions {
    /// Checks every option for a network with this many classes
    /// ([`Yolov8Config::classes`](crate::Yolov8Config::classes)).
    ///
    /// # Errors
    /// [`Error::InvalidOption`] naming the first option that is out of its range.
    pub fn check(&self, classes: usize) -> Result<()> {
        self.check_ranges()?;
        let wanted = self.classes.as_deref().unwrap_or_default();
        match wanted.iter().find(|&&class| class >= classes) {
            Some(class) => {
                let expected = format!("classes from 0 to {}", classes.saturating_sub(1));
                Err(Error::InvalidOption { option: "classes", value: class.to_string(), expected })
            }
            None => Ok(()),
        }
    }

    /// Checks what can be checked without a network.
    pub(crate) fn check_ranges(&self) -> Result<()> {
        let invalid = |option, value: String, expected: String| {
            Err(Error::InvalidOption { option, value, expected })
        };
        for (option, value) in [("confidence", self.confidence), ("iou", self.iou)] {
            if !(0.0..=1.0).contains(&value) {
                return invalid(option, value.to_string(), "a number from 0 to 1".into());
            }
        }
        if self.max_detections == 0 {
            return invalid("max_detections", "0".into(), "at least 1".into());
        }
        if let Some(size) = self.image_size {
            check_image_size(size)?;
        }
        if self.classes.as_ref().is_some_and(Vec::is_empty) {
            let expected = "at least one class, or none to take all";
            return invalid("classes", "empty".into(), expected.into());
        }
        Ok(())
    }
}

pub(crate) fn check_image_size(size: u32) -> Result<()> {
    if (1..=MAX_IMAGE_SIZE).contains(&size) {
        return Ok(());
    }
    let expected = format!("1 to {MAX_IMAGE_SIZE} pixels");
    Err(Error::InvalidOption { option: "image_size", value: size.to_string(), expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_and_the_ends_of_the_ranges_are_good() {
        let good = DetectOptions::default();
        assert!(good.check(80).is_ok() && good.check(1).is_ok());
        for options in [
            DetectOptions { confidence: 0.0, iou: 1.0, ..good.clone() },
            DetectOptions { image_size: Some(1), max_detections: 1, ..good.clone() },
            DetectOptions { image_size: Some(4096), classes: Some(vec![79, 0]), ..good.clone() },
            DetectOptions { classes: None, ..good.clone() },
        ] {
            assert!(options.check(80).is_ok(), "{options:?}");
        }
    }

    #[test]
    fn the_json_is_stable_and_read_back() {
        let options = DetectOptions::default();
        let text = serde_json::to_string(&options).unwrap();
        assert_eq!(
            text,
            r#"{"confidence":0.25,"iou":0.7,"max_detections":300,"image_size":null,"letterbox":"rect","classes":[0],"class_agnostic":false}"#
        );
        let read = |text: &str| serde_json::from_str::<DetectOptions>(text);
        assert_eq!(read(&text).unwrap(), options);
        let other = DetectOptions {
            confidence: 0.1,
            image_size: Some(320),
            letterbox: LetterboxMode::Square,
            classes: None,
            ..options.clone()
        };
        assert_eq!(read(&serde_json::to_string(&other).unwrap()).unwrap(), other);
        assert_eq!(read("{}").unwrap(), options);
        assert!(read(r#"{"confidnce":0.5}"#).unwrap_err().to_string().contains("confidnce"));
    }

    #[test]
    fn each_bad_option_is_named() {
        let good = DetectOptions::default();
        for (options, message) in [
            (DetectOptions { confidence: -0.1, ..good.clone() }, "confidence cannot be -0.1"),
            (DetectOptions { confidence: f32::NAN, ..good.clone() }, "confidence cannot be NaN"),
            (DetectOptions { iou: 1.5, ..good.clone() }, "iou cannot be 1.5"),
            (DetectOptions { max_detections: 0, ..good.clone() }, "max_detections cannot be 0"),
            (DetectOptions { image_size: Some(0), ..good.clone() }, "image_size cannot be 0"),
            (DetectOptions { image_size: Some(4097), ..good.clone() }, "give 1 to 4096 pixels"),
            (DetectOptions { classes: Some(vec![]), ..good.clone() }, "classes cannot be empty"),
            (DetectOptions { classes: Some(vec![0, 80]), ..good.clone() }, "classes cannot be 80"),
        ] {
            let error = options.check(80).unwrap_err();
            assert!(matches!(error, Error::InvalidOption { .. }));
            let text = error.to_string();
            assert!(text.contains(message), "{text}");
            assert_eq!(text.lines().count(), 1);
        }
    }
}
