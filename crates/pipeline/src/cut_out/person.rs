//! What came of one person.

use crate::error::{Error, Warning};
use bytes::Bytes;
use portrait_detection::Detection;
use portrait_segmentation::CutOut;
use portrait_storage::{Key, RecipeId};
use serde_json::Value;
use std::sync::Arc;

/// What became of one person.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PersonResult<T> {
    /// The person.
    pub person_id: usize,
    /// The result, or why there is none; others are not affected.
    pub result: Result<T, Error>,
}

impl<T> PersonResult<T> {
    pub(crate) fn new(person_id: usize, result: Result<T, Error>) -> Self {
        Self { person_id, result }
    }
}

/// A person cut out. Clones share the pixels.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PersonCutOut {
    /// The person.
    pub person: Detection,
    /// Picture, matte and place in the photo.
    pub cut_out: Arc<CutOut>,
    /// The picture as PNG with straight alpha.
    pub png: Bytes,
    /// How it was made: model, boxes and options. Another recipe makes another picture.
    pub recipe: RecipeId,
    /// The recipe in words.
    pub(crate) made: Value,
    /// Where it is kept; `None` unless it was [kept](crate::Pipeline::keep_cut_out).
    pub key: Option<Key>,
    /// The model that made the matte.
    pub model: String,
    /// The device it ran on.
    pub device: String,
    /// Milliseconds from start to PNG, waiting included.
    pub ms: f64,
    /// Milliseconds of it that it waited for its device.
    pub waited_ms: f64,
    /// What to look at.
    pub warnings: Vec<Warning>,
}

/// A whole picture without its background. Clones share the pixels.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WholeCutOut {
    /// Picture and matte, of the photo's size.
    pub cut_out: Arc<CutOut>,
    /// The picture as PNG with straight alpha.
    pub png: Bytes,
    /// How it was made.
    pub recipe: RecipeId,
    /// Where it is kept.
    pub key: Option<Key>,
    /// The model that made the matte.
    pub model: String,
    /// The device it ran on.
    pub device: String,
    /// Milliseconds from start to PNG, waiting included.
    pub ms: f64,
    /// What to look at.
    pub warnings: Vec<Warning>,
}
