//! The whole flow: a photo with several people, trained detection, a small BiRefNet, the local
//! D-ID server, and a folder on disk.

use crate::support::{
    assert_error, photo_file, small_birefnet, trained_detector, write_small_birefnet,
};
use futures::StreamExt;
use portrait_d_id_fake::{FakeDid, FakeDidBuilder, Fault, Route, TALK_MP4};
use portrait_pipeline::d_id::{Client, RetryPolicy, WaitOptions};
use portrait_pipeline::storage::{Artifact, Folder, Format, Key, RetentionPolicy, Sweeper};
use portrait_pipeline::{
    Background, Code, DeviceRequest, Event, Message, Outcome, Photo, Pipeline, PipelineBuilder,
    Precision, Progress, Request, Speech, Stage, Step, Storage, Tier, Timeouts, talk_picture,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::sync::Notify;

/// The persons that the detector's golden answers name for the photo.
const PERSONS: usize = 4;

/// A pipeline with all it needs, and what it works with.
struct World {
    pipeline: Pipeline,
    fake: FakeDid,
    photo: Photo,
    folder: TempDir,
}

/// What makes a [`World`]; `None` where the test data is missing.
struct Setup {
    builder: PipelineBuilder,
    photo: Photo,
    folder: TempDir,
}

impl Setup {
    fn new() -> Option<Self> {
        let (detector, photo) = (trained_detector()?, photo_file("bus.jpg")?);
        let folder = TempDir::new().unwrap();
        let weights = write_small_birefnet(folder.path());
        let builder = Pipeline::builder()
            .detection_model(detector)
            .segmentation_model(small_birefnet().from_file(weights))
            .storage(Storage::local(folder.path().join("storage")).unwrap());
        Some(Self { builder, photo: Photo::decode(photo).unwrap(), folder })
    }

    async fn start(self, fake: FakeDidBuilder) -> World {
        let fake = fake.start().await.unwrap();
        let client = client(&fake, fake.key());
        let pipeline = self.builder.d_id(client).build().await.unwrap();
        World { pipeline, fake, photo: self.photo, folder: self.folder }
    }
}

fn client(fake: &FakeDid, key: &str) -> Client {
    let retry = RetryPolicy { max_attempts: 2, ..RetryPolicy::default() };
    Client::builder().base_url(fake.base_url()).key(key).retry(retry).build().unwrap()
}

async fn world() -> Option<World> {
    Some(Setup::new()?.start(FakeDid::builder()).await)
}

fn message(text: &str) -> Message {
    let wait = WaitOptions {
        first_pause: Duration::from_millis(20),
        max_pause: Duration::from_millis(50),
        deadline: Duration::from_secs(60),
        ..WaitOptions::default()
    };
    Message { wait, ..Message::text(text) }
}

fn request(photo: &Photo) -> Request {
    Request::new(photo.clone()).say(message("Hello, nice to meet you."))
}

impl World {
    async fn run(&self) -> Outcome {
        self.pipeline.run(request(&self.photo)).await.unwrap()
    }

    /// The keys of all that is stored of the photo.
    async fn stored(&self) -> Vec<Key> {
        let all = self.pipeline.storage().list_photo(self.photo.id()).await.unwrap();
        all.into_iter().map(|meta| meta.key).collect()
    }
}

/// Runs a request, and everything that was told meanwhile.
async fn watched(world: &World, request: Request) -> (Outcome, Vec<Event>) {
    let (progress, events) = Progress::channel();
    let outcome = world.pipeline.run(Request { progress, ..request }).await.unwrap();
    (outcome, events.collect().await)
}

#[tokio::test]
async fn everybody_in_the_photo_talks() {
    let Some(world) = world().await else { return };
    let Outcome { detections, cut_outs, videos } = world.run().await;
    assert_eq!((detections.image.width, detections.image.height), world.photo.image().dimensions());
    let ids: Vec<_> = detections.persons.iter().map(|person| person.person_id).collect();
    assert_eq!(ids, (0..PERSONS).collect::<Vec<_>>());
    assert_eq!(cut_outs.iter().map(|cut_out| cut_out.person_id).collect::<Vec<_>>(), ids);
    assert_eq!(videos.iter().map(|video| video.person_id).collect::<Vec<_>>(), ids);

    let storage = world.pipeline.storage();
    let photo = world.photo.id();
    let mut keys = vec![Key::new(Artifact::Upload { photo }, Format::Jpeg).unwrap()];
    assert_eq!(storage.get(keys[0]).await.unwrap(), world.photo.bytes());
    let talks = world.fake.talks();
    let pictures: Vec<_> =
        talks.iter().map(|talk| world.fake.uploaded(&talk.source_url).unwrap()).collect();
    for (cut_out, video) in cut_outs.iter().zip(&videos) {
        let person = cut_out.person_id as u32;
        let cut_out = cut_out.result.as_ref().unwrap();
        assert_eq!((cut_out.model.as_str(), cut_out.device.as_str()), ("birefnet-small", "cpu"));
        let key = Key::new(Artifact::CutOut { photo, person }, Format::Png).unwrap();
        assert_eq!(storage.get(key).await.unwrap(), cut_out.png);
        let decoded = image::load_from_memory(&cut_out.png).unwrap();
        assert_eq!(decoded.as_rgba8(), Some(&cut_out.cut_out.image));

        let video = video.result.as_ref().unwrap();
        assert_eq!(storage.get(video.key).await.unwrap(), TALK_MP4);
        assert_eq!(video.bytes, TALK_MP4.len() as u64);
        assert!(matches!(video.key.artifact(), Artifact::Video { photo: of, person: who, .. }
            if (of, who) == (photo, person)));
        // The picture of this person's talk is this person, on white.
        let talk = talks.iter().position(|talk| talk.id == video.talk_id).unwrap();
        let flat = talk_picture(&cut_out.cut_out.image, &Background::default()).unwrap();
        assert_eq!(pictures[talk], flat.bytes);
        keys.extend([key, video.key]);
    }
    keys.sort_unstable();
    assert_eq!(world.stored().await, keys);
    assert_eq!(talks.len(), PERSONS);
    assert_eq!(world.fake.credits(), 100.0 - PERSONS as f64);

    // The man at the left border is found with little confidence.
    let doubtful: Vec<_> = detections.warnings.iter().map(|w| (w.code, w.person_id)).collect();
    assert_eq!(doubtful, [(Code::LowConfidence, Some(PERSONS - 1))]);
    let json = serde_json::to_value(&detections).unwrap();
    assert_eq!(json["warnings"][0]["code"], "LOW_CONFIDENCE");
    assert_eq!(json["persons"][0]["person_id"], 0);
    assert!(json["persons"][0]["bbox"]["x1"].is_number());
}

#[tokio::test]
async fn events_come_in_order() {
    let Some(world) = world().await else { return };
    let (_, events) = watched(&world, request(&world.photo)).await;
    let place = |stage, person_id, finished: bool| {
        let is = |event: &Event| {
            let step = matches!(event.step, Step::Finished { .. }) == finished;
            (event.stage, event.person_id) == (stage, person_id) && step
        };
        let places: Vec<_> = events.iter().enumerate().filter(|(_, event)| is(event)).collect();
        let [(place, _)] = places[..] else {
            panic!("{stage:?} of {person_id:?}, finished {finished}: {places:?}");
        };
        place
    };
    let stages = [Stage::Segmentation, Stage::Talk, Stage::Video, Stage::Download];
    for person in (0..PERSONS).map(Some) {
        let mut order = vec![place(Stage::Detection, None, false)];
        order.push(place(Stage::Detection, None, true));
        for stage in stages {
            order.extend([place(stage, person, false), place(stage, person, true)]);
        }
        assert!(order.is_sorted(), "person {person:?}: {order:?} of {events:?}");
    }
    assert_eq!(events.len(), 2 + PERSONS * stages.len() * 2, "{events:?}");

    let json: Vec<_> = events.iter().map(|event| serde_json::to_value(event).unwrap()).collect();
    assert_eq!(json[0], serde_json::json!({ "stage": "detection", "state": "started" }));
    assert_eq!((&json[1]["stage"], &json[1]["state"]), (&"detection".into(), &"finished".into()));
    assert!(json[1]["ms"].is_u64() && json[1].get("person_id").is_none());
    assert_eq!(
        json[2],
        serde_json::json!({ "stage": "segmentation", "person_id": 0, "state": "started" })
    );
}

#[tokio::test]
async fn only_the_selected_persons_are_worked_on() {
    let Some(world) = world().await else { return };
    let wanted = Request { persons: Some(vec![2, 0, 2]), ..request(&world.photo) };
    let (outcome, events) = watched(&world, wanted).await;
    assert_eq!(outcome.detections.persons.len(), PERSONS);
    assert_eq!(outcome.cut_outs.iter().map(|c| c.person_id).collect::<Vec<_>>(), [2, 0]);
    assert_eq!(outcome.videos.iter().map(|v| v.person_id).collect::<Vec<_>>(), [2, 0]);
    assert!(outcome.videos.iter().all(|video| video.result.is_ok()));
    assert!(events.iter().all(|event| !matches!(event.person_id, Some(1 | 3))), "{events:?}");
    assert_eq!(world.fake.talks().len(), 2);
    assert_eq!(world.stored().await.len(), 1 + 2 + 2);
}

#[tokio::test]
async fn without_a_message_nothing_is_sent() {
    let Some(world) = world().await else { return };
    let outcome = world.pipeline.run(Request::new(world.photo.clone())).await.unwrap();
    assert!(outcome.cut_outs.iter().all(|cut_out| cut_out.result.is_ok()));
    assert!(outcome.videos.is_empty());
    assert!(world.fake.journal().is_empty());
    assert_eq!(world.stored().await.len(), 1 + PERSONS);
}

#[tokio::test]
async fn unknown_persons_are_named_before_anything_is_paid() {
    let Some(world) = world().await else { return };
    let wanted = Request { persons: Some(vec![0, 7, 99]), ..request(&world.photo) };
    let error = world.pipeline.run(wanted).await.unwrap_err();
    assert_error(&error, Code::PersonNotFound, Tier::High);
    assert_eq!(error.details()["unknown_person_ids"], serde_json::json!([7, 99]));
    assert_eq!(error.details()["person_ids"], serde_json::json!([0, 1, 2, 3]));
    assert!(world.fake.journal().is_empty());
    // The photo, and nothing made of it.
    assert_eq!(world.stored().await.len(), 1);
}

#[tokio::test]
async fn a_recording_is_spoken() {
    let Some(world) = world().await else { return };
    let mut wav = b"RIFF\x24\x7d\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0".to_vec();
    wav.extend(b"\x02\0\x10\0data\0\x7d\0\0");
    wav.extend([0; 32_000]);
    let speech = Speech::Audio { bytes: wav.into(), media_type: "audio/wav".into() };
    let message = Message { speech, ..message("") };
    let wanted = Request { persons: Some(vec![1]), ..Request::new(world.photo.clone()) };
    let outcome = world.pipeline.run(wanted.say(message)).await.unwrap();
    assert!(outcome.videos[0].result.is_ok(), "{:?}", outcome.videos);
    let orders = world.fake.requests(Route::CreateTalk);
    assert_eq!(orders[0].json.as_ref().unwrap()["script"]["type"], "audio");
}

#[tokio::test]
async fn one_failed_talk_leaves_the_others() {
    let Some(world) = world().await else { return };
    world.fake.fail_next_talk("FaceError", "No valid face detected");
    let (outcome, events) = watched(&world, request(&world.photo)).await;
    assert_eq!(outcome.videos.len(), PERSONS);
    let failed: Vec<_> = outcome.videos.iter().filter(|video| video.result.is_err()).collect();
    let [failed] = failed[..] else { panic!("{failed:?}") };
    let error = failed.result.as_ref().unwrap_err();
    assert_error(error, Code::DIdTalkFailed, Tier::High);
    assert!(error.to_string().contains("No valid face detected"), "{error}");
    let told: Vec<_> = events.iter().filter(|e| matches!(e.step, Step::Failed { .. })).collect();
    let want = Event::clone(told[0]);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((want.stage, want.person_id), (Stage::Video, Some(failed.person_id)));
    assert_eq!(want.step, Step::Failed { code: Code::DIdTalkFailed });
    assert_eq!(serde_json::to_value(&want).unwrap()["code"], "D_ID_TALK_FAILED");
    // It cost nothing, and its cut-out stays.
    assert_eq!(world.fake.credits(), 100.0 - (PERSONS - 1) as f64);
    assert_eq!(world.stored().await.len(), 1 + PERSONS + PERSONS - 1);
}

#[tokio::test]
async fn too_few_credits_are_each_persons_error() {
    let Some(setup) = Setup::new() else { return };
    let world = setup.start(FakeDid::builder().credits(2)).await;
    let outcome = world.run().await;
    let (paid, unpaid): (Vec<_>, Vec<_>) =
        outcome.videos.iter().partition(|video| video.result.is_ok());
    assert_eq!((paid.len(), unpaid.len()), (2, PERSONS - 2));
    for video in unpaid {
        let error = video.result.as_ref().unwrap_err();
        assert_error(error, Code::DIdInsufficientCredits, Tier::High);
    }
    assert_eq!((world.fake.credits(), world.fake.talks().len()), (0.0, 2));
}

#[tokio::test]
async fn a_wrong_key_is_refused() {
    let Some(setup) = Setup::new() else { return };
    let fake = FakeDid::builder().start().await.unwrap();
    let builder = setup.builder.d_id(client(&fake, "somebody:else"));
    let pipeline = builder.build().await.unwrap();
    let outcome = pipeline.run(request(&setup.photo)).await.unwrap();
    assert!(outcome.cut_outs.iter().all(|cut_out| cut_out.result.is_ok()));
    assert_eq!(outcome.videos.len(), PERSONS);
    for video in &outcome.videos {
        let error = video.result.as_ref().unwrap_err();
        assert_error(error, Code::DIdUnauthorised, Tier::High);
        assert!(!error.to_string().contains("somebody"), "{error}");
    }
    assert!(fake.talks().is_empty());
}

#[tokio::test]
async fn moderation_and_limits_have_codes_of_their_own() {
    let Some(world) = world().await else { return };
    let only = |text| Request {
        persons: Some(vec![0]),
        ..Request::new(world.photo.clone()).say(message(text))
    };
    world.fake.reject_next();
    let fault = Fault::error(451, "TextModerationError", "inappropriate text");
    let cases = [
        (None, "Hello there.", Code::DIdModeration),
        (Some((Route::CreateTalk, fault)), "Hello there.", Code::DIdModeration),
        (None, "Hi", Code::DIdRequestRefused),
        (
            Some((Route::CreateTalk, Fault::error(403, "PermissionError", "no permission"))),
            "Hello there.",
            Code::DIdRequestRefused,
        ),
        (
            Some((
                Route::UploadImage,
                Fault::error(429, "TooManyRequests", "slow").retry_after(90).times(5),
            )),
            "Hello there.",
            Code::DIdRateLimited,
        ),
    ];
    for (fault, text, code) in cases {
        if let Some((route, fault)) = fault {
            world.fake.fault(route, fault);
        }
        let outcome = world.pipeline.run(only(text)).await.unwrap();
        let error = outcome.videos[0].result.as_ref().unwrap_err();
        assert_error(error, code, Tier::High);
        let wait = (code == Code::DIdRateLimited).then_some(90.0);
        assert_eq!(error.to_json()["error"]["retry_after"].as_f64(), wait, "{error}");
    }
}

#[tokio::test]
async fn a_download_that_fails_is_d_ids_failure_not_the_storages() {
    let Some(world) = world().await else { return };
    world.fake.fault(Route::Result, Fault::truncate(100).times(20));
    let wanted = Request { persons: Some(vec![0]), ..request(&world.photo) };
    let (outcome, events) = watched(&world, wanted).await;
    let error = outcome.videos[0].result.as_ref().unwrap_err();
    assert_error(error, Code::DIdUnavailable, Tier::High);
    let last = events.last().unwrap();
    assert_eq!((last.stage, last.step), (Stage::Download, Step::Failed { code: error.code() }));
    // Nothing half-written stays.
    assert_eq!(world.stored().await.len(), 2);
}

#[tokio::test]
async fn without_a_d_id_client_no_work_is_done() {
    let Some(setup) = Setup::new() else { return };
    let pipeline = setup.builder.build().await.unwrap();
    let (progress, events) = Progress::channel();
    let request = Request { progress, ..request(&setup.photo) };
    let error = pipeline.run(request).await.unwrap_err();
    assert_error(&error, Code::NotConfigured, Tier::High);
    assert!(error.to_string().contains("D-ID"), "{error}");
    assert_eq!(events.collect::<Vec<_>>().await, []);
    assert!(pipeline.storage().list_photo(setup.photo.id()).await.unwrap().is_empty());
}

/// Runs the request until `stage` has begun, and drops it there. Tells how many talks there are.
async fn dropped_in(world: &World, stage: Stage) -> usize {
    let begun = Arc::new(Notify::new());
    let bell = begun.clone();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let list = seen.clone();
    let progress = Progress::new(move |event| {
        if event.stage == stage {
            bell.notify_one();
        }
        list.lock().unwrap().push(event);
    });
    let run = world.pipeline.run(Request { progress, ..request(&world.photo) });
    tokio::select! {
        biased;
        () = begun.notified() => {}
        outcome = run => panic!("{stage:?} was not seen: {outcome:?}"),
    }
    let told = seen.lock().unwrap().len();
    let ordered = world.fake.talks().len();
    // What is on its way to the server may still arrive there.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(seen.lock().unwrap().len(), told, "{stage:?}: told after the drop");
    assert_eq!(world.fake.in_flight(), 0, "{stage:?}: a request goes on");
    assert!(world.fake.talks().len() <= ordered + PERSONS);
    world.fake.talks().len()
}

#[tokio::test]
async fn dropping_the_run_leaks_nothing() {
    let Some(world) = world().await else { return };
    // So slow that the drop comes first.
    let slow = Fault::delay(Duration::from_millis(150)).times(u32::MAX);
    world.fake.fault(Route::UploadImage, slow);
    for (stage, most) in
        [(Stage::Detection, 0), (Stage::Segmentation, 0), (Stage::Talk, 0), (Stage::Video, PERSONS)]
    {
        let before = world.fake.talks().len();
        let after = dropped_in(&world, stage).await;
        assert!(after - before <= most, "{stage:?}: {after} talks after {before}");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(world.fake.talks().len(), after, "{stage:?}: a talk was made after the drop");
    }
    // The photo is no longer held: what is stored of it can be swept.
    assert!(!world.stored().await.is_empty());
    let sweeper = Sweeper::new(world.pipeline.storage().clone(), RetentionPolicy::default());
    let report = sweeper.sweep_once(OffsetDateTime::now_utc() + time::Duration::days(40)).await;
    assert!(report.folders.iter().all(|folder| folder.held.is_empty()), "{report:?}");
    assert!(world.stored().await.is_empty());
    // Models, device and client are as good as before.
    let outcome = world.run().await;
    assert!(outcome.videos.iter().all(|video| video.result.is_ok()), "{:?}", outcome.videos);
}

#[tokio::test]
async fn the_photo_is_held_while_it_is_worked_on() {
    let Some(world) = world().await else { return };
    let sweeper = Sweeper::new(world.pipeline.storage().clone(), RetentionPolicy::default());
    let (progress, mut events) = Progress::channel();
    let run = world.pipeline.run(Request { progress, ..request(&world.photo) });
    let sweep = async {
        while let Some(event) = events.next().await {
            if event.stage == Stage::Video {
                let later = OffsetDateTime::now_utc() + time::Duration::days(40);
                return Some(sweeper.sweep_once(later).await);
            }
        }
        None
    };
    let (outcome, report) = tokio::join!(run, sweep);
    let report = report.unwrap();
    assert_eq!(report.removed().count(), 0);
    assert_eq!(report.folder(Folder::Uploads).held.len(), 1);
    assert!(outcome.unwrap().videos.iter().all(|video| video.result.is_ok()));
    assert_eq!(world.stored().await.len(), 1 + 2 * PERSONS);
}

#[tokio::test]
async fn a_photo_deleted_meanwhile_leaves_nothing() {
    let Some(world) = world().await else { return };
    let (progress, mut events) = Progress::channel();
    let run = world.pipeline.run(Request { progress, ..request(&world.photo) });
    let delete = async {
        while let Some(event) = events.next().await {
            if event.stage == Stage::Segmentation {
                let report = world.pipeline.storage().delete_photo(world.photo.id()).await;
                return report.complete().unwrap().removed.len();
            }
        }
        0
    };
    let (outcome, removed) = tokio::join!(run, delete);
    assert_eq!(removed, 1);
    let outcome = outcome.unwrap();
    for cut_out in &outcome.cut_outs {
        assert_error(cut_out.result.as_ref().unwrap_err(), Code::ImageDeleted, Tier::High);
    }
    assert!(outcome.videos.is_empty() && world.fake.journal().is_empty());
    assert!(world.stored().await.is_empty());
}

#[tokio::test]
async fn steps_that_take_too_long_are_given_up() {
    let Some(setup) = Setup::new() else { return };
    let timeouts = Timeouts { segmentation: Duration::from_millis(1), ..Timeouts::default() };
    let setup = Setup { builder: setup.builder.timeouts(timeouts), ..setup };
    let world = setup.start(FakeDid::builder()).await;
    let outcome = world.run().await;
    assert_eq!(outcome.cut_outs.len(), PERSONS);
    for cut_out in &outcome.cut_outs {
        let error = cut_out.result.as_ref().unwrap_err();
        assert_error(error, Code::BirefnetTimeout, Tier::High);
        assert_eq!(error.to_json()["error"]["code"], "BIREFNET_TIMEOUT");
        assert_eq!(error.details()["timeout_seconds"], 0.001);
    }
    assert!(outcome.videos.is_empty());
    assert!(world.fake.journal().is_empty());

    let setup = Setup::new().unwrap();
    let timeouts = Timeouts { detection: Duration::from_millis(1), ..Timeouts::default() };
    let pipeline = setup.builder.timeouts(timeouts).build().await.unwrap();
    let error = pipeline.run(Request::new(setup.photo)).await.unwrap_err();
    assert_error(&error, Code::StageTimeout, Tier::High);
    assert_eq!(error.details()["stage"], "detection");
}

#[tokio::test]
async fn a_storage_that_fails_is_critical() {
    let Some(world) = world().await else { return };
    // A file where a folder should be.
    let root = world.folder.path().join("storage");
    for folder in ["background_removed", "uploads"] {
        let folder = root.join(folder);
        std::fs::remove_dir_all(&folder).ok();
        std::fs::write(&folder, "in the way").unwrap();
        let outcome = world.pipeline.run(request(&world.photo)).await;
        if folder.ends_with("uploads") {
            assert_error(&outcome.unwrap_err(), Code::StorageFailed, Tier::Critical);
        } else {
            // What cannot be kept is not paid for.
            for cut_out in &outcome.unwrap().cut_outs {
                let error = cut_out.result.as_ref().unwrap_err();
                assert_error(error, Code::StorageFailed, Tier::Critical);
            }
        }
        assert!(world.fake.journal().is_empty());
    }
}

#[tokio::test]
async fn a_device_this_build_has_not_is_refused() {
    let error = Pipeline::builder().device(DeviceRequest::Cuda(0)).build().await.unwrap_err();
    assert_error(&error, Code::DeviceUnavailable, Tier::Critical);
    let half = Pipeline::builder().device(DeviceRequest::Cpu).precision(Precision::F16);
    assert_error(&half.build().await.unwrap_err(), Code::InvalidOption, Tier::High);
    let pipeline = Pipeline::builder().device(DeviceRequest::Auto).build().await.unwrap();
    assert_eq!(pipeline.device(), "cpu");
}

#[tokio::test]
async fn requests_side_by_side_do_not_mix() {
    let Some(world) = world().await else { return };
    let other = Photo::decode(world.photo.bytes().clone()).unwrap();
    let (first, second) =
        tokio::join!(world.run(), world.pipeline.run(Request::new(other.clone())));
    assert!(first.videos.iter().all(|video| video.result.is_ok()));
    let second = second.unwrap();
    assert_eq!(first.detections.persons, second.detections.persons);
    for (a, b) in first.cut_outs.iter().zip(&second.cut_outs) {
        assert_eq!(a.result.as_ref().unwrap().png, b.result.as_ref().unwrap().png);
    }
    assert_eq!(world.stored().await.len(), 1 + 2 * PERSONS);
    let others = world.pipeline.storage().list_photo(other.id()).await.unwrap();
    assert_eq!(others.len(), 1 + PERSONS);
}
