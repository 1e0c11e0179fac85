//! An observer is told of every operation, and cannot disturb one.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use portrait_storage::{
    Artifact, Description, Ended, Folder, Format, Key, Operation, Origin, PhotoId, RetentionPolicy,
    Storage, StorageCall, StreamOptions, Sweeper, TaskId,
};
use time::OffsetDateTime;

use crate::faulty::{At, Faulty};
use crate::samples::{content, everything, pieces};

type Calls = Arc<Mutex<Vec<StorageCall>>>;

fn observed(storage: &Storage) -> (Storage, Calls) {
    let calls = Calls::default();
    let told = Arc::clone(&calls);
    (storage.observed(move |call| told.lock().unwrap().push(*call)), calls)
}

fn take(calls: &Calls) -> Vec<(Operation, Option<Folder>, u64, Ended)> {
    let calls = std::mem::take(&mut *calls.lock().unwrap());
    calls.iter().map(|call| (call.operation, call.folder, call.bytes, call.ended)).collect()
}

#[tokio::test]
async fn every_operation_is_told_once() {
    use Ended::Done;
    use Operation as O;

    let plain = Storage::memory();
    let (storage, calls) = observed(&plain);
    let photo = PhotoId::generate();
    let artifact = Artifact::Upload { photo };
    let png = content(Format::Png, 1000, 0);
    let description = Description::new(Origin::Uploaded);
    let options = StreamOptions::default();
    let key = storage.put(artifact, png.clone()).await.unwrap().key;
    storage.put_described(artifact, png.clone(), &description).await.unwrap();
    storage.put_stream(artifact, pieces(&png, 99), options).await.unwrap();
    let stream = pieces(&png, 99);
    storage.put_stream_described(artifact, stream, options, &description).await.unwrap();
    storage.get(key).await.unwrap();
    let mut content = storage.get_stream(key, None).await.unwrap().stream;
    while content.next().await.is_some() {}
    storage.head(key).await.unwrap();
    storage.exists(key).await.unwrap();
    storage.find(artifact).await.unwrap();
    storage.about(key).await.unwrap();
    let mut listing = storage.list(Folder::Uploads);
    while listing.next().await.is_some() {}
    storage.list_photo(photo).await.unwrap();
    storage.unfinished_deletions().await.unwrap();
    storage.delete_photo(photo).await.complete().unwrap();
    storage.delete_task(TaskId::generate()).await.complete().unwrap();
    storage.delete(key).await.unwrap();
    // What is not there is an answer.
    storage.get(key).await.unwrap_err();
    let uploads = Some(Folder::Uploads);
    let expected = [
        (O::Put, uploads, 1000, Done),
        (O::Put, uploads, 1000, Done),
        (O::PutStream, uploads, 1000, Done),
        (O::PutStream, uploads, 1000, Done),
        (O::Get, uploads, 1000, Done),
        (O::GetStream, uploads, 1000, Done),
        (O::Head, uploads, 0, Done),
        (O::Exists, uploads, 0, Done),
        (O::Find, uploads, 0, Done),
        (O::About, uploads, 0, Done),
        (O::List, uploads, 0, Done),
        (O::ListPhoto, None, 0, Done),
        (O::UnfinishedDeletions, Some(Folder::DIdVideos), 0, Done),
        (O::DeletePhoto, None, 1000, Done),
        (O::DeleteTask, None, 0, Done),
        (O::Delete, uploads, 0, Done),
        (O::Get, uploads, 0, Done),
    ];
    assert_eq!(take(&calls), expected);

    // The sweeper's deletions, and nothing of the storage it was cloned from.
    storage.put(artifact, png.clone()).await.unwrap();
    take(&calls);
    let sweeper = Sweeper::new(storage.clone(), RetentionPolicy::default());
    sweeper.sweep_once(OffsetDateTime::now_utc() + time::Duration::days(8)).await;
    assert_eq!(take(&calls), [(O::Sweep, uploads, 1000, Done)]);
    plain.put(artifact, png).await.unwrap();
    assert_eq!(take(&calls), []);
}

#[tokio::test]
async fn failures_and_dropped_operations_are_told_apart() {
    let store = Faulty::new();
    let (storage, calls) = observed(&Storage::new(store.clone()));
    let artifact = Artifact::Upload { photo: PhotoId::generate() };
    let png = content(Format::Png, 100, 0);
    let key = Key::new(artifact, Format::Png).unwrap();
    storage.put(artifact, b"GIF89a is not stored".as_slice()).await.unwrap_err();
    store.fail(At::Put, "uploads");
    storage.put(artifact, png.clone()).await.unwrap_err();
    store.heal();
    storage.put(artifact, png.clone()).await.unwrap();
    store.fail(At::Get, "uploads");
    storage.get_stream(key, None).await.map(drop).unwrap_err();
    store.heal();
    store.fail(At::ListEntry, "uploads");
    let all: Vec<_> = storage.list(Folder::Uploads).collect().await;
    assert!(all[0].is_err());
    store.fail(At::Delete, "uploads");
    assert!(!storage.delete_photo(PhotoId::generate()).await.failures.is_empty());
    store.heal();
    let ended: Vec<_> = take(&calls).into_iter().map(|(.., ended)| ended).collect();
    use Ended::{Done, Dropped, Failed};
    assert_eq!(ended, [Failed, Failed, Done, Failed, Failed, Failed]);

    // Dropped in the middle: a write, a stream that is read in part.
    let endless = pieces(&png, 10).chain(futures::stream::pending());
    let put = storage.put_stream(artifact, endless, StreamOptions::default());
    assert!(put.now_or_never().is_none());
    drop(storage.get_stream(key, None).await.unwrap().stream);
    let ended: Vec<_> = take(&calls).into_iter().map(|(.., ended)| ended).collect();
    assert_eq!(ended, [Dropped, Dropped]);
}

#[tokio::test]
async fn an_observer_cannot_break_a_call() {
    let calls = Calls::default();
    let told = Arc::clone(&calls);
    let storage = Storage::memory()
        .observed(|_| panic!("the first observer panics"))
        .observed(move |call| told.lock().unwrap().push(*call));
    let photo = PhotoId::generate();
    let png = content(Format::Png, 100, 0);
    let key = storage.put(Artifact::Upload { photo }, png.clone()).await.unwrap().key;
    assert_eq!(storage.get(key).await.unwrap(), png);
    let mut stream = storage.get_stream(key, None).await.unwrap().stream;
    assert_eq!(stream.next().await.unwrap().unwrap(), png);
    drop(stream);
    assert_eq!(everything(&storage).await.len(), 1);
    assert_eq!(storage.delete_photo(photo).await.complete().unwrap().removed.len(), 1);
    // The second was told of all of it, after the first.
    assert_eq!(take(&calls).len(), 3 + Folder::ALL.len() + 1);
}

#[tokio::test]
async fn durations_are_those_of_the_calls() {
    let (storage, calls) = observed(&Storage::memory());
    let slow = futures::stream::once(async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok::<_, std::io::Error>(content(Format::Png, 100, 0))
    });
    let artifact = Artifact::Upload { photo: PhotoId::generate() };
    storage.put_stream(artifact, Box::pin(slow), StreamOptions::default()).await.unwrap();
    let call = calls.lock().unwrap()[0];
    assert!(call.duration >= Duration::from_millis(50), "{call:?}");
    assert!(!call.failed());
    assert_eq!(call.operation.name(), "put_stream");
}
