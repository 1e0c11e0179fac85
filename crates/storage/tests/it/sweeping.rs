//! Sweeping, on every backend.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use portrait_storage::object_store::ObjectStoreExt;
use portrait_storage::{
    Artifact, Error, Folder, Format, PhotoId, RetentionPolicy, Sweeper, TaskId, TempName,
};
use time::OffsetDateTime;

use crate::conformance::on_backends;
use crate::samples::{Backend, content, everything, one_of_each, put_small};

on_backends! {
    an_artifact_goes_when_its_time_has_come_and_not_before,
    retention_can_be_nothing_or_for_ever,
    a_clock_set_back_deletes_nothing,
    what_is_held_stays,
    what_is_foreign_stays_and_is_reported,
    readers_and_writers_are_not_disturbed,
    many_artifacts_are_swept,
}

fn sweeper(backend: &Backend) -> Sweeper {
    Sweeper::new(backend.storage.clone(), RetentionPolicy::default())
}

fn in_days(days: i64) -> OffsetDateTime {
    OffsetDateTime::now_utc() + time::Duration::days(days)
}

async fn an_artifact_goes_when_its_time_has_come_and_not_before(backend: &Backend) {
    let storage = &backend.storage;
    let sweeper = sweeper(backend);
    let hours = |folder| match folder {
        Folder::Uploads => 7 * 24,
        Folder::DetectedPersons | Folder::BackgroundRemoved => 3 * 24,
        Folder::DIdVideos => 30 * 24,
        Folder::Temp => 1,
    };
    for artifact in one_of_each(PhotoId::generate(), TaskId::generate()) {
        let folder = artifact.folder();
        let key = put_small(storage, artifact).await;
        let stored_at = storage.head(key).await.unwrap().stored_at;
        assert!(stored_at.offset().is_utc());
        let due = stored_at + time::Duration::hours(hours(folder));

        let report = sweeper.sweep_once(due - time::Duration::nanoseconds(1)).await;
        assert_eq!((report.removed().count(), report.folder(folder).kept), (0, 1), "{key}");
        assert!(storage.exists(key).await.unwrap());

        let report = sweeper.sweep_once(due).await;
        assert_eq!(report.now, due);
        let of_folder = report.folder(folder);
        assert_eq!((of_folder.folder, of_folder.kept), (folder, 0));
        assert_eq!(of_folder.removed.len(), 1);
        assert_eq!((of_folder.removed[0].key, of_folder.removed_bytes()), (key, 64));
        assert_eq!(report.removed().count(), 1);
        assert_eq!(report.failures().count(), 0);
        assert!(!storage.exists(key).await.unwrap());
    }
}

async fn retention_can_be_nothing_or_for_ever(backend: &Backend) {
    let storage = &backend.storage;
    for artifact in one_of_each(PhotoId::generate(), TaskId::generate()) {
        put_small(storage, artifact).await;
    }
    let policy = RetentionPolicy {
        uploads: Duration::MAX,
        detected_persons: Duration::ZERO,
        background_removed: Duration::MAX,
        d_id_videos: Duration::ZERO,
        temp: Duration::MAX,
    };
    let report = Sweeper::new(storage.clone(), policy).sweep_once(in_days(300_000)).await;
    let folders: Vec<_> = report.removed().map(|removed| removed.key.folder()).collect();
    assert_eq!(folders, [Folder::DetectedPersons, Folder::DIdVideos]);
    assert_eq!(everything(storage).await.len(), 3);
}

async fn a_clock_set_back_deletes_nothing(backend: &Backend) {
    put_small(&backend.storage, Artifact::Upload { photo: PhotoId::generate() }).await;
    let policy = RetentionPolicy { uploads: Duration::ZERO, ..RetentionPolicy::default() };
    let sweeper = Sweeper::new(backend.storage.clone(), policy);
    for now in [in_days(-1), in_days(-10_000), OffsetDateTime::UNIX_EPOCH] {
        assert_eq!(sweeper.sweep_once(now).await.removed().count(), 0);
    }
}

async fn what_is_held_stays(backend: &Backend) {
    let storage = &backend.storage;
    let sweeper = sweeper(backend);
    let (photo, task) = (PhotoId::generate(), TaskId::generate());
    let mut keys = Vec::new();
    for artifact in one_of_each(photo, task) {
        keys.push(put_small(storage, artifact).await);
    }
    let of_photo = storage.hold(photo).await;
    let again = storage.hold(photo).await;
    let of_task = storage.hold(task).await;
    assert_eq!((of_photo.subject(), of_task.subject()), (photo.into(), task.into()));
    let bystander = put_small(storage, Artifact::Upload { photo: PhotoId::generate() }).await;

    let report = sweeper.sweep_once(in_days(40)).await;
    assert_eq!(report.removed().map(|r| r.key).collect::<Vec<_>>(), [bystander]);
    let held: Vec<_> = report.folders.iter().flat_map(|folder| folder.held.clone()).collect();
    assert_eq!(held, keys);

    drop(of_photo);
    drop(of_task);
    let report = sweeper.sweep_once(in_days(40)).await;
    let removed: Vec<_> = report.removed().map(|removed| removed.key).collect();
    assert_eq!(removed, keys[4..], "one of two holds on the photo is left");

    drop(again);
    assert_eq!(sweeper.sweep_once(in_days(40)).await.removed().count(), 4);
    assert_eq!(everything(storage).await, []);
}

async fn what_is_foreign_stays_and_is_reported(backend: &Backend) {
    let id = PhotoId::generate();
    let paths = [
        "uploads/readme.txt".to_owned(),
        format!("uploads/{id}.gif"),
        format!("detected_persons/{id}_person_01.jpg"),
        format!("temp/{id}/core.dump"),
        "temp/pip-cache/wheel.bin".to_owned(),
    ];
    for path in &paths {
        backend.raw.put(&path.as_str().into(), "foreign".into()).await.unwrap();
    }
    for i in 0..120 {
        let path = format!("d_id_videos/holiday-{i}.mp4");
        backend.raw.put(&path.as_str().into(), "foreign".into()).await.unwrap();
    }
    let report = sweeper(backend).sweep_once(in_days(1000)).await;
    assert_eq!((report.removed().count(), report.failures().count()), (0, 0));
    let count = |folder| report.folder(folder).foreign;
    assert_eq!(count(Folder::Uploads), 2);
    assert_eq!(count(Folder::DetectedPersons), 1);
    assert_eq!(count(Folder::Temp), 2);
    assert_eq!(count(Folder::DIdVideos), 120);
    assert_eq!(report.folder(Folder::DIdVideos).foreign_paths.len(), 100);
    let named = &report.folder(Folder::Uploads).foreign_paths;
    assert_eq!(named[..], [format!("uploads/{id}.gif"), "uploads/readme.txt".to_owned()]);
    for path in paths {
        assert!(backend.raw.head(&path.as_str().into()).await.is_ok(), "{path}");
    }
}

/// Everything has expired and a sweep follows a sweep, while jobs store, read and delete.
async fn readers_and_writers_are_not_disturbed(backend: &Backend) {
    let storage = &backend.storage;
    let policy = RetentionPolicy { background_removed: Duration::ZERO, ..Default::default() };
    let sweeper = Sweeper::new(storage.clone(), policy);
    let bytes = content(Format::Png, 30_000, 4);

    let sweeps = Arc::new(AtomicUsize::new(0));
    let jobs: Vec<_> = (0..8_u32)
        .map(|job| {
            let (storage, bytes, sweeps) = (storage.clone(), bytes.clone(), sweeps.clone());
            tokio::spawn(async move {
                for round in 0.. {
                    if round >= 10 && sweeps.load(Ordering::SeqCst) >= 5 {
                        break;
                    }
                    let photo = PhotoId::generate();
                    let artifact = Artifact::CutOut { photo, person: job, recipe: None };
                    if round % 2 == 0 {
                        // With a hold, what was stored is there.
                        let hold = storage.hold(photo).await;
                        let key = storage.put(artifact, bytes.clone()).await.unwrap().key;
                        tokio::task::yield_now().await;
                        assert!(storage.get(key).await.unwrap() == bytes);
                        assert_eq!(storage.list_photo(photo).await.unwrap().len(), 1);
                        drop(hold);
                    } else {
                        // Without one it may be gone, but is never in part.
                        let key = storage.put(artifact, bytes.clone()).await.unwrap().key;
                        match storage.get(key).await {
                            Ok(read) => assert!(read == bytes),
                            Err(error) => {
                                assert!(matches!(error, Error::NotFound { .. }), "{error}")
                            }
                        }
                        storage.delete(key).await.unwrap();
                    }
                }
            })
        })
        .collect();
    let all = futures::future::join_all(jobs);
    let mut all = std::pin::pin!(all);
    let results = loop {
        tokio::select! {
            results = all.as_mut() => break results,
            report = sweeper.sweep_once(in_days(1)) => {
                let failures: Vec<_> = report.failures().collect();
                assert!(failures.is_empty(), "{failures:?}");
                sweeps.fetch_add(1, Ordering::SeqCst);
            }
        }
    };
    for result in results {
        result.unwrap();
    }
    sweeper.sweep_once(in_days(1)).await;
    assert_eq!(everything(storage).await, []);
}

async fn many_artifacts_are_swept(backend: &Backend) {
    let storage = &backend.storage;
    const MANY: usize = 1500;
    let photos: Vec<PhotoId> = (0..MANY).map(|_| PhotoId::generate()).collect();
    futures::stream::iter(photos.iter().enumerate())
        .for_each_concurrent(16, async |(i, &photo)| {
            // A third each: uploads stay, cut-outs and temporary files go.
            let artifact = match i % 3 {
                0 => Artifact::Upload { photo },
                1 => Artifact::CutOut { photo, person: 0, recipe: None },
                _ => Artifact::Temp { task: TaskId::generate(), name: TempName::Mask },
            };
            put_small(storage, artifact).await;
        })
        .await;
    let report = sweeper(backend).sweep_once(in_days(5)).await;
    assert_eq!(report.failures().count(), 0);
    assert_eq!(report.removed().count(), 2 * MANY / 3);
    assert_eq!(report.folder(Folder::Uploads).kept as usize, MANY / 3);
    let left = everything(storage).await;
    assert_eq!(left.len(), MANY / 3);
    assert!(left.iter().all(|meta| meta.key.folder() == Folder::Uploads));
}
