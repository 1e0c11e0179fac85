//! `portrait models evaluate`

mod networks;
mod pairs;

use crate::args::{EvaluateArgs, Measure, Settings};
use crate::error::CliError;
use crate::output::Output;
use networks::{Networks, boxes, nonsense, person_matte, photo_matte, scores, truth_box};
use portrait_evaluation::{AveragePrecision, BoxScores, MatteScores, MeanScores};
use portrait_pipeline::DetectOptions;
use serde_json::{Value, json};
use std::process::ExitCode;

/// An IoU from which on a box is the person's.
const SAME_PERSON: f64 = 0.5;

/// What was measured so far.
#[derive(Default)]
struct Measured {
    boxes: Option<AveragePrecision>,
    /// Photos in which somebody was found at the usual confidence.
    found_somebody: usize,
    photo: Vec<MatteScores>,
    person: Vec<MatteScores>,
}

pub(crate) async fn run(
    args: &EvaluateArgs,
    settings: &Settings,
    output: &Output,
) -> Result<ExitCode, CliError> {
    let (pairs, without) = pairs::pairs(args)?;
    if pairs.is_empty() {
        return Err(CliError::Usage(format!(
            "{}: no photo with a mask of the same name; photos are JPEG, PNG or WebP",
            args.images.display()
        )));
    }
    let networks = Networks::load(args, settings, output).await?;
    let options = args.search.options(vec![0]);
    let mut measured = Measured::default();
    if networks.detector.is_some() {
        measured.boxes = Some(AveragePrecision::new(SAME_PERSON).map_err(nonsense)?);
    }
    let bar = output.bars().counted(pairs.len() as u64, "photos");
    for pair in &pairs {
        measured.add(pair, &networks, args, &options)?;
        bar.inc(1);
        // Lets an interrupt in.
        tokio::task::yield_now().await;
    }
    bar.finish_and_clear();
    tell(&measured, &networks, args, (pairs.len(), without.len()), output);
    Ok(ExitCode::SUCCESS)
}

impl Measured {
    fn add(
        &mut self,
        pair: &pairs::Pair,
        networks: &Networks,
        args: &EvaluateArgs,
        options: &DetectOptions,
    ) -> Result<(), CliError> {
        let example = pair.read()?;
        let person = truth_box(&example)?;
        if let (Some((_, detector)), Some(collected)) = (&networks.detector, &mut self.boxes) {
            let found = boxes(detector, &example, options)?;
            let somebody = found.iter().any(|(_, confidence)| *confidence > options.confidence);
            self.found_somebody += usize::from(somebody);
            collected.add(&found, person.as_slice()).map_err(nonsense)?;
        }
        let Some((_, segmenter)) = &networks.segmenter else { return Ok(()) };
        if args.measure.contains(&Measure::Photo) {
            self.photo.push(scores(&example, &photo_matte(segmenter, &example)?)?);
        }
        if let (true, Some(person)) = (args.measure.contains(&Measure::Person), person) {
            self.person.push(scores(&example, &person_matte(segmenter, &example, person)?)?);
        }
        Ok(())
    }
}

fn tell(
    measured: &Measured,
    networks: &Networks,
    args: &EvaluateArgs,
    (photos, without): (usize, usize),
    output: &Output,
) {
    let id = |model: &portrait_pipeline::Model| model.manifest.id.clone();
    let detection = networks.detector.as_ref().map(|(model, _)| id(model));
    let segmentation = networks.segmenter.as_ref().map(|(model, _)| id(model));
    let found = measured.boxes.as_ref().map(|boxes| boxes.scores(args.search.conf));
    let mattes = [("photo", &measured.photo), ("person", &measured.person)]
        .map(|(name, scores)| (name, MeanScores::of(scores.iter().copied())));
    output.line(format!("{photos} photos of {}", args.images.display()));
    if without > 0 {
        output.line(format!("{without} photos have no mask and were left out"));
    }
    let share = measured.found_somebody as f64 / photos as f64;
    if let (Some(id), Some(found)) = (&detection, &found) {
        output.line(boxes_line(id, found, share, args));
    }
    for (name, mean) in &mattes {
        if let (Some(id), Some(mean)) = (&segmentation, mean) {
            output.line(matte_line(id, name, mean, args.no_people));
        }
    }
    output.document(&json!({
        "photos": photos,
        "without_mask": without,
        "detection_model": detection,
        "segmentation_model": segmentation,
        "boxes": found.map(|found| json!({
            "ap50": found.average_precision,
            "confidence": args.search.conf,
            "recall": found.recall,
            "precision": found.precision,
            "photos_with_detections": measured.found_somebody,
        })),
        "photo": mattes[0].1.as_ref().map(matte_json),
        "person": mattes[1].1.as_ref().map(matte_json),
    }));
}

fn boxes_line(id: &str, found: &BoxScores, share: f64, args: &EvaluateArgs) -> String {
    let conf = args.search.conf;
    if args.no_people {
        return format!(
            "{id}: somebody found in {:.1} % of them at confidence {conf}",
            100.0 * share
        );
    }
    format!(
        "{id}: AP50 {:.4}, recall {:.4} and precision {:.4} at confidence {conf}",
        found.average_precision, found.recall, found.precision
    )
}

fn matte_line(id: &str, what: &str, mean: &MeanScores, no_people: bool) -> String {
    let scores = &mean.scores;
    if no_people {
        return format!("{id}, {what}: mean alpha {:.4}", scores.mae);
    }
    format!(
        "{id}, {what}: IoU {:.4}, MAE {:.4}, S-measure {:.4}, weighted F {:.4}, boundary IoU {:.4}",
        scores.iou, scores.mae, scores.s_measure, scores.weighted_f, scores.boundary_iou
    )
}

fn matte_json(mean: &MeanScores) -> Value {
    let scores = &mean.scores;
    json!({
        "images": mean.images,
        "iou": scores.iou,
        "mae": scores.mae,
        "s_measure": scores.s_measure,
        "weighted_f_measure": scores.weighted_f,
        "boundary_iou": scores.boundary_iou,
    })
}
