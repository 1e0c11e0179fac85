//! `portrait models evaluate`

mod networks;
mod pairs;

use crate::args::{EvaluateArgs, Measure, Settings};
use crate::error::CliError;
use crate::output::Output;
use crate::shown::shown;
use networks::{Networks, boxes, nonsense, person_matte, photo_matte, scores, truth_box};
use portrait_evaluation::{AveragePrecision, BoxScores, MatteScores, MeanScores};
use portrait_pipeline::{DetectOptions, Error};
use serde_json::{Value, json};

/// An IoU from which on a box is the person's.
const SAME_PERSON: f64 = 0.5;

/// What was measured so far.
#[derive(Default)]
struct Measured {
    photos: usize,
    boxes: Option<AveragePrecision>,
    /// Photos in which somebody was found at the usual confidence.
    found_somebody: usize,
    photo: Vec<MatteScores>,
    person: Vec<MatteScores>,
    /// Why photos or masks could not be read.
    left_out: Vec<CliError>,
}

pub(crate) async fn run(
    args: &EvaluateArgs,
    settings: &Settings,
    output: &Output,
) -> Result<u8, CliError> {
    let (pairs, without) = pairs::pairs(args)?;
    let measures = args.measures()?;
    let options = args.search.options(vec![0]);
    options.check(1).map_err(Error::from)?;
    let networks = Networks::load(args, &measures, settings, output).await?;
    let mut measured = Measured::default();
    if networks.detector.is_some() {
        measured.boxes = Some(AveragePrecision::new(SAME_PERSON).map_err(nonsense)?);
    }
    let bar = output.bars().counted(pairs.len() as u64, "photos");
    let mut end = Ok(());
    for pair in &pairs {
        end = match pair.read() {
            Ok(example) => measured.add(&example, &networks, &measures, &options),
            // One damaged photo of thousands is no reason to lose the others.
            Err(error) => {
                measured.left_out.push(error);
                Ok(())
            }
        };
        if end.is_err() {
            break;
        }
        bar.inc(1);
        // So that an interrupt is noticed.
        tokio::task::yield_now().await;
    }
    bar.finish_and_clear();
    if measured.photos == 0 {
        // No photo was measured: the error, or the first of several.
        end?;
        return measured.left_out.into_iter().next().map_or(Ok(0), Err);
    }
    if end.is_ok() || !output.is_json() {
        tell(&measured, &networks, args, without.len(), output);
    }
    measured.left_out.iter().for_each(|error| output.left_out(error));
    end?;
    Ok(crate::commands::gravest(measured.left_out.iter().map(CliError::exit_code)))
}

impl Measured {
    fn add(
        &mut self,
        example: &pairs::Example,
        networks: &Networks,
        measures: &[Measure],
        options: &DetectOptions,
    ) -> Result<(), CliError> {
        let person = truth_box(example)?;
        if let (Some((_, detector)), Some(collected)) = (&networks.detector, &mut self.boxes) {
            let found = boxes(detector, example, options)?;
            let somebody = found.iter().any(|(_, confidence)| *confidence > options.confidence);
            self.found_somebody += usize::from(somebody);
            collected.add(&found, person.as_slice()).map_err(nonsense)?;
        }
        if let Some((_, segmenter)) = &networks.segmenter {
            if measures.contains(&Measure::Photo) {
                self.photo.push(scores(example, &photo_matte(segmenter, example)?)?);
            }
            if let (true, Some(person)) = (measures.contains(&Measure::Person), person) {
                self.person.push(scores(example, &person_matte(segmenter, example, person)?)?);
            }
        }
        self.photos += 1;
        Ok(())
    }
}

fn tell(
    measured: &Measured,
    networks: &Networks,
    args: &EvaluateArgs,
    without: usize,
    output: &Output,
) {
    let photos = measured.photos;
    let id = |model: &portrait_pipeline::Model| model.manifest.id.clone();
    let detection = networks.detector.as_ref().map(|(model, _)| id(model));
    let segmentation = networks.segmenter.as_ref().map(|(model, _)| id(model));
    let found = measured.boxes.as_ref().map(|boxes| boxes.scores(args.search.conf));
    let mattes = [("photo", &measured.photo), ("person", &measured.person)]
        .map(|(name, scores)| (name, MeanScores::of(scores.iter().copied())));
    output.line(format!("{photos} photos of {}", shown(&args.images)));
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
        "left_out": measured.left_out.len(),
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
