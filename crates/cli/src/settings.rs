//! From arguments and environment to the library's values.

use crate::args::{ModelArgs, PeopleArgs, SearchArgs, Settings};
use crate::error::CliError;
use crate::files::photos::is_stdin;
use crate::keys::{hub_is_offline, hub_token};
use crate::output::Output;
use crate::proxy::proxy_for;
use portrait_pipeline::weights::{Download, Family, HubPlace, Url, default_hub_cache};
use portrait_pipeline::{
    Background, CutOutOptions, DetectOptions, LetterboxMode, Model, Photo, PhotoError, PhotoLimits,
    Pipeline, PipelineBuilder, Places, STARTER_MODELS,
};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

impl Settings {
    /// Where checkpoints are, with downloads if they are allowed.
    pub(crate) fn places(&self, output: &Output, allow: bool) -> Result<Places, CliError> {
        let cache =
            self.hub_cache.clone().or_else(|| default_hub_cache(|name| std::env::var_os(name)));
        let wanted = allow || self.download;
        let offline = wanted && offline();
        if offline {
            output.note("HF_HUB_OFFLINE is set: nothing is downloaded");
        }
        let download = if wanted && !offline { Some(self.download(output)?) } else { None };
        let hub = cache.map(|cache| HubPlace { cache, download });
        Ok(Places { file: None, models: Some(self.models.clone()), hub, bundled: STARTER_MODELS })
    }

    fn download(&self, output: &Output) -> Result<Download, CliError> {
        let mut download =
            Download { on_progress: output.bars().download(), ..Download::default() };
        if let Some(hub) = &self.hub {
            download.endpoint = url(hub)?;
        }
        download.token = hub_token(|name| std::env::var_os(name));
        download.proxy = proxy_for(&download.endpoint)?;
        Ok(download)
    }

    pub(crate) fn builder(&self, output: &Output) -> Result<PipelineBuilder, CliError> {
        let builder = Pipeline::builder().devices(self.device.clone()).precision(self.precision);
        Ok(builder.places(self.places(output, false)?).progress(output.bars().steps()))
    }
}

/// Whether the environment forbids downloads of models.
pub(crate) fn offline() -> bool {
    hub_is_offline(|name| std::env::var_os(name))
}

pub(crate) fn url(text: &str) -> Result<Url, CliError> {
    Url::parse(text).map_err(|error| CliError::Usage(format!("`{text}` is no address: {error}")))
}

impl SearchArgs {
    pub(crate) fn options(&self, classes: Vec<usize>) -> DetectOptions {
        DetectOptions {
            confidence: self.conf,
            iou: self.iou,
            image_size: self.imgsz,
            max_detections: self.max_det,
            letterbox: if self.square { LetterboxMode::Square } else { LetterboxMode::Rect },
            classes: Some(classes),
            ..DetectOptions::default()
        }
    }
}

impl ModelArgs {
    /// The detection model that was asked for.
    pub(crate) fn detection(&self) -> Result<Option<Model>, CliError> {
        let (name, file) = (self.detection_model.as_deref(), self.detection_weights.clone());
        Ok(Model::asked_for(Family::Yolov8, name, file)?)
    }

    /// The segmentation model that was asked for.
    pub(crate) fn segmentation(&self) -> Result<Option<Model>, CliError> {
        Ok(Model::asked_for(Family::Birefnet, self.model.as_deref(), self.weights.clone())?)
    }
}

impl PeopleArgs {
    /// The models that were asked for; where none was, the pipeline takes what is there.
    pub(crate) fn models(&self, builder: PipelineBuilder) -> Result<PipelineBuilder, CliError> {
        let (detection, segmentation) = (self.models.detection()?, self.models.segmentation()?);
        Ok(builder.detection_model(detection).segmentation_model(segmentation))
    }

    pub(crate) fn options(&self) -> CutOutOptions {
        CutOutOptions { padding: self.padding, feather: self.feather, ..CutOutOptions::default() }
    }
}

/// Reads and decodes a photo, `-` from standard input; a file that is too large is not read.
pub(crate) fn photo(path: &Path) -> Result<Photo, CliError> {
    let limits = PhotoLimits::default();
    let failed = CliError::of_photo(path);
    let limit = limits.max_bytes as u64 + 1;
    let mut bytes = Vec::new();
    if is_stdin(path) {
        let read = std::io::stdin().lock().take(limit).read_to_end(&mut bytes);
        read.map_err(CliError::file(path, "read standard input as"))?;
    } else {
        let file = std::fs::File::open(path).map_err(CliError::file(path, "read"))?;
        let metadata = file.metadata().map_err(CliError::file(path, "read"))?;
        let found = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        if metadata.is_file() && found > limits.max_bytes {
            let error = PhotoError::TooManyBytes { found, limit: limits.max_bytes };
            return Err(failed(error.into()));
        }
        file.take(limit).read_to_end(&mut bytes).map_err(CliError::file(path, "read"))?;
    }
    Photo::decode_within(bytes, &limits).map_err(failed)
}

/// A colour, or a picture file.
pub(crate) fn background(text: &str) -> Result<Background, CliError> {
    let error = match text.parse::<Background>() {
        Ok(background) => return Ok(background),
        Err(error) => error,
    };
    let path = Path::new(text);
    if !path.exists() {
        return Err(CliError::Usage(format!("{error}, or the path of a picture")));
    }
    Ok(Background::Picture(Arc::clone(photo(path)?.image())))
}
