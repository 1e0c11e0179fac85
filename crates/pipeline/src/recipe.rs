//! What tells one picture of a person from another: everything that made it.
//!
//! A recipe decides whether a video that was paid for is the one that is asked for, so the words
//! that it is made of must not change with the program.

use crate::error::Error;
use image::RgbaImage;
use image::math::Rect;
use portrait_detection::DetectOptions;
use portrait_segmentation::CutOutOptions;
use portrait_storage::RecipeId;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The model of a step, by its name and the digest of its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ModelStamp {
    pub(crate) id: String,
    pub(crate) sha256: String,
}

/// How an artifact was made: a JSON object, and the id that follows from it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recipe {
    pub(crate) id: RecipeId,
    pub(crate) words: Value,
}

impl Recipe {
    fn of(words: Value) -> Self {
        let digest = Sha256::digest(sorted(&words).to_string().as_bytes());
        Self { id: RecipeId::from_digest(&digest.into()), words }
    }

    /// Who was found: the model, and what it was asked for.
    pub(crate) fn of_detections(
        model: &ModelStamp,
        options: &DetectOptions,
    ) -> Result<Self, Error> {
        Ok(Self::of(json!({ "detection": model, "options": value(options)? })))
    }

    /// A person without background. Of the detection the boxes count alone: they are all that the
    /// cut-out takes from it. They count as the pixels they touch, for the last bits of a box
    /// differ between processors.
    pub(crate) fn of_cut_out(
        model: &ModelStamp,
        person: Rect,
        others: &[Rect],
        options: &CutOutOptions,
    ) -> Result<Self, Error> {
        let pixels = |rect: &Rect| json!([rect.x, rect.y, rect.width, rect.height]);
        // Which of the others comes first makes no other picture.
        let mut others: Vec<_> =
            others.iter().map(|rect| (rect.x, rect.y, rect.width, rect.height)).collect();
        others.sort_unstable();
        Ok(Self::of(json!({
            "segmentation": model,
            "box": pixels(&person),
            "others": others,
            "options": value(options)?,
        })))
    }

    /// The whole picture without background.
    pub(crate) fn of_whole(model: &ModelStamp, options: &CutOutOptions) -> Result<Self, Error> {
        Ok(Self::of(json!({ "segmentation": model, "whole": true, "options": value(options)? })))
    }

    /// A person with the background of the photo.
    pub(crate) fn of_crop(person: Rect, padding: u32) -> Self {
        let pixels = [person.x, person.y, person.width, person.height];
        Self::of(json!({ "crop": pixels, "padding": padding }))
    }

    /// A picture that came from elsewhere: its pixels.
    pub(crate) fn of_picture(picture: &RgbaImage) -> Self {
        let mut hash = Sha256::new();
        hash.update(picture.width().to_be_bytes());
        hash.update(picture.as_raw());
        let digest: [u8; 32] = hash.finalize().into();
        let id = RecipeId::from_digest(&digest);
        Self { id, words: json!({ "pixels": id.to_string() }) }
    }
}

/// The same value with the names of its objects sorted, whatever order a build keeps them in.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let names: BTreeMap<_, _> = object.iter().collect();
            names.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect()
        }
        Value::Array(values) => values.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

fn value(options: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(options).map_err(|error| Error::encode("a recipe", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(sha256: &str) -> ModelStamp {
        ModelStamp { id: "birefnet-nano".into(), sha256: sha256.into() }
    }

    fn rect(x: u32) -> Rect {
        Rect { x, y: 2, width: 30, height: 40 }
    }

    fn cut_out(
        model: &ModelStamp,
        person: u32,
        others: &[u32],
        options: &CutOutOptions,
    ) -> RecipeId {
        let others: Vec<_> = others.iter().map(|&x| rect(x)).collect();
        Recipe::of_cut_out(model, rect(person), &others, options).unwrap().id
    }

    /// A change of these would have everything that was ordered before paid for again.
    #[test]
    fn recipes_stay_what_they_are() {
        let options = CutOutOptions::default();
        let id = cut_out(&model("abc"), 1, &[5, 3], &options);
        assert_eq!(id.to_string(), PINNED);
        assert_eq!(id, cut_out(&model("abc"), 1, &[3, 5], &options));
    }

    const PINNED: &str = "bbe1327ef13e6224";

    #[test]
    fn all_that_makes_another_picture_makes_another_recipe() {
        let options = CutOutOptions::default();
        let first = cut_out(&model("abc"), 1, &[3], &options);
        let padded = CutOutOptions { padding: options.padding + 1, ..options };
        for other in [
            cut_out(&model("abd"), 1, &[3], &options),
            cut_out(&model("abc"), 2, &[3], &options),
            cut_out(&model("abc"), 1, &[], &options),
            cut_out(&model("abc"), 1, &[3], &padded),
            Recipe::of_whole(&model("abc"), &options).unwrap().id,
            Recipe::of_crop(rect(1), 20).id,
            Recipe::of_picture(&RgbaImage::new(3, 4)).id,
        ] {
            assert_ne!(first, other);
        }
        let (wide, high) = (RgbaImage::new(3, 4), RgbaImage::new(4, 3));
        assert_ne!(Recipe::of_picture(&wide).id, Recipe::of_picture(&high).id);
    }
}
