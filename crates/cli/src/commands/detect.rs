//! `portrait detect`

use super::context;
use super::many::{self, Done};
use crate::args::{DetectArgs, Settings};
use crate::data;
use crate::draw::drawn;
use crate::error::CliError;
use crate::files::folder::Folder;
use crate::files::guard::Guard;
use crate::files::photos::{PhotoFile, PhotoFiles};
use crate::files::target::Target;
use crate::output::Output;
use crate::shown::shown;
use portrait_pipeline::weights::Family;
use portrait_pipeline::{Context, DetectOptions, Detections, Model, Photo, Pipeline};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// What all photos of a command have in common.
struct Work<'a> {
    output: &'a Output,
    pipeline: Pipeline,
    options: DetectOptions,
    /// Where the copy with the boxes goes.
    drawing: Option<Target>,
    guard: Arc<Guard>,
    several: bool,
}

pub(crate) async fn run(
    args: &DetectArgs,
    settings: &Settings,
    output: &Output,
) -> Result<u8, CliError> {
    let ledger = data::ledger();
    let photos = PhotoFiles::find(&args.photos.photos, args.photos.recursive, &ledger)?;
    let target = |path: &PathBuf| {
        Target::of(path, &["jpg", "jpeg", "png"], photos.several, output.is_json())
    };
    let drawing = args.draw.as_ref().map(target).transpose()?;
    let inputs = photos.files.iter().map(|file| file.path.as_path());
    let guard = Guard::new(args.replace.force, ledger, inputs.chain(args.weights.as_deref()));
    match &drawing {
        Some(Target::Stdout) => output.keep_for_a_picture(),
        Some(Target::File(place)) => guard.check(place, "")?,
        _ => {}
    }
    // Lives to the end: removed where nothing came into it.
    let _folder = drawing.as_ref().and_then(Target::folder).map(Folder::make).transpose()?;
    let model = Model::asked_for(Family::Yolov8, args.model.as_deref(), args.weights.clone())?;
    let pipeline = settings.builder(output)?.detection_model(model).build().await?;
    let context = if photos.several { Context::default() } else { context(output) };
    let work = Work {
        output,
        pipeline: pipeline.with(context),
        options: args.search.options(args.classes.clone()),
        drawing,
        guard: Arc::new(guard),
        several: photos.several,
    };
    let code = many::each(&photos, output, |file| work.photo(file)).await?;
    output.starters(&[pipeline.detection_model()]);
    Ok(code)
}

impl Work<'_> {
    async fn photo(&self, file: &PhotoFile) -> Result<Done, CliError> {
        let start = Instant::now();
        let photo = many::read(file).await?;
        let decode = start.elapsed().as_secs_f64() * 1e3;
        let drawing = self.drawing_of(file);
        let source = if self.several { many::source(file, &photo) } else { String::new() };
        if let Some(place) = &drawing {
            self.guard.check(place, &source)?;
        }
        let found = self.pipeline.detect(&photo, &self.options).await;
        let found = found.map_err(CliError::of_photo(&file.path))?;
        let of_photo = self.several.then_some(file.path.as_path());
        found.warnings.iter().for_each(|warning| self.output.warning(of_photo, warning));
        if let Some(place) = &drawing {
            self.draw(place, &photo, &found, source).await?;
        }
        Ok(self.done(file, &found, decode, drawing.as_deref()))
    }

    /// Where the copy of this photo goes.
    fn drawing_of(&self, file: &PhotoFile) -> Option<PathBuf> {
        Some(match self.drawing.as_ref()? {
            Target::Stdout => PathBuf::from("-"),
            Target::File(place) => place.clone(),
            Target::Folder(folder) => {
                let mut place = folder.join(&file.name).into_os_string();
                place.push("_boxes.jpg");
                place.into()
            }
        })
    }

    async fn draw(
        &self,
        place: &Path,
        photo: &Photo,
        found: &Detections,
        source: String,
    ) -> Result<(), CliError> {
        let to_file = self.drawing != Some(Target::Stdout);
        let (guard, image, persons) =
            (self.guard.clone(), photo.image().clone(), found.persons.clone());
        let place = place.to_path_buf();
        let bytes = super::beside(move || {
            let bytes = drawn(&image, &persons, &place)?;
            if to_file {
                guard.write(&place, &bytes, &source, false)?;
            }
            Ok(bytes)
        });
        let bytes = bytes.await?;
        if !to_file {
            self.output.picture(&bytes);
        }
        Ok(())
    }

    fn done(
        &self,
        file: &PhotoFile,
        found: &Detections,
        decode: f64,
        drawing: Option<&Path>,
    ) -> Done {
        let timings = found.timings_ms;
        let mut document = json!({
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
        });
        if let Some(place) = drawing {
            document["drawing"] = place.to_string_lossy().into();
        }
        let of = if self.several { format!("{}: ", shown(&file.path)) } else { String::new() };
        let person = |person: &portrait_pipeline::Detection| {
            let bbox = person.bbox;
            format!(
                "{of}person {}: {:.0},{:.0} to {:.0},{:.0}, confidence {:.2}",
                person.person_id, bbox.x1, bbox.y1, bbox.x2, bbox.y2, person.confidence
            )
        };
        let mut lines: Vec<String> = found.persons.iter().map(person).collect();
        lines.push(format!(
            "{of}{} found in {} x {} pixels by {} on {} in {:.0} ms",
            found.persons.len(),
            found.image.width,
            found.image.height,
            found.model,
            found.device,
            timings.detection
        ));
        Done { document, lines, codes: Vec::new() }
    }
}
