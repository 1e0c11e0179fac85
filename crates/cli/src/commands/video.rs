//! `portrait video`

use super::context;
use crate::args::{Settings, VideoArgs};
use crate::data::{D_ID, Data};
use crate::error::CliError;
use crate::output::Output;
use crate::proxy::proxy_for;
use crate::settings;
use portrait_d_id_fake::FakeDid;
use portrait_pipeline::d_id::Client;
use portrait_pipeline::{Message, Model, Pipeline, Request, Video};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    settings::output_folder(&args.output)?;
    let mut builder = args.message.builder(args.people.models(settings.builder(output)?)?)?;
    // Lives until the videos are there.
    let fake = if args.fake_d_id { Some(FakeDid::builder().start().await?) } else { None };
    if let Some(client) = client(args, fake.as_ref())? {
        builder = builder.d_id(client);
    }
    if fake.is_some() {
        message.wait.first_pause = Duration::from_millis(50);
    }
    // The stand-in's orders end with it, so they are not kept.
    let data = match (&fake, &args.d_id_key) {
        (None, Some(_)) => Some(Data::open(args, id, output).await?),
        _ => None,
    };
    if let Some(data) = &data {
        builder = builder.storage(data.storage().clone());
    }
    let pipeline = builder.build().await?;
    message.take.clone_from(&args.take);
    message.former_take = Some(former_take(args, &pipeline));
    let request = Request {
        detect: args.people.search.options(vec![0]),
        persons: args.people.persons.clone(),
        cut_out: args.people.options(),
        ..Request::new(photo).say(message)
    };
    let outcome =
        pipeline.with(context(output)).run(request).await.map_err(|error| match error {
            error @ portrait_pipeline::Error::Message(_) => args.message.of_sound(error),
            error => CliError::of_photo(&args.photo)(error),
        })?;
    let mut persons = Vec::new();
    let mut codes: Vec<u8> = super::codes(&outcome.cut_outs).collect();
    codes.extend(super::codes(&outcome.videos));
    for person in &outcome.cut_outs {
        if let Err(error) = &person.result {
            output.person_error(person.person_id, error);
            persons.push(failure(person.person_id, error));
        }
    }
    for person in &outcome.videos {
        persons.push(match &person.result {
            Ok(video) => match write(&pipeline, &args.output, person.person_id, video).await {
                Ok(file) => {
                    output.line(format!("{}: {} bytes", file.display(), video.bytes));
                    json!({ "person_id": person.person_id, "file": file.to_string_lossy(), "video": video })
                }
                // The others' videos are paid for too.
                Err(error) => {
                    output.person_failed(person.person_id, &error);
                    codes.push(error.exit_code());
                    json!({ "person_id": person.person_id, "error": error.to_json()["error"] })
                }
            },
            Err(error) => {
                output.person_error(person.person_id, error);
                failure(person.person_id, error)
            }
        });
    }
    output.starters(&[pipeline.detection_model(), pipeline.segmentation_model()]);
    outcome.warnings().for_each(|warning| output.warning(warning));
    output.document(&json!({ "image": outcome.detections.image, "persons": persons }));
    Ok(super::gravest(codes))
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

fn failure(person_id: usize, error: &portrait_pipeline::Error) -> Value {
    json!({ "person_id": person_id, "error": super::cutout::error_body(error) })
}

fn client(args: &VideoArgs, fake: Option<&FakeDid>) -> Result<Option<Client>, CliError> {
    let builder = Client::builder();
    let builder = match (fake, &args.d_id_key) {
        (Some(fake), _) => builder.base_url(fake.base_url()).key(fake.key()),
        (None, Some(key)) => {
            let address = args.d_id_url.as_deref().unwrap_or(D_ID);
            let address = settings::url(address)?;
            let builder = match proxy_for(&address)? {
                Some(proxy) => builder.proxy(proxy),
                None => builder,
            };
            builder.key(key.as_str()).base_url(address)
        }
        (None, None) => return Ok(None),
    };
    Ok(Some(builder.build().map_err(portrait_pipeline::Error::from)?))
}

async fn write(
    pipeline: &Pipeline,
    folder: &Path,
    person_id: usize,
    video: &Video,
) -> Result<PathBuf, CliError> {
    let bytes = pipeline.storage().get(video.key).await.map_err(portrait_pipeline::Error::from)?;
    let file = folder.join(format!("person_{person_id}.mp4"));
    std::fs::write(&file, bytes).map_err(CliError::file(&file, "write"))?;
    Ok(file)
}
