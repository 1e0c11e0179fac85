//! `portrait cutout`

use super::context;
use super::many::{self, Done};
use crate::args::{CutoutArgs, Settings};
use crate::data;
use crate::error::CliError;
use crate::files::folder::Folder;
use crate::files::guard::{Guard, of_person};
use crate::files::photos::{PhotoFile, PhotoFiles};
use crate::files::target::Target;
use crate::output::Output;
use crate::settings;
use crate::shown::shown;
use futures::{StreamExt, TryStreamExt, stream};
use portrait_pipeline::{
    Background, Context, CutOutOptions, DetectOptions, Detections, PersonCutOut, Photo, Pipeline,
    encode_gray_png, encode_rgb_png, segmentation,
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Persons of a photo in work at once: one in the network, others before and after it.
const AT_ONCE: usize = 3;
/// What is tried in the folder for results before the work.
const LITTLE: usize = 4096;

/// What all photos of a command have in common.
struct Work<'a> {
    args: &'a CutoutArgs,
    output: &'a Output,
    pipeline: Pipeline,
    detect: DetectOptions,
    cut_out: CutOutOptions,
    background: Option<Arc<Background>>,
    target: Target,
    guard: Arc<Guard>,
    several: bool,
}

/// A person that was cut out, and where its picture is.
struct Written {
    document: Value,
    code: Option<u8>,
    cut_out: Option<PersonCutOut>,
}

pub(crate) async fn run(
    args: &CutoutArgs,
    settings: &Settings,
    output: &Output,
) -> Result<u8, CliError> {
    let ledger = data::ledger();
    let photos = PhotoFiles::find(&args.photos.photos, args.photos.recursive, &ledger)?;
    let target = Target::of(&args.output, &["png"], photos.several, output.is_json())?;
    let background = args.background.as_deref().map(settings::background).transpose()?;
    if target == Target::Stdout {
        output.keep_for_a_picture();
    }
    let guard = Guard::new(args.replace.force, ledger, inputs(args, &photos));
    if let Target::File(place) = &target {
        guard.check(place, "")?;
    }
    // Lives to the end: removed where nothing came into it.
    let folder = target.folder().map(Folder::make).transpose()?;
    if let Some(folder) = &folder {
        folder.try_writing(LITTLE)?;
    }
    let pipeline = args.people.models(settings.builder(output)?)?.build().await?;
    // The steps of several photos at once would be no help.
    let context = if photos.several { Context::default() } else { context(output) };
    let work = Work {
        args,
        output,
        pipeline: pipeline.with(context),
        detect: args.people.search.options(vec![0]),
        cut_out: args.people.options(),
        background: background.map(Arc::new),
        target,
        guard: Arc::new(guard),
        several: photos.several,
    };
    let code = many::each(&photos, output, |file| work.photo(file)).await?;
    output.starters(&[pipeline.detection_model(), pipeline.segmentation_model()]);
    Ok(code)
}

/// What the command reads.
fn inputs<'a>(args: &'a CutoutArgs, photos: &'a PhotoFiles) -> impl Iterator<Item = &'a Path> {
    let models = &args.people.models;
    let weights = [&models.weights, &models.detection_weights];
    let named = weights.into_iter().filter_map(|path| path.as_deref());
    let background = args.background.as_deref().map(Path::new);
    photos.files.iter().map(|file| file.path.as_path()).chain(named).chain(background)
}

impl Work<'_> {
    fn suffix(&self) -> &'static str {
        if self.args.mask_only { "_mask.png" } else { ".png" }
    }

    async fn photo(&self, file: &PhotoFile) -> Result<Done, CliError> {
        let photo = many::read(file).await?;
        let source = many::source(file, &photo);
        let wanted = self.args.people.persons.as_deref();
        if let Target::Folder(folder) = &self.target {
            let prefix = folder.join(&file.name);
            self.guard.check_persons(&prefix, self.suffix(), wanted, &source)?;
        }
        let found = self.pipeline.detect(&photo, &self.detect).await;
        let found = found.map_err(CliError::of_photo(&file.path))?;
        let selection = match wanted {
            Some(ids) => found.select(ids),
            None => Ok(found.select_all()),
        };
        let selection = selection.map_err(CliError::of_photo(&file.path))?;
        let ids: Vec<usize> = selection.wanted().map(|person| person.person_id).collect();
        if self.target.is_single() && ids.len() > 1 {
            let people = ids.len();
            return Err(CliError::Usage(format!(
                "{people} people were found and there is room for one: choose with --persons ID, or give a folder by -o"
            )));
        }
        let persons = stream::iter(ids)
            .map(|id| self.person(file, &photo, &found, id, &source))
            .buffered(AT_ONCE);
        let persons: Vec<Written> = persons.try_collect().await?;
        Ok(self.done(file, &found, &persons))
    }

    /// Cuts one person out and writes the picture at once, whatever becomes of the others.
    async fn person(
        &self,
        file: &PhotoFile,
        photo: &Photo,
        found: &Detections,
        id: usize,
        source: &str,
    ) -> Result<Written, CliError> {
        let of_photo = self.several.then_some(file.path.as_path());
        let failed = |error: &CliError| {
            self.output.person_failed(of_photo, id, error);
            Written {
                document: json!({ "person_id": id, "error": error.to_json()["error"] }),
                code: Some(error.exit_code()),
                cut_out: None,
            }
        };
        let selection = found.select(&[id])?;
        let persons = self.pipeline.cut_out(photo, &selection, &self.cut_out).await?;
        let Some(person) = persons.into_iter().next() else {
            return Err(CliError::Crashed(format!("nothing came of person {id}")));
        };
        let cut_out = match person.result {
            Ok(cut_out) => cut_out,
            Err(error) => return Ok(failed(&error.into())),
        };
        Ok(match self.write(file, &cut_out, source).await {
            Ok(place) => {
                self.tell(&place, &cut_out);
                let document = summary(&cut_out, &place);
                Written { document, code: None, cut_out: Some(cut_out) }
            }
            // The pictures of the others may still be written.
            Err(error) => failed(&error),
        })
    }

    async fn write(
        &self,
        file: &PhotoFile,
        cut_out: &PersonCutOut,
        source: &str,
    ) -> Result<PathBuf, CliError> {
        let place = match &self.target {
            Target::Stdout => PathBuf::from("-"),
            Target::File(place) => place.clone(),
            Target::Folder(folder) => {
                of_person(&folder.join(&file.name), cut_out.person.person_id, self.suffix())
            }
        };
        let (guard, background) = (self.guard.clone(), self.background.clone());
        let source = if self.target.is_single() { String::new() } else { source.to_owned() };
        let (cut_out, mask_only) = (cut_out.clone(), self.args.mask_only);
        let to_file = self.target != Target::Stdout;
        let (place, bytes) = super::beside(move || {
            let bytes = if mask_only {
                encode_gray_png(&segmentation::to_gray(&cut_out.cut_out.matte))?
            } else if let Some(background) = background {
                encode_rgb_png(&background.behind(&cut_out.cut_out.image)?)?
            } else {
                cut_out.png
            };
            if to_file {
                guard.write(&place, &bytes, &source, false)?;
            }
            Ok((place, bytes))
        })
        .await?;
        if !to_file {
            self.output.picture(&bytes);
        }
        Ok(place)
    }

    fn tell(&self, place: &Path, cut_out: &PersonCutOut) {
        let (width, height) = cut_out.cut_out.image.dimensions();
        self.output.line(format!(
            "{}: {width} x {height}, {:.0} % foreground, {:.0} ms",
            shown(place),
            100.0 * cut_out.cut_out.coverage(),
            cut_out.ms
        ));
    }

    fn done(&self, file: &PhotoFile, found: &Detections, persons: &[Written]) -> Done {
        let cut_outs = persons.iter().filter_map(|person| person.cut_out.as_ref());
        let warnings = cut_outs.flat_map(|cut_out| &cut_out.warnings);
        let of_photo = self.several.then_some(file.path.as_path());
        for warning in found.warnings.iter().chain(warnings) {
            self.output.warning(of_photo, warning);
        }
        let codes: Vec<u8> = persons.iter().filter_map(|person| person.code).collect();
        let of = if self.several { format!("{}: ", shown(&file.path)) } else { String::new() };
        let line = format!(
            "{of}{} of {} people cut out ({} found) on {}",
            persons.len() - codes.len(),
            persons.len(),
            found.persons.len(),
            found.device
        );
        let document = json!({
            "image": found.image,
            "detected": found.persons,
            "persons": persons.iter().map(|person| &person.document).collect::<Vec<_>>(),
            "detection_model": found.model,
            "device": found.device,
            "warnings": found.warnings,
        });
        Done { document, lines: vec![line], codes }
    }
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
