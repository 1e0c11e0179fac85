//! A pipeline that can do all, with a photo to work on.

use crate::support::{photo_file, small_birefnet, trained_detector, write_small_birefnet};
use futures::StreamExt;
use portrait_d_id_fake::{FakeDid, FakeDidBuilder, TALK_MP4};
use portrait_pipeline::d_id::{Client, RetryPolicy, WaitOptions};
use portrait_pipeline::storage::{Artifact, Key};
use portrait_pipeline::{
    Context, Event, Message, Outcome, Photo, PhotoId, Pipeline, PipelineBuilder, Progress, Request,
    Stage, Step, Storage,
};
use std::time::Duration;
use tempfile::TempDir;

/// The persons that the detector's golden answers name for the photo.
pub(crate) const PERSONS: usize = 4;

/// A pipeline with all it needs, and what it works with.
pub(crate) struct World {
    pub(crate) pipeline: Pipeline,
    pub(crate) fake: FakeDid,
    pub(crate) photo: Photo,
    pub(crate) folder: TempDir,
}

/// What makes a [`World`]; `None` where the test data is missing.
pub(crate) struct Setup {
    pub(crate) builder: PipelineBuilder,
    pub(crate) photo: Photo,
    pub(crate) folder: TempDir,
}

impl Setup {
    pub(crate) fn new() -> Option<Self> {
        let (detector, photo) = (trained_detector()?, photo_file("bus.jpg")?);
        let folder = TempDir::new().unwrap();
        let weights = write_small_birefnet(folder.path());
        let builder = Pipeline::builder()
            .detection_model(detector)
            .segmentation_model(small_birefnet().from_file(weights))
            .storage(Storage::local(folder.path().join("storage")).unwrap());
        Some(Self { builder, photo: Photo::decode(photo).unwrap(), folder })
    }

    pub(crate) async fn start(self, fake: FakeDidBuilder) -> World {
        let fake = fake.start().await.unwrap();
        let client = client(&fake, fake.key());
        let pipeline = self.builder.d_id(client).build().await.unwrap();
        World { pipeline, fake, photo: self.photo, folder: self.folder }
    }
}

pub(crate) fn client(fake: &FakeDid, key: &str) -> Client {
    let retry = RetryPolicy { max_attempts: 2, ..RetryPolicy::default() };
    Client::builder().base_url(fake.base_url()).key(key).retry(retry).build().unwrap()
}

pub(crate) async fn world() -> Option<World> {
    Some(Setup::new()?.start(FakeDid::builder().video(TALK_MP4)).await)
}

pub(crate) fn message(text: &str) -> Message {
    let wait = WaitOptions {
        first_pause: Duration::from_millis(20),
        max_pause: Duration::from_millis(50),
        deadline: Duration::from_secs(60),
        ..WaitOptions::default()
    };
    Message { wait, ..Message::text(text) }
}

pub(crate) fn request(photo: &Photo) -> Request {
    Request::new(photo.clone()).say(message("Hello, nice to meet you."))
}

impl World {
    /// The pipeline, telling `progress`.
    pub(crate) fn told(&self, progress: Progress) -> Pipeline {
        self.pipeline.with(Context { progress, ..Context::default() })
    }

    pub(crate) async fn run(&self) -> Outcome {
        self.pipeline.run(request(&self.photo)).await.unwrap()
    }

    /// The keys of the pictures and videos that are stored of the photo.
    pub(crate) async fn stored(&self) -> Vec<Key> {
        self.stored_of(self.photo.id()).await
    }

    /// The same of another photo.
    pub(crate) async fn stored_of(&self, photo: PhotoId) -> Vec<Key> {
        let all = self.pipeline.storage().list_photo(photo).await.unwrap();
        let mut keys: Vec<_> = all.into_iter().map(|meta| meta.key).collect();
        let picture_or_video = |key: &Key| {
            use Artifact::{CutOut, Upload, Video};
            matches!(key.artifact(), Upload { .. } | CutOut { .. } | Video { .. })
        };
        keys.retain(picture_or_video);
        keys
    }

    /// The same with the records of orders.
    pub(crate) async fn all_stored(&self) -> Vec<Key> {
        let all = self.pipeline.storage().list_photo(self.photo.id()).await.unwrap();
        all.into_iter().map(|meta| meta.key).collect()
    }
}

/// Runs a request, and everything that was told meanwhile.
pub(crate) async fn watched(world: &World, request: Request) -> (Outcome, Vec<Event>) {
    let (progress, events) = Progress::channel();
    let outcome = world.told(progress).run(request).await.unwrap();
    // What is told beside the steps has tests of its own.
    let step = |event: &Event| {
        event.stage != Stage::Model
            && !matches!(event.step, Step::State { .. } | Step::Queued { .. })
    };
    let events: Vec<Event> = events.collect().await;
    (outcome, events.into_iter().filter(step).collect())
}
