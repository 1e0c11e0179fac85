//! `portrait detect`

use super::context;
use crate::args::{DetectArgs, Settings};
use crate::error::CliError;
use crate::output::Output;
use crate::settings;
use portrait_pipeline::weights::Family;
use portrait_pipeline::{Detections, Model};
use serde_json::json;
use std::time::Instant;

pub(crate) async fn run(
    args: &DetectArgs,
    settings: &Settings,
    output: &Output,
) -> Result<u8, CliError> {
    let start = Instant::now();
    let photo = settings::photo(&args.photo)?;
    let decode = start.elapsed().as_secs_f64() * 1e3;
    let model = Model::asked_for(Family::Yolov8, args.model.as_deref(), args.weights.clone())?;
    let pipeline = settings.builder(output)?.detection_model(model).build().await?;
    let options = args.search.options(args.classes.clone());
    let found = pipeline.with(context(output)).detect(&photo, &options).await;
    let found = found.map_err(CliError::of_photo(&args.photo))?;
    print(&found, decode, output);
    output.starters(&[pipeline.detection_model()]);
    Ok(0)
}

fn print(found: &Detections, decode: f64, output: &Output) {
    let timings = found.timings_ms;
    output.document(&json!({
        "image": found.image,
        "persons": found.persons,
        "model": found.model,
        "device": found.device,
        "timings_ms": {
            "decode": decode,
            "model": timings.model,
            "wait": timings.wait,
            "detection": timings.detection,
        },
        "warnings": found.warnings,
    }));
    for warning in &found.warnings {
        output.warning(warning);
    }
    for person in &found.persons {
        let bbox = person.bbox;
        output.line(format!(
            "person {}: {:.0},{:.0} to {:.0},{:.0}, confidence {:.2}",
            person.person_id, bbox.x1, bbox.y1, bbox.x2, bbox.y2, person.confidence
        ));
    }
    output.line(format!(
        "{} found in {} x {} pixels by {} on {} in {:.0} ms",
        found.persons.len(),
        found.image.width,
        found.image.height,
        found.model,
        found.device,
        timings.detection
    ));
}
