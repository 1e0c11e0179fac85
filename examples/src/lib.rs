//! Runnable examples: see the files in `examples/`.
//!
//! | example | what it shows |
//! |---|---|
//! | `embed` | the shortest program: a photo in, a cut-out of each person out |
//! | `detect_boxes` | who is in a photo, drawn into a copy of it |
//! | `cut_out` | cut-outs with options, warnings and errors of each person |
//! | `talking_portrait` | the whole flow to videos, against a local stand-in for D-ID |
//! | `two_users` | two users of one pipeline: one is cancelled, one is resumed by the photo's id |
//! | `overview_picture` | the picture at the top of README.md |
//!
//! Run one with `cargo run --release -p portrait-examples --example cut_out -- photo.jpg out`.
//! Models are looked for in `models/` and in the hub cache of this user, where
//! `portrait models fetch` puts them; without any, the small ones run that are part of the program.
//! `embed` looks for none. This library holds what the examples share, their [`CommandLine`].

use anyhow::{Context, Result, bail};
use portrait_pipeline::weights::{Family, HubPlace, default_hub_cache};
use portrait_pipeline::{Model, Photo, Pipeline, PipelineBuilder, Places};
use std::path::{Path, PathBuf};

/// The options that every example takes.
pub const OPTIONS: &str = "[--detection-weights FILE] [--weights FILE] \
     [--model ID|FOLDER]";

/// What an example was called with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CommandLine {
    /// The photo.
    pub photo: PathBuf,
    /// Where the result goes, if it was said.
    pub output: Option<PathBuf>,
    /// The file of YOLOv8 nano, instead of the one that is found.
    pub detection_weights: Option<PathBuf>,
    /// The file of the segmenter, instead of the one that is found.
    pub weights: Option<PathBuf>,
    /// Another BiRefNet than the default: its id, or a folder with its `manifest.toml`.
    pub model: Option<String>,
}

impl CommandLine {
    /// Reads what follows the program's name: a photo, a place for the result, and options.
    ///
    /// # Errors
    /// Says what is not understood, and `usage`.
    pub fn read(arguments: impl IntoIterator<Item = String>, usage: &str) -> Result<Self> {
        let mut line = Self::default();
        let mut places = Vec::new();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value =
                || arguments.next().with_context(|| format!("{argument} needs a value after it"));
            match argument.as_str() {
                "--detection-weights" => line.detection_weights = Some(value()?.into()),
                "--weights" => line.weights = Some(value()?.into()),
                "--model" => line.model = Some(value()?),
                unknown if unknown.starts_with('-') => {
                    bail!("{unknown} is no option\nusage: {usage} {OPTIONS}")
                }
                _ => places.push(PathBuf::from(argument)),
            }
        }
        let mut places = places.into_iter();
        line.photo = places.next().with_context(|| format!("usage: {usage} {OPTIONS}"))?;
        line.output = places.next();
        match places.next() {
            None => Ok(line),
            Some(more) => bail!("{} is too much\nusage: {usage} {OPTIONS}", more.display()),
        }
    }

    /// Reads and decodes the photo.
    ///
    /// # Errors
    /// Names the file and says what is wrong with it.
    pub fn photo(&self) -> Result<Photo> {
        let name = || self.photo.display().to_string();
        let bytes = std::fs::read(&self.photo).with_context(name)?;
        Photo::decode(bytes).with_context(name)
    }

    /// A pipeline with the models that were asked for.
    ///
    /// # Errors
    /// If the manifest cannot be read.
    pub fn pipeline(&self) -> Result<PipelineBuilder> {
        let detection = Model::asked_for(Family::Yolov8, None, self.detection_weights.clone())?;
        let name = self.model.as_deref();
        let segmentation = Model::asked_for(Family::Birefnet, name, self.weights.clone())?;
        Ok(Pipeline::builder()
            .places(places(Path::new("models")))
            .detection_model(detection)
            .segmentation_model(segmentation))
    }
}

/// Checkpoints from a models folder and from the hub cache of this user. Nothing is downloaded.
pub fn places(models: &Path) -> Places {
    let cache = default_hub_cache(|name| std::env::var_os(name));
    let hub = cache.map(|cache| HubPlace { cache, download: None });
    Places { models: Some(models.into()), hub, ..Places::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<CommandLine> {
        CommandLine::read(line.split_whitespace().map(str::to_owned), "cut_out PHOTO [FOLDER]")
    }

    #[test]
    fn options_may_stand_anywhere() {
        let line = read("--detection-weights a b.jpg --model c d").unwrap();
        assert_eq!(
            line,
            CommandLine {
                photo: "b.jpg".into(),
                output: Some("d".into()),
                detection_weights: Some("a".into()),
                weights: None,
                model: Some("c".into()),
            }
        );
        assert_eq!(read("b.jpg").unwrap().output, None);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, message) in [
            ("", "usage: cut_out PHOTO"),
            ("--colour red", "--colour is no option"),
            ("a.jpg --weights", "--weights needs a value"),
            ("a b c", "c is too much"),
        ] {
            let error = read(line).unwrap_err().to_string();
            assert!(error.contains(message), "{line}: {error}");
        }
    }
}
