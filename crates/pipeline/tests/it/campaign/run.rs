//! One run: phases under faults and deaths, then a calm one, and what it all cost.

use super::script::Script;
use crate::driven::driven;
use crate::persons::person;
use image::{Rgba, RgbaImage};
use portrait_d_id_fake::{FakeDid, TALK_MP4};
use portrait_pipeline::d_id::{Client, WaitOptions};
use portrait_pipeline::storage::object_store::ObjectStore;
use portrait_pipeline::storage::object_store::memory::InMemory;
use portrait_pipeline::{
    Code, Error, Message, PersonResult, PhotoId, Pipeline, Portrait, Storage, Tier, Timeouts,
    Video, voice,
};
use std::cell::RefCell;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::time::Instant;

/// What a person's video may take.
const LIMIT: Duration = Duration::from_secs(600);

/// What came of a run.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Talks made, and those of them that cost something in the end.
    pub(super) talks: usize,
    pub(super) paid: usize,
    /// Talks paid for whose video was not to be had, even with D-ID well again.
    pub(super) lost: usize,
    /// Talks paid for beyond the first.
    pub(super) doubled: usize,
    /// The codes of the typed errors on the way.
    pub(super) errors: Vec<Code>,
    pub(super) deaths: usize,
    /// The script's faults that struck at least one request.
    pub(super) struck: usize,
    /// Polls of the last run's future.
    pub(super) polls: u64,
    /// What is not as it should be.
    pub(super) wrong: Vec<String>,
}

/// A person of one colour.
pub(crate) fn cut_out(person_id: usize) -> Portrait {
    person(person_id, RgbaImage::from_pixel(160, 160, Rgba([200, 150, 120, 255])))
}

pub(crate) async fn pipeline(store: &Arc<dyn ObjectStore>, client: &Client) -> Pipeline {
    Pipeline::builder()
        .storage(Storage::new(store.clone()))
        .d_id(client.clone())
        .timeouts(Timeouts { video: LIMIT, ..Timeouts::default() })
        .build()
        .await
        .unwrap()
}

/// Drops the work after this many polls; the work's result, and the polls it took.
async fn dying<T>(polls: u64, work: impl Future<Output = T>) -> (Option<T>, u64) {
    let mut work = pin!(work);
    let mut count = 0;
    let result = std::future::poll_fn(|context| {
        if count == polls {
            return Poll::Ready(None);
        }
        count += 1;
        work.as_mut().poll(context).map(Some)
    });
    let result = result.await;
    (result, count)
}

struct World {
    fake: FakeDid,
    store: Arc<dyn ObjectStore>,
    photo: PhotoId,
    cut_out: Portrait,
    message: Message,
    /// A pipeline for each run of the program, built while time does not pass.
    programs: RefCell<Vec<Pipeline>>,
}

impl World {
    async fn new(script: &Script) -> World {
        let fake = FakeDid::builder()
            .video(TALK_MP4)
            .talk_duration(Duration::from_secs(45))
            .s3_uploads(script.s3)
            .list_order(script.list_order)
            .start()
            .await
            .unwrap();
        // As in production: the client's own policies.
        let client = Client::builder().base_url(fake.base_url()).key(fake.key()).build().unwrap();
        let wait = WaitOptions { deadline: Duration::from_secs(240), ..WaitOptions::default() };
        let mut message = Message { wait, ..Message::text("Hello, nice to meet you.") };
        if script.audio {
            message.speech = voice::Message::recording(tone());
        }
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let mut programs = Vec::new();
        for _ in 0..script.deaths.len() + 3 {
            programs.push(pipeline(&store, &client).await);
        }
        World {
            fake,
            store,
            photo: PhotoId::generate(),
            cut_out: cut_out(0),
            message,
            programs: RefCell::new(programs),
        }
    }

    /// One run of a program that may die, with all it finds in the storage.
    async fn program(&self, resumes: bool, polls: u64) -> (Option<PersonResult<Video>>, u64) {
        let pipeline = self.programs.borrow_mut().pop().unwrap();
        let work = async {
            if resumes {
                for photo in pipeline.unfinished().await.unwrap() {
                    pipeline.resume(photo, &self.message.wait).await.unwrap();
                }
            }
            let cut_outs = std::slice::from_ref(&self.cut_out);
            let mut videos = pipeline.animate(self.photo, cut_outs, &self.message).await.unwrap();
            videos.remove(0)
        };
        dying(polls, work).await
    }
}

/// Plays a script on a runtime of its own.
pub(super) fn play(script: &Script) -> Report {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).max_blocking_threads(2).build();
    runtime.unwrap().block_on(async {
        let world = World::new(script).await;
        driven(acts(&world, script), || world.fake.events()).await
    })
}

async fn acts(world: &World, script: &Script) -> Report {
    let mut report = Report::default();
    for strike in &script.strikes {
        world.fake.fault(strike.route, strike.fault());
    }
    if let Some(outcome) = script.outcome() {
        world.fake.next_talk(outcome);
    }
    for (polls, pause) in &script.deaths {
        let (result, _) = world.program(false, *polls).await;
        report.deaths += usize::from(result.is_none());
        if let Some(result) = result {
            judge(world, result.result, &mut report).await;
        }
        tokio::time::sleep(*pause).await;
    }
    let began = Instant::now();
    let (result, polls) = world.program(script.resumes, u64::MAX).await;
    report.polls = polls;
    // Resuming has a limit of its own.
    let limit = LIMIT * if script.resumes { 2 } else { 1 } + Duration::from_secs(5);
    if began.elapsed() > limit {
        report.wrong.push(format!("took {:?}", began.elapsed()));
    }
    let mut video = judge(world, result.unwrap().result, &mut report).await;
    report.struck = world.fake.faults_struck().iter().filter(|struck| **struck > 0).count();
    world.fake.clear_faults();
    // D-ID is well again; whoever comes back gets what was paid for. A talk that ended in an error
    // is found out first, and only then ordered anew.
    for _ in 0..2 {
        if video.is_none() {
            let (result, _) = world.program(false, u64::MAX).await;
            video = judge(world, result.unwrap().result, &mut report).await;
        }
    }
    // What was sent and is still on its way arrives.
    tokio::time::sleep(Duration::from_secs(200)).await;
    account(world, video.as_ref(), &mut report);
    report
}

/// Notes what a run ended in; the video, when it is one.
async fn judge(world: &World, result: Result<Video, Error>, report: &mut Report) -> Option<Video> {
    match result {
        Ok(video) => {
            let storage = Storage::new(world.store.clone());
            if storage.get(video.key).await.ok().as_deref() != Some(TALK_MP4) {
                report.wrong.push(format!("{} is not the video", video.key));
            }
            Some(video)
        }
        Err(error) => {
            let code = error.code();
            let waits = matches!(
                code,
                Code::DIdTimeout
                    | Code::DIdTalkAmbiguous
                    | Code::DIdRateLimited
                    | Code::DIdUnavailable
            );
            let typed = waits
                || matches!(
                    code,
                    Code::DIdUnauthorised
                        | Code::DIdInsufficientCredits
                        | Code::DIdModeration
                        | Code::DIdRequestRefused
                        | Code::DIdTalkFailed
                );
            if !typed
                || error.tier() != Tier::High
                || error.retry_after().is_some() != waits
                || error.to_string().lines().count() != 1
            {
                let after = error.retry_after();
                report.wrong.push(format!("{code} in {:?}, {after:?}: {error}", error.tier()));
            }
            report.errors.push(code);
            None
        }
    }
}

fn account(world: &World, video: Option<&Video>, report: &mut Report) {
    let talks = world.fake.talks();
    let paid: Vec<_> = talks.iter().filter(|talk| !talk.refunded).collect();
    (report.talks, report.paid) = (talks.len(), paid.len());
    report.doubled = paid.len().saturating_sub(1);
    let got = |id: &str| video.is_some_and(|video| video.talk_id.as_deref() == Some(id));
    report.lost =
        paid.iter().filter(|talk| !got(&talk.id)).count() - report.doubled.min(paid.len());
    if video.is_none() {
        report.wrong.push(format!("no video even when D-ID was well: {:?}", report.errors));
    } else if paid.len() != 1 {
        report.wrong.push(format!("{} talks paid for", paid.len()));
    }
    let spent: u32 = paid.iter().map(|talk| talk.credits).sum();
    if world.fake.credits() != 100.0 - f64::from(spent) {
        report.wrong.push(format!("{} credits left", world.fake.credits()));
    }
}

/// A second of 440 Hz: WAV, 16 bit, mono, 16 kHz.
fn tone() -> Vec<u8> {
    const RATE: u32 = 16_000;
    let word = |value: u32| value.to_le_bytes();
    let mut file = [&b"RIFF"[..], &word(36 + 2 * RATE), b"WAVEfmt ", &word(16)].concat();
    // Uncompressed, one channel.
    file.extend([1, 0, 1, 0]);
    file.extend([word(RATE), word(2 * RATE)].concat());
    // Bytes of a sample, and its bits.
    file.extend([2, 0, 16, 0]);
    file.extend([&b"data"[..], &word(2 * RATE)].concat());
    for i in 0..RATE {
        let phase = f64::from(i) / f64::from(RATE) * 440.0 * std::f64::consts::TAU;
        file.extend(((phase.sin() * 8000.0) as i16).to_le_bytes());
    }
    file
}
