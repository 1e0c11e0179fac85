//! `portrait video`

use super::context;
use crate::args::{Settings, VideoArgs};
use crate::data::{self, D_ID, Data};
use crate::error::CliError;
use crate::files::folder::Folder;
use crate::files::guard::{Guard, of_person};
use crate::files::photos::{PhotoFile, PhotoFiles};
use crate::files::target::Target;
use crate::keys;
use crate::output::Output;
use crate::proxy::proxy_for;
use crate::settings;
use crate::shown::shown;
use portrait_d_id_fake::FakeDid;
use portrait_pipeline::d_id::Client;
use portrait_pipeline::{Message, Model, Photo, Pipeline, Request, Video};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Tried in the folder for results before anything is paid: as much as a video takes.
const A_VIDEO: usize = 2 << 20;
const KEY: &str = "D_ID_API_KEY";

/// Where videos go.
struct Place {
    target: Target,
    /// What the videos of the photo are called in a folder, without the person.
    prefix: PathBuf,
    guard: Guard,
    /// What they are made from, for the record of what was written.
    source: String,
}

pub(crate) async fn run(
    args: &VideoArgs,
    settings: &Settings,
    output: &Output,
) -> Result<u8, CliError> {
    let mut message = Message::from(args.message.message()?);
    message.background = settings::background(&args.background)?;
    let photo = settings::photo(&args.photo)?;
    // The same file is the same photo in the next run, so its orders are found.
    let id = photo.content_id();
    let photo = photo.with_id(id);
    let place = Place::of(args, &photo, output)?;
    // Lives to the end: removed where nothing came into it.
    let folder = place.target.folder().map(Folder::make).transpose()?;
    if let Some(folder) = &folder {
        folder.try_writing(A_VIDEO)?;
    }
    let mut builder = args.message.builder(args.people.models(settings.builder(output)?)?)?;
    // Lives until the videos are there.
    let fake = if args.fake_d_id { Some(FakeDid::builder().start().await?) } else { None };
    let key = keys::key(args.d_id_key.as_deref(), args.d_id_key_file.as_deref(), KEY)?;
    if let Some(client) = client(args, fake.as_ref(), key.as_deref())? {
        builder = builder.d_id(client);
    }
    if fake.is_some() {
        message.wait.first_pause = Duration::from_millis(50);
    }
    // The stand-in's orders end with it, so they are not kept.
    let data = match (&fake, &key) {
        (None, Some(_)) => Some(Data::open(args, id, output).await?),
        _ => None,
    };
    if let Some(data) = &data {
        builder = builder.storage(data.storage().clone());
    }
    let pipeline = builder.build().await?;
    warn_of_keys(args, output);
    message.take.clone_from(&args.take);
    message.former_take = Some(former_take(args, &pipeline));
    let request = Request {
        detect: args.people.search.options(vec![0]),
        persons: args.people.persons.clone(),
        cut_out: args.people.options(),
        ..Request::new(photo).say(message)
    };
    if place.target.is_single() {
        one_person(&pipeline, &request, args).await?;
    }
    let outcome =
        pipeline.with(context(output)).run(request).await.map_err(|error| match error {
            error @ portrait_pipeline::Error::Message(_) => args.message.of_sound(error),
            error => CliError::of_photo(&args.photo)(error),
        })?;
    let mut persons = Vec::new();
    let mut codes: Vec<u8> = Vec::new();
    let mut failed = |person_id: usize, error: &CliError| {
        output.person_failed(None, person_id, error);
        codes.push(error.exit_code());
        json!({ "person_id": person_id, "error": error.to_json()["error"] })
    };
    for person in &outcome.cut_outs {
        if let Err(error) = &person.result {
            persons.push(failed(person.person_id, &error.clone().into()));
        }
    }
    for person in &outcome.videos {
        let written = match &person.result {
            Ok(video) => place.write(&pipeline, person.person_id, video, output).await,
            Err(error) => Err(error.clone().into()),
        };
        persons.push(match (written, &person.result) {
            (Ok(file), Ok(video)) => {
                output.line(format!("{}: {} bytes", shown(&file), video.bytes));
                json!({ "person_id": person.person_id, "file": file.to_string_lossy(), "video": video })
            }
            // The others' videos are paid for too.
            (Err(error), _) => failed(person.person_id, &error),
            (Ok(_), Err(error)) => failed(person.person_id, &error.clone().into()),
        });
    }
    output.starters(&[pipeline.detection_model(), pipeline.segmentation_model()]);
    outcome.warnings().for_each(|warning| output.warning(None, warning));
    output.document(&json!({ "image": outcome.detections.image, "persons": persons }));
    Ok(super::gravest(codes))
}

/// Told after what is wrong with the command, and before a service is asked.
fn warn_of_keys(args: &VideoArgs, output: &Output) {
    if args.d_id_key.is_some() {
        output.advise(&keys::visible("--d-id-key", KEY));
    }
    if args.message.speech_key.is_some() {
        output.advise(&keys::visible("--speech-key", "PORTRAIT_SPEECH_KEY"));
    }
}

/// Before anything is paid: whether there is the one video that there is room for.
async fn one_person(
    pipeline: &Pipeline,
    request: &Request,
    args: &VideoArgs,
) -> Result<(), CliError> {
    let people = match &request.persons {
        Some(ids) => ids.len(),
        None => {
            let found = pipeline.detect(&request.photo, &request.detect).await;
            found.map_err(CliError::of_photo(&args.photo))?.persons.len()
        }
    };
    if people > 1 {
        return Err(CliError::Usage(format!(
            "{people} people would talk and there is room for one video: choose with --persons ID, or give a folder by -o"
        )));
    }
    Ok(())
}

impl Place {
    fn of(args: &VideoArgs, photo: &Photo, output: &Output) -> Result<Self, CliError> {
        let target = Target::of(&args.output, &["mp4"], false, output.is_json())?;
        let ledger = data::ledger();
        let named = PhotoFiles::name(&args.photo);
        let source = super::many::source(
            &PhotoFile { path: args.photo.clone(), name: named.clone() },
            photo,
        );
        let background = Path::new(&args.background);
        let models = &args.people.models;
        let files = [&models.weights, &models.detection_weights, &args.d_id_key_file];
        let inputs = [args.photo.as_path(), background].into_iter();
        let inputs = inputs.chain(files.into_iter().filter_map(|file| file.as_deref()));
        let guard = Guard::new(args.replace.force, ledger, inputs.chain(args.message.files()));
        let mut prefix = PathBuf::new();
        match &target {
            Target::Stdout => output.keep_for_a_picture(),
            Target::File(place) => guard.check(place, "")?,
            Target::Folder(folder) => {
                prefix = folder.join(named);
                let persons = args.people.persons.as_deref();
                guard.check_persons(&prefix, ".mp4", persons, &source)?;
            }
        }
        Ok(Self { target, prefix, guard, source })
    }

    async fn write(
        &self,
        pipeline: &Pipeline,
        person_id: usize,
        video: &Video,
        output: &Output,
    ) -> Result<PathBuf, CliError> {
        let bytes = pipeline.storage().get(video.key).await;
        let bytes = bytes.map_err(portrait_pipeline::Error::from)?;
        let (place, source) = match &self.target {
            Target::Stdout => {
                output.picture(&bytes);
                return Ok("-".into());
            }
            Target::File(place) => (place.clone(), ""),
            Target::Folder(_) => (of_person(&self.prefix, person_id, ".mp4"), &*self.source),
        };
        // On the disk before it is told: it was paid for.
        self.guard.write(&place, &bytes, source, true)?;
        Ok(place)
    }
}

/// The take under which former versions of this command ordered the same: it held how persons are
/// looked for and cut out, which the pipeline knows by itself now.
fn former_take(args: &VideoArgs, pipeline: &Pipeline) -> String {
    let (people, search) = (&args.people, &args.people.search);
    let model = |model: &Model| json!([model.manifest.id, model.file.as_deref().map(exact)]);
    json!({
        "take": args.take,
        "detection": model(pipeline.detection_model()),
        "segmentation": model(pipeline.segmentation_model()),
        "search": [search.conf, search.iou],
        "sizes": [json!(search.imgsz), json!(search.max_det)],
        "square": search.square,
        "edges": [people.padding, people.feather],
    })
    .to_string()
}

/// A path as JSON; two different paths are different there too.
fn exact(path: &Path) -> Value {
    match path.to_str() {
        Some(text) => text.into(),
        None => path.as_os_str().as_encoded_bytes().into(),
    }
}

fn client(
    args: &VideoArgs,
    fake: Option<&FakeDid>,
    key: Option<&str>,
) -> Result<Option<Client>, CliError> {
    let builder = Client::builder();
    let builder = match (fake, key) {
        (Some(fake), _) => builder.base_url(fake.base_url()).key(fake.key()),
        (None, Some(key)) => {
            let address = args.d_id_url.as_deref().unwrap_or(D_ID);
            let address = settings::url(address)?;
            let builder = match proxy_for(&address)? {
                Some(proxy) => builder.proxy(proxy),
                None => builder,
            };
            builder.key(key).base_url(address)
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(builder.build().map_err(portrait_pipeline::Error::from)?))
}
