//! The record of a deletion: it goes last, and is found when the deletion was cut off.

use portrait_storage::{
    Artifact, Error, Format, Key, PhotoId, RetentionPolicy, Storage, Sweeper, TaskId,
};
use time::{Duration, OffsetDateTime};

use crate::conformance::on_backends;
use crate::faulty::{At, Faulty};
use crate::samples::{Backend, content, everything, one_of_each, one_of_each_record, put_small};

on_backends! {
    an_unfinished_deletion_is_found_and_repeated,
    a_sweep_leaves_the_record_of_a_deletion,
    a_deletion_can_be_recorded_although_it_has_begun,
}

async fn an_unfinished_deletion_is_found_and_repeated(Backend { storage, .. }: &Backend) {
    assert_eq!(storage.unfinished_deletions().await.unwrap(), []);
    let photos = [PhotoId::generate(), PhotoId::generate(), PhotoId::generate()];
    for photo in photos {
        for artifact in one_of_each(photo, TaskId::generate()) {
            put_small(storage, artifact).await;
        }
    }
    // Begun and cut off: the record is there, and so is the photo.
    for photo in [photos[2], photos[0]] {
        put_small(storage, Artifact::Deletion { photo }).await;
    }
    assert_eq!(storage.unfinished_deletions().await.unwrap(), [photos[0], photos[2]]);
    for photo in storage.unfinished_deletions().await.unwrap() {
        let report = storage.delete_photo(photo).await.complete().unwrap();
        assert_eq!(report.removed.len(), 5, "the photo's four and the record");
        assert_eq!(storage.list_photo(photo).await.unwrap(), []);
    }
    assert_eq!(storage.unfinished_deletions().await.unwrap(), []);
    assert_eq!(storage.list_photo(photos[1]).await.unwrap().len(), 4);
}

async fn a_sweep_leaves_the_record_of_a_deletion(Backend { storage, .. }: &Backend) {
    let photo = PhotoId::generate();
    put_small(storage, Artifact::Deletion { photo }).await;
    put_small(storage, Artifact::Upload { photo }).await;
    let policy = RetentionPolicy { d_id_videos: std::time::Duration::ZERO, ..Default::default() };
    let later = OffsetDateTime::now_utc() + Duration::days(100_000);
    let report = Sweeper::new(storage.clone(), policy).sweep_once(later).await;
    assert_eq!(report.failures().count(), 0);
    let removed: Vec<_> = report.removed().map(|removed| removed.key.artifact()).collect();
    assert_eq!(removed, [Artifact::Upload { photo }]);
    let folder = report.folder(portrait_storage::Folder::DIdVideos);
    assert_eq!((folder.kept, folder.held.len(), folder.foreign), (1, 0, 0));
    assert_eq!(storage.unfinished_deletions().await.unwrap(), [photo]);
}

async fn a_deletion_can_be_recorded_although_it_has_begun(Backend { storage, .. }: &Backend) {
    let photo = PhotoId::generate();
    let hold = storage.hold(photo).await;
    assert!(storage.delete_photo(photo).await.failures.is_empty());
    assert!(hold.is_deleted());
    let error = storage.put(Artifact::Upload { photo }, content(Format::Png, 90, 0)).await;
    assert!(matches!(error, Err(Error::Deleted { .. })), "{error:?}");
    // A second deletion, while a job still holds the photo.
    put_small(storage, Artifact::Deletion { photo }).await;
    assert_eq!(storage.unfinished_deletions().await.unwrap(), [photo]);
    assert_eq!(storage.delete_photo(photo).await.complete().unwrap().removed.len(), 1);
    assert_eq!(everything(storage).await, []);
    drop(hold);
}

/// Whatever cannot be deleted, the record stays until it is.
#[tokio::test]
async fn the_record_stays_until_all_else_is_gone() {
    let photo = PhotoId::generate();
    let mut others = Vec::new();
    for artifact in one_of_each(photo, TaskId::generate()).into_iter().take(4) {
        others.push(artifact);
    }
    others.extend(one_of_each_record(photo).into_iter().take(7));
    for unlucky in &others {
        let store = Faulty::new();
        let storage = Storage::new(store.clone());
        for artifact in &others {
            put_small(&storage, *artifact).await;
        }
        let record = put_small(&storage, Artifact::Deletion { photo }).await;
        let unlucky = Key::new(*unlucky, unlucky.formats()[0]).unwrap();
        for at in [At::Delete, At::ListEntry] {
            store.fail(at, unlucky);
            let report = storage.delete_photo(photo).await;
            assert_eq!(report.failures.len(), 1, "{unlucky} {at:?}");
            assert!(report.removed.iter().all(|removed| removed.key != record));
            store.heal();
            assert_eq!(storage.unfinished_deletions().await.unwrap(), [photo], "{unlucky} {at:?}");
        }
        let report = storage.delete_photo(photo).await.complete().unwrap();
        let removed: Vec<_> = report.removed.iter().map(|removed| removed.key).collect();
        let mut expected = [unlucky, record];
        expected.sort_unstable();
        assert_eq!(removed, expected);
        assert_eq!(everything(&storage).await, []);
    }
}

/// The record itself cannot be deleted: the deletion is repeated, and says so.
#[tokio::test]
async fn a_record_that_cannot_be_removed_is_a_failure() {
    let store = Faulty::new();
    let storage = Storage::new(store.clone());
    let photo = PhotoId::generate();
    put_small(&storage, Artifact::Upload { photo }).await;
    put_small(&storage, Artifact::Deletion { photo }).await;
    store.fail(At::Delete, "_deletion.json");
    let report = storage.delete_photo(photo).await;
    assert_eq!((report.removed.len(), report.failures.len()), (1, 1));
    store.heal();
    assert_eq!(storage.unfinished_deletions().await.unwrap(), [photo]);
    store.fail(At::ListEntry, "_deletion.json");
    assert!(storage.unfinished_deletions().await.is_err());
}
