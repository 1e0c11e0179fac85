//! A backend that fails: what else is to be done is done, and the error says what happened.

use std::error::Error as _;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use portrait_storage::{
    Artifact, Error, Folder, Format, PhotoId, RetentionPolicy, Storage, StreamOptions, Sweeper,
    VideoId,
};
use time::OffsetDateTime;

use crate::faulty::{At, Faulty};
use crate::samples::{content, eventually, everything, one_of_each, pieces, put_small};

fn faulty() -> (Arc<Faulty>, Storage, Sweeper) {
    let store = Faulty::new();
    let storage = Storage::new(store.clone());
    let sweeper = Sweeper::new(storage.clone(), RetentionPolicy::default());
    (store, storage, sweeper)
}

fn in_days(days: i64) -> OffsetDateTime {
    OffsetDateTime::now_utc() + time::Duration::days(days)
}

/// One injected fault: where, as a function of the photo it concerns.
async fn sweep_with_a_fault(at: At) {
    let (store, storage, sweeper) = faulty();
    let mut photos = Vec::new();
    for _ in 0..50 {
        let photo = PhotoId::generate();
        put_small(&storage, Artifact::Upload { photo }).await;
        put_small(&storage, Artifact::CutOut { photo, person: 0, recipe: None }).await;
        photos.push(photo);
    }
    let unlucky = format!("uploads/{}", photos[20]);
    store.fail(at, &unlucky);

    let report = sweeper.sweep_once(in_days(8)).await;
    assert_eq!(report.removed().count(), 99, "{at:?}");
    let failures: Vec<_> = report.failures().collect();
    assert_eq!(failures.len(), 1, "{at:?}: {failures:?}");
    assert!(matches!(failures[0].error, Error::Backend { .. }));
    let cause = failures[0].error.source().unwrap().to_string();
    if at == At::DeletePanics {
        assert!(cause.contains("panic"), "{cause}");
    } else {
        assert!(cause.contains(&format!("injected at {at:?}")), "{cause}");
    }
    // A listing knows no more than its folder; everything else names the key.
    let named = if at == At::ListEntry { "uploads" } else { unlucky.as_str() };
    assert!(failures[0].path.starts_with(named), "{}", failures[0].path);

    store.heal();
    let report = sweeper.sweep_once(in_days(8)).await;
    assert_eq!(report.removed().count(), 1);
    assert_eq!(everything(&storage).await, []);
    // The failure did not leave the photo claimed.
    drop(storage.hold(photos[20]).await);
}

#[tokio::test]
async fn a_sweep_survives_every_single_failure() {
    for at in [At::Delete, At::DeletePanics, At::Get, At::ListEntry] {
        sweep_with_a_fault(at).await;
    }
}

#[tokio::test]
async fn an_artifact_stored_anew_during_a_sweep_stays() {
    let (store, storage, sweeper) = faulty();
    let key = put_small(&storage, Artifact::Upload { photo: PhotoId::generate() }).await;
    // The listing still shows the predecessor, which had expired.
    store.list_older_by(Duration::from_secs(100 * 24 * 3600));
    let report = sweeper.sweep_once(OffsetDateTime::now_utc()).await;
    assert_eq!((report.removed().count(), report.folder(Folder::Uploads).kept), (0, 1));
    assert!(storage.exists(key).await.unwrap());
}

#[tokio::test]
async fn a_deletion_reports_what_it_could_not_delete() {
    let (store, storage, _) = faulty();
    let photo = PhotoId::generate();
    for person in 0..10 {
        put_small(&storage, Artifact::CutOut { photo, person, recipe: None }).await;
    }
    store.fail(At::Delete, "person_3_");
    let report = storage.delete_photo(photo).await;
    assert_eq!((report.removed.len(), report.failures.len()), (9, 1));
    assert!(report.failures[0].path.contains("person_3_nobg.png"));
    assert!(matches!(report.complete(), Err(Error::Backend { action: "delete", .. })));
    store.fail(At::ListEntry, "person_3_");
    assert!(storage.list_photo(photo).await.is_err());
    assert!(storage.delete_photo(photo).await.complete().is_err());
    store.heal();
    assert_eq!(storage.delete_photo(photo).await.complete().unwrap().removed.len(), 1);
}

#[tokio::test]
async fn backend_errors_are_told_from_missing_artifacts() {
    let (store, storage, _) = faulty();
    let artifact = Artifact::Upload { photo: PhotoId::generate() };
    let key = put_small(&storage, artifact).await;
    store.fail(At::Get, "uploads");
    store.fail(At::Put, "uploads");
    let errors = [
        storage.get(key).await.unwrap_err(),
        storage.head(key).await.unwrap_err(),
        storage.exists(key).await.unwrap_err(),
        storage.find(artifact).await.unwrap_err(),
        storage.delete(key).await.unwrap_err(),
        storage.get_stream(key, None).await.unwrap_err(),
        storage.put(artifact, content(Format::Png, 20, 0)).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, Error::Backend { .. }), "{error}");
        assert!(error.source().unwrap().to_string().contains("injected"));
        let message = error.to_string();
        assert!(message.contains("uploads/") && !message.contains('\n'), "{message}");
    }
}

/// However an upload ends, its parts do not stay: a cloud store would bill them for ever.
#[tokio::test]
async fn every_upload_is_completed_or_aborted() {
    let (store, storage, _) = faulty();
    let video =
        || Artifact::Video { photo: PhotoId::generate(), person: 0, video: VideoId::generate() };
    let bytes = content(Format::Mp4, 10 << 20, 0);
    let options = StreamOptions::default();
    let counts = || {
        let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        let uploads = &store.uploads;
        (count(&uploads.begun), count(&uploads.completed), count(&uploads.aborted))
    };

    storage.put_stream(video(), pieces(&bytes, 1 << 20), options).await.unwrap();
    assert_eq!(counts(), (1, 1, 0));

    for (at, after) in [(At::Part, (2, 1, 1)), (At::Complete, (3, 1, 2))] {
        store.fail(at, "d_id_videos");
        let error =
            storage.put_stream(video(), pieces(&bytes, 1 << 20), options).await.unwrap_err();
        assert!(matches!(error, Error::Backend { action: "store", .. }), "{error}");
        assert_eq!(counts(), after);
        store.heal();
    }

    let short = StreamOptions { expected_len: Some(9 << 20), ..options };
    storage.put_stream(video(), pieces(&bytes, 1 << 20), short).await.unwrap_err();
    assert_eq!(counts(), (4, 1, 3));

    // Dropped in the middle: a task aborts it.
    let endless = pieces(&bytes, 1 << 20).chain(stream::pending());
    {
        let mut put = pin!(storage.put_stream(video(), endless, options));
        assert!(futures::poll!(put.as_mut()).is_pending());
        assert_eq!(counts(), (5, 1, 3));
    }
    eventually("the upload is aborted", || counts().2 == 4).await;
    assert_eq!(counts(), (5, 1, 4));
    assert_eq!(everything(&storage).await.len(), 1);
}

#[tokio::test]
async fn a_hold_waits_for_the_deletion_under_way_even_of_a_dropped_sweep() {
    let (store, storage, sweeper) = faulty();
    let photo = PhotoId::generate();
    let key = put_small(&storage, Artifact::Upload { photo }).await;
    // The gate is closed, so the deletion begins and does not end.
    store.deletions.forget_permits(usize::MAX);
    {
        let mut sweep = pin!(sweeper.sweep_once(in_days(8)));
        assert!(futures::poll!(sweep.as_mut()).is_pending());
        eventually("the deletion begins", || store.deletions_begun.load(Ordering::SeqCst) > 0)
            .await;
    }
    let mut hold = pin!(storage.hold(photo));
    for _ in 0..10 {
        assert!(futures::poll!(hold.as_mut()).is_pending());
        tokio::task::yield_now().await;
    }
    // Others are not kept waiting.
    drop(storage.hold(PhotoId::generate()).await);
    assert!(storage.exists(key).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_loop_sweeps_at_its_interval_until_told_to_stop() {
    let (store, storage, _) = faulty();
    let key = put_small(&storage, Artifact::Upload { photo: PhotoId::generate() }).await;
    let (start, stored_at) = (tokio::time::Instant::now(), OffsetDateTime::now_utc());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let reports = Arc::clone(&seen);
    let sweeper = Sweeper::new(storage.clone(), RetentionPolicy::default())
        .with_clock(move || stored_at + start.elapsed())
        .with_observer(move |report| {
            let failures = report.failures().count();
            reports.lock().unwrap().push((start.elapsed(), report.removed().count(), failures));
        });
    // Every deletion fails until the 29th hour of the eighth day.
    store.fail(At::Delete, "uploads");
    let healing = store.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs((7 * 24 + 29) * 3600)).await;
        healing.heal();
    });

    let day = Duration::from_secs(24 * 3600);
    sweeper.run(day / 4, tokio::time::sleep(day * 9 + day / 8)).await;

    let seen = std::mem::take(&mut *seen.lock().unwrap());
    let times: Vec<_> = seen.iter().map(|(at, ..)| *at).collect();
    let expected: Vec<_> = (0..=36).map(|i| day / 4 * i).collect();
    assert!(
        times.iter().zip(&expected).all(|(at, due)| at.abs_diff(*due) < Duration::from_secs(1))
    );
    assert_eq!(times.len(), expected.len());
    let failed = seen.iter().filter(|(.., failures)| *failures == 1).count();
    assert!((4..=6).contains(&failed), "it went on after failures: {seen:?}");
    assert_eq!(seen.iter().map(|(_, removed, _)| removed).sum::<usize>(), 1);
    assert!(!storage.exists(key).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_loop_stops_in_the_middle_of_a_sweep_that_hangs() {
    let (store, storage, sweeper) = faulty();
    for artifact in one_of_each(PhotoId::generate(), portrait_storage::TaskId::generate()) {
        put_small(&storage, artifact).await;
    }
    store.deletions.forget_permits(usize::MAX);
    let sweeper = sweeper.with_clock(|| in_days(100));
    let minute = tokio::time::sleep(Duration::from_secs(60));
    sweeper.run(Duration::ZERO, minute).await;
    assert!(store.deletions_begun.load(Ordering::SeqCst) > 0);
}

#[tokio::test]
async fn the_futures_can_be_spawned() {
    let storage = Storage::memory();
    let sweeper = Sweeper::new(storage.clone(), RetentionPolicy::default());
    let artifact = Artifact::Upload { photo: PhotoId::generate() };
    let bytes = content(Format::Jpeg, 100, 0);
    let put = tokio::spawn({
        let storage = storage.clone();
        async move {
            let source = stream::iter([Ok::<Bytes, Error>(bytes)]);
            storage.put_stream(artifact, source, StreamOptions::default()).await
        }
    });
    put.await.unwrap().unwrap();
    tokio::spawn(async move { sweeper.run(Duration::from_secs(1), async {}).await }).await.unwrap();
    let find = tokio::spawn(async move { storage.find(artifact).await });
    assert!(find.await.unwrap().unwrap().is_some());
}
