//! `portrait cutout`

use super::context;
use crate::args::{CutoutArgs, Settings};
use crate::error::CliError;
use crate::output::Output;
use crate::settings;
use portrait_pipeline::{
    Background, Detections, Error, PersonCutOut, Request, encode_gray_png, encode_rgb_png,
    segmentation,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

pub(crate) async fn run(
    args: &CutoutArgs,
    settings: &Settings,
    output: &Output,
) -> Result<u8, CliError> {
    let background = args.background.as_deref().map(settings::background).transpose()?;
    let photo = settings::photo(&args.photo)?;
    settings::output_folder(&args.output)?;
    let pipeline = args.people.models(settings.builder(output)?)?.build().await?;
    let request = Request {
        detect: args.people.search.options(vec![0]),
        persons: args.people.persons.clone(),
        cut_out: args.people.options(),
        ..Request::new(photo)
    };
    let outcome = pipeline
        .with(context(output))
        .run(request)
        .await
        .map_err(CliError::of_photo(&args.photo))?;
    let mut persons = Vec::new();
    let mut codes: Vec<u8> = super::codes(&outcome.cut_outs).collect();
    for person in &outcome.cut_outs {
        persons.push(match &person.result {
            Ok(cut_out) => match write(args, background.as_ref(), cut_out) {
                Ok(file) => {
                    tell(&file, cut_out, output);
                    summary(cut_out, &file)
                }
                // The pictures of the others may still be written.
                Err(error) => {
                    output.person_failed(person.person_id, &error);
                    codes.push(error.exit_code());
                    json!({ "person_id": person.person_id, "error": error.to_json()["error"] })
                }
            },
            Err(error) => {
                output.person_error(person.person_id, error);
                json!({ "person_id": person.person_id, "error": error_body(error) })
            }
        });
    }
    output.starters(&[pipeline.detection_model(), pipeline.segmentation_model()]);
    outcome.warnings().for_each(|warning| output.warning(warning));
    finish(&outcome.detections, &persons, persons.len() - codes.len(), output);
    Ok(super::gravest(codes))
}

fn finish(found: &Detections, persons: &[Value], done: usize, output: &Output) {
    output.document(&json!({
        "image": found.image,
        "detected": found.persons,
        "persons": persons,
        "detection_model": found.model,
        "device": found.device,
        "warnings": found.warnings,
    }));
    output.line(format!(
        "{done} of {} people cut out ({} found) on {}",
        persons.len(),
        found.persons.len(),
        found.device
    ));
}

fn write(
    args: &CutoutArgs,
    background: Option<&Background>,
    cut_out: &PersonCutOut,
) -> Result<PathBuf, CliError> {
    let id = cut_out.person.person_id;
    let (name, bytes) = if args.mask_only {
        let matte = segmentation::to_gray(&cut_out.cut_out.matte);
        (format!("person_{id}_mask.png"), encode_gray_png(&matte)?)
    } else if let Some(background) = background {
        let flat = background.behind(&cut_out.cut_out.image)?;
        (format!("person_{id}.png"), encode_rgb_png(&flat)?)
    } else {
        (format!("person_{id}.png"), cut_out.png.clone())
    };
    let file = args.output.join(name);
    std::fs::write(&file, bytes).map_err(CliError::file(&file, "write"))?;
    Ok(file)
}

fn tell(file: &Path, cut_out: &PersonCutOut, output: &Output) {
    let (width, height) = cut_out.cut_out.image.dimensions();
    output.line(format!(
        "{}: {width} x {height}, {:.0} % foreground, {:.0} ms",
        file.display(),
        100.0 * cut_out.cut_out.coverage(),
        cut_out.ms
    ));
}

fn summary(cut_out: &PersonCutOut, file: &Path) -> Value {
    let rect = cut_out.cut_out.rect;
    json!({
        "person_id": cut_out.person.person_id,
        "bbox": cut_out.person.bbox,
        "confidence": cut_out.person.confidence,
        "file": file.to_string_lossy(),
        "place": { "x": rect.x, "y": rect.y, "width": rect.width, "height": rect.height },
        "coverage": cut_out.cut_out.coverage(),
        "model": cut_out.model,
        "device": cut_out.device,
        "ms": cut_out.ms,
        "warnings": cut_out.warnings,
    })
}

/// The body of a person's error, for other commands.
pub(super) fn error_body(error: &Error) -> Value {
    error.to_json()["error"].clone()
}
