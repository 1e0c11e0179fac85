//! Orders that were cut short go on: by the same request, or by `resume`, in the next process.

use crate::campaign::{cut_out, pipeline};
use crate::sounds::bursts;
use crate::support::assert_error;
use crate::world::message;
use portrait_d_id_fake::{FakeDid, Fault, Route, TALK_MP4};
use portrait_pipeline::d_id::Client;
use portrait_pipeline::storage::object_store::ObjectStore;
use portrait_pipeline::storage::object_store::memory::InMemory;
use portrait_pipeline::storage::{Artifact, RetentionPolicy, Sweeper};
use portrait_pipeline::voice::{self, Speech, SpeechRequest, async_trait, bytes::Bytes};
use portrait_pipeline::{
    Code, Message, PersonResult, PhotoId, Pipeline, Portrait, Storage, Tier, Video,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use time::OffsetDateTime;

/// A stand-in, a store that outlives its programs, and cut-outs of several persons.
struct Shop {
    fake: FakeDid,
    store: Arc<dyn ObjectStore>,
    photo: PhotoId,
    persons: Vec<Portrait>,
}

impl Shop {
    async fn new(persons: usize) -> Shop {
        Shop {
            fake: FakeDid::builder().video(TALK_MP4).start().await.unwrap(),
            store: Arc::new(InMemory::new()),
            photo: PhotoId::generate(),
            persons: (0..persons).map(cut_out).collect(),
        }
    }

    /// What a process that starts has: nothing but the store.
    async fn program(&self) -> Pipeline {
        let client = Client::builder().base_url(self.fake.base_url()).key(self.fake.key());
        pipeline(&self.store, &client.build().unwrap()).await
    }

    async fn animate(&self, message: &Message) -> Vec<PersonResult<Video>> {
        let program = self.program().await;
        program.animate(self.photo, &self.persons, message).await.unwrap()
    }

    async fn order_records(&self) -> Vec<String> {
        let storage = Storage::new(self.store.clone());
        let mut records = Vec::new();
        for meta in storage.list_photo(self.photo).await.unwrap() {
            if matches!(meta.key.artifact(), Artifact::Order { .. }) {
                let bytes = storage.get(meta.key).await.unwrap();
                records.push(String::from_utf8(bytes.to_vec()).unwrap());
            }
        }
        records
    }
}

#[tokio::test]
async fn the_same_request_is_paid_once_and_another_take_again() {
    let shop = Shop::new(2).await;
    let hello = message("Hello there.");
    let first = shop.animate(&hello).await;
    let again = shop.animate(&hello).await;
    for (first, again) in first.iter().zip(&again) {
        assert_eq!(first.result.as_ref().unwrap(), again.result.as_ref().unwrap());
    }
    assert_eq!(shop.fake.talks().len(), 2);
    for other in [
        Message { take: "2".into(), ..hello.clone() },
        message("Hello you."),
        Message { background: "black".parse().unwrap(), ..hello.clone() },
    ] {
        let before = shop.fake.talks().len();
        let videos = shop.animate(&other).await;
        assert_eq!(shop.fake.talks().len(), before + 2);
        assert_ne!(videos[0].result.as_ref().unwrap().key, first[0].result.as_ref().unwrap().key);
    }
    // Two at the same time in one program are one order too.
    let program = shop.program().await;
    let other = message("At the same time.");
    let animate = || program.animate(shop.photo, &shop.persons, &other);
    let before = shop.fake.talks().len();
    let (one, two) = tokio::join!(animate(), animate());
    assert_eq!(one.unwrap()[1].result.as_ref().unwrap(), two.unwrap()[1].result.as_ref().unwrap());
    assert_eq!(shop.fake.talks().len(), before + 2);
}

#[tokio::test]
async fn what_was_paid_for_is_resumed_without_cut_outs_or_message() {
    let shop = Shop::new(3).await;
    // Three tries each: for at least one person all of them fail.
    shop.fake.fault(Route::Result, Fault::error(403, "AccessDenied", "no").times(7));
    let wait = message("").wait;
    let first = shop.animate(&message("Hello there.")).await;
    let failed: Vec<_> =
        first.iter().filter(|video| video.result.is_err()).map(|v| v.person_id).collect();
    assert!(!failed.is_empty(), "{first:?}");
    let program = shop.program().await;
    assert_eq!(program.unfinished().await.unwrap(), [shop.photo]);
    let resumed = program.resume(shop.photo, &wait).await.unwrap();
    let mut persons: Vec<_> = resumed.iter().map(|video| video.person_id).collect();
    persons.sort_unstable();
    assert_eq!(persons, failed);
    for video in &resumed {
        let video = video.result.as_ref().unwrap();
        assert_eq!(program.storage().get(video.key).await.unwrap(), TALK_MP4);
    }
    assert!(program.unfinished().await.unwrap().is_empty());
    assert!(program.resume(shop.photo, &wait).await.unwrap().is_empty());
    assert_eq!(shop.fake.talks().len(), 3);
    assert_eq!(shop.fake.requests(Route::CreateTalk).len(), 3);
}

#[tokio::test]
async fn failed_and_refused_orders_are_forgotten() {
    let shop = Shop::new(1).await;
    shop.fake.fail_next_talk("FaceError", "No valid face detected");
    let hello = message("Hello there.");
    let failed = shop.animate(&hello).await;
    assert_error(failed[0].result.as_ref().unwrap_err(), Code::DIdTalkFailed, Tier::High);
    shop.fake.fault(Route::CreateTalk, Fault::moderation("TextModerationError"));
    let refused = shop.animate(&hello).await;
    assert_error(refused[0].result.as_ref().unwrap_err(), Code::DIdModeration, Tier::High);
    assert!(shop.order_records().await.is_empty());
    assert!(shop.animate(&hello).await[0].result.is_ok());
    assert_eq!(shop.fake.credits(), 99.0);
}

#[tokio::test]
async fn records_name_no_words_and_no_key_and_are_swept_with_the_videos() {
    let shop = Shop::new(1).await;
    shop.animate(&message("Something nobody else must read.")).await.remove(0).result.unwrap();
    let records = shop.order_records().await;
    assert_eq!(records.len(), 1);
    let (user, password) = shop.fake.key().split_once(':').unwrap();
    for secret in [user, password, "nobody else", "Basic"] {
        assert!(!records[0].contains(secret), "{}", records[0]);
    }
    let storage = Storage::new(shop.store.clone());
    let sweeper = Sweeper::new(storage.clone(), RetentionPolicy::default());
    let sweep = |days| sweeper.sweep_once(OffsetDateTime::now_utc() + time::Duration::days(days));
    assert_eq!(sweep(29).await.removed().count(), 0);
    assert_eq!(sweep(31).await.removed().count(), 2);
    shop.animate(&message("Again.")).await;
    storage.delete_photo(shop.photo).await.complete().unwrap();
    assert!(shop.order_records().await.is_empty());
}

#[tokio::test]
async fn nothing_is_ordered_over_a_record_that_cannot_be_read() {
    let shop = Shop::new(1).await;
    let hello = message("Hello there.");
    let video = shop.animate(&hello).await.remove(0).result.unwrap();
    let Artifact::Video { photo, person, video: id } = video.key.artifact() else { panic!() };
    let storage = Storage::new(shop.store.clone());
    storage.delete(video.key).await.unwrap();
    let record = Artifact::Order { photo, person, video: id };
    storage.put(record, &b"{\"version\":99}"[..]).await.unwrap();
    let error = shop.animate(&hello).await.remove(0).result.unwrap_err();
    assert_error(&error, Code::StorageFailed, Tier::Critical);
    assert_eq!(shop.fake.talks().len(), 1);
}

#[tokio::test]
async fn a_video_that_takes_too_long_is_found_by_the_next_request() {
    let shop = Shop::new(1).await;
    shop.fake.fault(Route::GetTalk, Fault::delay(Duration::from_secs(5)));
    let mut hello = message("Hello there.");
    hello.wait.deadline = Duration::from_millis(200);
    let error = shop.animate(&hello).await.remove(0).result.unwrap_err();
    assert_error(&error, Code::DIdTimeout, Tier::High);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
    shop.fake.clear_faults();
    hello.wait.deadline = Duration::from_secs(20);
    shop.animate(&hello).await.remove(0).result.unwrap();
    assert_eq!(shop.fake.talks().len(), 1);
}

/// A speech service that hums, and then is down.
#[derive(Debug, Clone, Default)]
struct Failing {
    down: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

#[async_trait]
impl Speech for Failing {
    async fn speak(&self, _: &SpeechRequest) -> Result<Bytes, voice::Error> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.down.load(Ordering::Relaxed) {
            let reason = "no route to host".into();
            return Err(voice::Error::SpeechUnavailable { reason, retry_after: None });
        }
        Ok(bursts(300.0, 0.3, 0.1, 1.0).into())
    }
}

#[tokio::test]
async fn what_was_ordered_needs_no_speech_service() {
    let mut shop = Shop::new(1).await;
    let speech = Failing::default();
    let client = Client::builder().base_url(shop.fake.base_url()).key(shop.fake.key());
    let program = Pipeline::builder()
        .storage(Storage::new(shop.store.clone()))
        .d_id(client.build().unwrap())
        .speech(speech.clone());
    let program = program.build().await.unwrap();
    let hello = message("Hello there.");
    let first = program.animate(shop.photo, &shop.persons, &hello).await.unwrap();
    assert_eq!(speech.asked.load(Ordering::Relaxed), 1);

    // The video is there, and the service not asked at all.
    speech.down.store(true, Ordering::Relaxed);
    let again = program.animate(shop.photo, &shop.persons, &hello).await.unwrap();
    assert_eq!(again[0].result.as_ref().unwrap(), first[0].result.as_ref().unwrap());
    assert_eq!(speech.asked.load(Ordering::Relaxed), 1);

    // It is asked once for two who come new, and its failure is theirs, where the sound is gone.
    for meta in program.storage().list_photo(shop.photo).await.unwrap() {
        if matches!(meta.key.artifact(), Artifact::Sound { .. }) {
            program.storage().delete(meta.key).await.unwrap();
        }
    }
    shop.persons = Shop::new(3).await.persons;
    let more = program.animate(shop.photo, &shop.persons, &hello).await.unwrap();
    assert_eq!(more[0].result.as_ref().unwrap(), first[0].result.as_ref().unwrap());
    for new in &more[1..] {
        let error = new.result.as_ref().unwrap_err();
        assert_error(error, Code::SpeechUnavailable, Tier::High);
    }
    assert_eq!(speech.asked.load(Ordering::Relaxed), 2);
    assert_eq!(shop.fake.talks().len(), 1);

    // Where nothing was ordered, it is the request's.
    let other = message("Good bye.");
    let error = program.animate(shop.photo, &shop.persons, &other).await.unwrap_err();
    assert_error(&error, Code::SpeechUnavailable, Tier::High);
}

#[tokio::test]
async fn closing_waits_for_a_message_that_is_being_made_ready() {
    /// Speaks slowly.
    #[derive(Debug)]
    struct Slow;

    #[async_trait]
    impl Speech for Slow {
        async fn speak(&self, _: &SpeechRequest) -> Result<Bytes, voice::Error> {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok(bursts(300.0, 0.3, 0.1, 1.0).into())
        }
    }

    let shop = Shop::new(1).await;
    let client = Client::builder().base_url(shop.fake.base_url()).key(shop.fake.key());
    let program = Pipeline::builder().d_id(client.build().unwrap()).speech(Slow);
    let program = program.build().await.unwrap();
    let hello = message("Hello there.");
    let animate = program.animate(shop.photo, &shop.persons, &hello);
    let close = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        program.close(Duration::MAX).await;
        assert_eq!(shop.fake.talks().len(), 1, "it was under way");
    };
    let (videos, ()) = tokio::join!(animate, close);
    videos.unwrap().remove(0).result.unwrap();
}

#[tokio::test]
async fn an_order_whose_talk_was_removed_is_not_stuck_in_a_large_account() {
    let shop = Shop::new(1).await;
    let hello = message("Hello there.");
    let video = shop.animate(&hello).await.remove(0).result.unwrap();
    Storage::new(shop.store.clone()).delete(video.key).await.unwrap();
    // The account has more pages of talks, all of them older, than are ever read.
    shop.fake.fault(Route::GetTalk, Fault::error(404, "NotFoundError", "not found").times(1000));
    let old = serde_json::json!({ "id": "tlk_old", "status": "done",
        "source_url": "https://host/old.png", "created_at": "2020-01-01T00:00:00.000Z" });
    let page = serde_json::json!({ "talks": [old], "token": "more" });
    shop.fake.fault(Route::ListTalks, Fault::json(200, page).times(1000));
    // One that has settled long ago.
    let mut records = shop.order_records().await;
    let mut record: serde_json::Value = serde_json::from_str(&records.remove(0)).unwrap();
    let sent = record["attempts"][0]["sent_ms"].as_u64().unwrap();
    record["attempts"][0]["sent_ms"] = (sent - 120_000).into();
    let Artifact::Video { photo, person, video } = video.key.artifact() else { panic!() };
    let artifact = Artifact::Order { photo, person, video };
    let storage = Storage::new(shop.store.clone());
    storage.put(artifact, record.to_string().into_bytes()).await.unwrap();

    let mut gone = hello.clone();
    gone.wait.missing = Duration::from_millis(50);
    let error = shop.animate(&gone).await.remove(0).result.unwrap_err();
    assert_error(&error, Code::DIdUnavailable, Tier::High);
    assert!(shop.order_records().await.is_empty(), "nothing is left to wait for");
    shop.fake.clear_faults();
    shop.animate(&hello).await.remove(0).result.unwrap();
    assert_eq!(shop.fake.talks().len(), 2);
}

/// Talks that had been asked for and not yet fetched when another one was asked for, at most.
fn most_in_work(fake: &FakeDid) -> usize {
    let began = fake.requests(Route::CreateTalk).into_iter().map(|entry| entry.at);
    let ended = |id: &str| {
        let fetched = fake.requests(Route::Result).into_iter();
        fetched.filter(|entry| entry.path.contains(id)).map(|entry| entry.at).max().unwrap()
    };
    let talks: Vec<_> = began.zip(fake.talks()).map(|(at, talk)| (at, ended(&talk.id))).collect();
    let at_once = |at| talks.iter().filter(|(began, ended)| *began <= at && at < *ended).count();
    talks.iter().map(|(began, _)| at_once(*began)).max().unwrap()
}

#[tokio::test]
async fn four_persons_of_a_request_talk_at_once() {
    let mut shop = Shop::new(10).await;
    let duration = Duration::from_millis(300);
    shop.fake = FakeDid::builder().video(TALK_MP4).talk_duration(duration).start().await.unwrap();
    let videos = shop.animate(&message("Hello there.")).await;
    assert!(videos.iter().all(|video| video.result.is_ok()), "{videos:?}");
    assert_eq!(most_in_work(&shop.fake), 4);
}
