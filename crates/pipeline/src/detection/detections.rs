//! Who was found in a photo.

use super::selection::Selection;
use crate::error::{Error, Warning};
use portrait_detection::{DetectOptions, Detection};
use portrait_storage::RecipeId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSize {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// Who was found in a photo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Detections {
    /// The photo's size, upright.
    pub image: ImageSize,
    /// The persons, most confident first; boxes in photo pixels.
    pub persons: Vec<Detection>,
    /// What they were looked for with.
    pub options: DetectOptions,
    /// How they were found: the model and the options.
    pub recipe: RecipeId,
    /// The recipe in words.
    #[serde(skip)]
    pub(crate) made: Option<Value>,
    /// The model that found them.
    pub model: String,
    /// The device it ran on.
    pub device: String,
    /// Milliseconds of each part.
    pub timings_ms: DetectTimings,
    /// What to look at.
    pub warnings: Vec<Warning>,
}

/// Milliseconds of the parts of a detection.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DetectTimings {
    /// Finding and loading the model; 0 when it was there.
    pub model: f64,
    /// Waiting in the queue, and for runs that began before on the device.
    pub wait: f64,
    /// Letterbox, network and suppression.
    pub detection: f64,
}

impl Detections {
    /// All persons.
    pub fn select_all(&self) -> Selection {
        let selected = self.persons.iter().map(|person| person.person_id).collect();
        Selection { persons: self.persons.clone(), selected }
    }

    /// The persons with these ids, each once, in this order.
    ///
    /// # Errors
    /// [`Error::UnknownPerson`] naming the ids that do not exist.
    pub fn select(&self, ids: &[usize]) -> Result<Selection, Error> {
        Selection::new(self.persons.clone(), ids)
    }
}
