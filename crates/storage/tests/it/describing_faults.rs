//! Descriptions when something fails, the process ends, or the photo is deleted meanwhile.

use std::fs;
use std::sync::Arc;
use std::time::SystemTime;

use portrait_storage::object_store::{ObjectStore, ObjectStoreExt};
use portrait_storage::{
    Artifact, Error, Folder, Format, Key, Origin, PhotoId, RetentionPolicy, Storage, StreamOptions,
    Subject, Sweeper, VideoId,
};
use tempfile::TempDir;

use crate::faulty::{At, Faulty};
use crate::samples::{beside, content, described, everything, pieces, put_small};

/// A fault, or a crash, at each step of a described write.
#[tokio::test]
async fn a_description_that_fails_leaves_the_artifact() {
    let store = Faulty::new();
    let storage = Storage::new(store.clone());
    let artifact =
        Artifact::Video { photo: PhotoId::generate(), person: 0, video: VideoId::generate() };
    let mp4 = |seed| content(Format::Mp4, 100, seed);
    let description = described(Origin::Downloaded);

    // Between the artifact and its description.
    store.fail(At::Put, ".about.json");
    let error = storage.put_described(artifact, mp4(1), &description).await.unwrap_err();
    let key = Key::new(artifact, Format::Mp4).unwrap();
    assert!(matches!(error, Error::NotDescribed { key: of, .. } if of == key), "{error}");
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("injected"));
    assert_eq!(storage.get(key).await.unwrap(), mp4(1));
    assert_eq!(storage.about(key).await.unwrap(), None);
    let (stream, options) = (pieces(&mp4(2), 9), StreamOptions::default());
    let error = storage.put_stream_described(artifact, stream, options, &description).await;
    assert!(matches!(error, Err(Error::NotDescribed { .. })), "{error:?}");
    assert_eq!(storage.get(key).await.unwrap(), mp4(2));
    store.heal();

    // Between the description of before and the artifact.
    storage.put_described(artifact, mp4(3), &description).await.unwrap();
    store.fail(At::Put, "mp4");
    storage.put_described(artifact, mp4(4), &description).await.unwrap_err();
    store.heal();
    assert_eq!(storage.get(key).await.unwrap(), mp4(3));
    assert_eq!(storage.about(key).await.unwrap(), None);

    // The description of before cannot be removed: nothing is replaced.
    storage.put_described(artifact, mp4(5), &description).await.unwrap();
    store.fail(At::Delete, ".about.json");
    storage.put(artifact, mp4(6)).await.unwrap_err();
    store.heal();
    assert!(storage.about(key).await.unwrap().unwrap().fits(&mp4(5)));
    assert_eq!(storage.get(key).await.unwrap(), mp4(5));

    // It cannot be read, which is no reason to say that there is none.
    store.fail(At::Get, ".about.json");
    assert!(matches!(storage.about(key).await, Err(Error::Backend { .. })));
    store.heal();

    // Half of a deletion fails: it is told, and the next one finds what is left.
    store.fail(At::Delete, ".about.json");
    let report = storage.delete_photo(photo_of(key)).await;
    assert_eq!(report.failures.len(), 1);
    assert!(!storage.exists(key).await.unwrap());
    store.heal();
    storage.delete_photo(photo_of(key)).await.complete().unwrap();
    let raw: Arc<dyn ObjectStore> = store;
    assert!(raw.head(&beside(key)).await.is_err());
}

fn photo_of(key: Key) -> PhotoId {
    match key.subject() {
        Subject::Photo(photo) => photo,
        Subject::Task(task) => panic!("{task} is no photo"),
    }
}

#[tokio::test]
async fn a_described_write_is_taken_back_by_a_deletion() {
    let storage = Storage::memory();
    let photo = PhotoId::generate();
    let hold = storage.hold(photo).await;
    put_small(&storage, Artifact::Upload { photo }).await;
    storage.delete_photo(photo).await.complete().unwrap();
    let png = content(Format::Png, 80, 0);
    let error =
        storage.put_described(Artifact::Upload { photo }, png, &described(Origin::Uploaded)).await;
    assert!(matches!(error, Err(Error::Deleted { .. })), "{error:?}");
    drop(hold);
    assert_eq!(everything(&storage).await, []);
}

/// A power cut while a description is written on a disk: the file gathered so far is no artifact
/// and nothing foreign, and goes as other half-written files do.
#[tokio::test]
async fn a_description_cut_off_by_a_crash_is_swept() {
    let dir = TempDir::new().unwrap();
    let storage = Storage::local(dir.path()).unwrap();
    let photo = PhotoId::generate();
    let key = put_small(&storage, Artifact::Upload { photo }).await;
    let half = dir.path().join(format!("{key}.about.json#1"));
    let odd = dir.path().join(format!("{key}.about.json#x"));
    fs::write(&half, "{\"content_type\":").unwrap();
    fs::write(&odd, "").unwrap();
    assert_eq!(storage.about(key).await.unwrap(), None);
    assert_eq!(everything(&storage).await.len(), 1);

    let sweeper = Sweeper::new(storage.clone(), RetentionPolicy::default());
    let later = SystemTime::now() + std::time::Duration::from_secs(2 * 3600);
    let report = sweeper.sweep_once(later.into()).await;
    let uploads = report.folder(Folder::Uploads);
    assert_eq!((uploads.half_written, uploads.foreign, uploads.kept), (1, 1, 1));
    assert!(!half.exists() && odd.exists());

    fs::write(&half, "{").unwrap();
    storage.delete_photo(photo).await.complete().unwrap();
    assert!(!half.exists());
}
