//! The networks that are measured, without scheduling: one photo after another.

use super::pairs::Example;
use crate::args::{EvaluateArgs, Measure, Settings};
use crate::error::CliError;
use crate::output::Output;
use image::math::Rect;
use portrait_evaluation::{BoundingBox, MattePair, MatteScores, mask_bounding_box};
use portrait_pipeline::detection::Detector;
use portrait_pipeline::lowlevel::{load_detector, load_segmenter, open_device};
use portrait_pipeline::segmentation::Segmenter;
use portrait_pipeline::weights::Family;
use portrait_pipeline::{CutOutOptions, DetectOptions, Error, Model};

/// Boxes this sure count for the average precision, as in Ultralytics' validation.
const LEAST_CONFIDENCE: f32 = 0.001;

pub(super) struct Networks {
    pub(super) detector: Option<(Model, Detector)>,
    pub(super) segmenter: Option<(Model, Segmenter)>,
}

impl Networks {
    /// Loads what the measures need.
    pub(super) async fn load(
        args: &EvaluateArgs,
        measures: &[Measure],
        settings: &Settings,
        output: &Output,
    ) -> Result<Self, CliError> {
        let places = settings.places(output, false)?;
        let device = open_device(settings.device.single()?).map_err(Error::from)?;
        let mut networks = Self { detector: None, segmenter: None };
        if measures.contains(&Measure::Boxes) {
            let asked = args.models.detection()?;
            let model = Model::or_preferred(asked, Family::Yolov8, &places).await?;
            let checkpoint = model.open(&places).await?;
            let network = load_detector(&model.manifest, &checkpoint, &device, settings.precision)?;
            networks.detector = Some((model, network));
        }
        if measures.iter().any(|measure| *measure != Measure::Boxes) {
            let asked = args.models.segmentation()?;
            let model = Model::or_preferred(asked, Family::Birefnet, &places).await?;
            let checkpoint = model.open(&places).await?;
            let network =
                load_segmenter(&model.manifest, &checkpoint, &device, settings.precision)?;
            networks.segmenter = Some((model, network));
        }
        Ok(networks)
    }
}

/// Persons found, with their confidence.
pub(super) fn boxes(
    detector: &Detector,
    example: &Example,
    options: &DetectOptions,
) -> Result<Vec<(BoundingBox, f32)>, CliError> {
    let options = DetectOptions { confidence: LEAST_CONFIDENCE, ..options.clone() };
    let found = detector.detect(&example.photo, &options).map_err(Error::from)?;
    let corners =
        |b: portrait_pipeline::BoundingBox| BoundingBox { x1: b.x1, y1: b.y1, x2: b.x2, y2: b.y2 };
    Ok(found.iter().map(|person| (corners(person.bbox), person.confidence)).collect())
}

/// The box of the mask; `None` where it shows nobody.
pub(super) fn truth_box(example: &Example) -> Result<Option<BoundingBox>, CliError> {
    let (width, height) = example.photo.dimensions();
    mask_bounding_box(&example.truth, width as usize, height as usize).map_err(nonsense)
}

/// The matte of the whole photo.
pub(super) fn photo_matte(segmenter: &Segmenter, example: &Example) -> Result<Vec<f32>, CliError> {
    let photo = std::slice::from_ref(&example.photo);
    let mattes = segmenter.mattes(photo).map_err(Error::from)?;
    Ok(mattes.into_iter().flat_map(|matte| matte.into_raw()).collect())
}

/// The cut-out of the person in this box, put back into the photo's place.
pub(super) fn person_matte(
    segmenter: &Segmenter,
    example: &Example,
    person: BoundingBox,
) -> Result<Vec<f32>, CliError> {
    let rect = Rect {
        x: person.x1 as u32,
        y: person.y1 as u32,
        width: (person.x2 - person.x1) as u32,
        height: (person.y2 - person.y1) as u32,
    };
    let cut_out = segmenter
        .cut_out(&example.photo, rect, &[], &CutOutOptions::default())
        .map_err(Error::from)?;
    let width = example.photo.width() as usize;
    let mut whole = vec![0.0; example.truth.len()];
    for (x, y, alpha) in cut_out.matte.enumerate_pixels() {
        let (x, y) = (cut_out.rect.x + x, cut_out.rect.y + y);
        whole[y as usize * width + x as usize] = alpha.0[0];
    }
    Ok(whole)
}

pub(super) fn scores(example: &Example, matte: &[f32]) -> Result<MatteScores, CliError> {
    let (width, height) = example.photo.dimensions();
    let pair = MattePair::new(matte, &example.truth, width as usize, height as usize);
    Ok(MatteScores::of(&pair.map_err(nonsense)?))
}

/// A value of a network or a mask that is not a number from 0 to 1.
pub(super) fn nonsense(error: portrait_evaluation::Error) -> CliError {
    CliError::Usage(error.to_string())
}
