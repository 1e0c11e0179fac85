//! Writes are whole or nothing, on every backend.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt, stream};
use portrait_storage::{
    Artifact, Error, Format, PhotoId, StreamOptions, TaskId, TempName, VideoId,
};
use tokio::sync::Notify;

use crate::conformance::on_backends;
use crate::samples::{Backend, content, everything, pieces};

on_backends! {
    a_long_stream_arrives_as_it_was,
    a_stream_that_goes_wrong_leaves_nothing,
    a_dropped_stream_leaves_nothing,
    an_artifact_stays_until_its_successor_is_whole,
    of_concurrent_writers_one_wins_entirely,
    a_deletion_takes_back_writes_in_progress,
}

const MIB: usize = 1024 * 1024;

fn video() -> Artifact {
    Artifact::Video { photo: PhotoId::generate(), person: 0, video: VideoId::generate() }
}

async fn a_long_stream_arrives_as_it_was(Backend { storage, .. }: &Backend) {
    // Below one part, exactly one, and several with a rest.
    for len in [12, 8 * MIB, 17 * MIB + 3] {
        let bytes = content(Format::Mp4, len, 9);
        let options = StreamOptions { expected_len: Some(len as u64), max_len: len as u64 };
        let stored = storage.put_stream(video(), pieces(&bytes, 70_001), options).await.unwrap();
        assert_eq!(stored.size, len as u64);
        assert_eq!(stored.key.format(), Format::Mp4);
        let read = storage.get_stream(stored.key, None).await.unwrap();
        let read: Vec<Bytes> = read.stream.try_collect().await.unwrap();
        assert!(read.concat() == bytes, "{len}");
    }
}

async fn a_stream_that_goes_wrong_leaves_nothing(Backend { storage, .. }: &Backend) {
    for len in [1000, 9 * MIB] {
        let bytes = content(Format::Mp4, len, 1);
        let piece = len / 10 + 1;
        let len = len as u64;
        let announced =
            |expected| StreamOptions { expected_len: Some(expected), max_len: u64::MAX };

        let error = storage.put_stream(video(), pieces(&bytes, piece), announced(len + 1)).await;
        assert!(
            matches!(error, Err(Error::LengthMismatch { expected, actual, .. }) if expected == len + 1 && actual == len),
            "{error:?}"
        );
        let error = storage.put_stream(video(), pieces(&bytes, piece), announced(len - 1)).await;
        assert!(matches!(error, Err(Error::LengthMismatch { .. })), "{error:?}");

        let limit = StreamOptions { max_len: len - 1, ..StreamOptions::default() };
        let error = storage.put_stream(video(), pieces(&bytes, piece), limit).await;
        assert!(
            matches!(error, Err(Error::TooLarge { limit, .. }) if limit == len - 1),
            "{error:?}"
        );

        let broken = pieces(&bytes, piece)
            .take(9)
            .chain(stream::iter([Err(std::io::Error::other("connection reset"))]));
        let error =
            storage.put_stream(video(), broken, StreamOptions::default()).await.unwrap_err();
        assert!(matches!(error, Error::Input { .. }), "{error}");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, "connection reset");
    }
    // A body that is cut off before its format can be told is "cut off", not "unknown".
    let error = storage
        .put_stream(
            video(),
            pieces(&Bytes::from_static(b"\0\0"), 1),
            StreamOptions { expected_len: Some(5000), ..StreamOptions::default() },
        )
        .await;
    assert!(matches!(error, Err(Error::LengthMismatch { actual: 2, .. })), "{error:?}");
    assert_eq!(everything(storage).await, []);
}

async fn a_dropped_stream_leaves_nothing(Backend { storage, .. }: &Backend) {
    let bytes = content(Format::Mp4, 20 * MIB, 5);
    for stop_after in [0, 1, 9, 18, 20] {
        let reached = Notify::new();
        let source = pieces(&bytes, MIB).take(stop_after).chain(
            stream::once(async {
                reached.notify_one();
                std::future::pending::<()>().await;
                Ok(Bytes::new())
            })
            .boxed(),
        );
        {
            let mut put = pin!(storage.put_stream(video(), source, StreamOptions::default()));
            tokio::select! {
                result = put.as_mut() => panic!("the source never ends, but: {result:?}"),
                () = reached.notified() => {}
            }
        }
        assert_eq!(everything(storage).await, [], "{stop_after}");
    }
}

async fn an_artifact_stays_until_its_successor_is_whole(Backend { storage, .. }: &Backend) {
    let artifact = video();
    let (old, new) = (content(Format::Mp4, 3000, 1), content(Format::Mp4, 10 * MIB, 2));
    let key = storage.put(artifact, old.clone()).await.unwrap().key;

    let short = StreamOptions { expected_len: Some(1), ..StreamOptions::default() };
    storage.put_stream(artifact, pieces(&new, MIB), short).await.unwrap_err();
    assert_eq!(storage.get(key).await.unwrap(), old);

    let watched = pieces(&new, MIB).then(|piece| {
        let old = old.clone();
        async move {
            assert_eq!(storage.get(key).await.unwrap(), old);
            piece
        }
    });
    storage.put_stream(artifact, watched, StreamOptions::default()).await.unwrap();
    assert!(storage.get(key).await.unwrap() == new);
}

async fn of_concurrent_writers_one_wins_entirely(Backend { storage, .. }: &Backend) {
    let artifact = Artifact::Temp { task: TaskId::generate(), name: TempName::Result };
    let versions: Arc<Vec<Bytes>> =
        Arc::new((0..12).map(|i| content(Format::Png, 60_000 + i as usize * 999, i)).collect());
    let key = storage.put(artifact, versions[0].clone()).await.unwrap().key;
    let writing = Arc::new(AtomicUsize::new(versions.len()));
    let writers = (0..versions.len()).map(|i| {
        let (storage, versions, writing) = (storage.clone(), versions.clone(), writing.clone());
        tokio::spawn(async move {
            for round in 0..4 {
                let version = &versions[(i + round) % versions.len()];
                if i % 2 == 0 {
                    storage.put(artifact, version.clone()).await.unwrap();
                } else {
                    let pieces = pieces(version, 1000);
                    let options = StreamOptions::default();
                    storage.put_stream(artifact, pieces, options).await.unwrap();
                }
            }
            writing.fetch_sub(1, Ordering::SeqCst);
        })
    });
    let readers = (0..4).map(|_| {
        let (storage, versions, writing) = (storage.clone(), versions.clone(), writing.clone());
        tokio::spawn(async move {
            while writing.load(Ordering::SeqCst) > 0 {
                let read = storage.get(key).await.unwrap();
                assert!(versions.contains(&read), "a mixture of {} bytes", read.len());
            }
        })
    });
    let tasks: Vec<_> = writers.chain(readers).collect();
    for result in join_all(tasks).await {
        result.unwrap();
    }
    assert_eq!(everything(storage).await.len(), 1);
}

async fn a_deletion_takes_back_writes_in_progress(Backend { storage, .. }: &Backend) {
    let photo = PhotoId::generate();
    let artifact = Artifact::Video { photo, person: 0, video: VideoId::generate() };
    let bytes = content(Format::Mp4, 10 * MIB, 5);

    // The deletion comes while the last piece is read; the write itself would succeed.
    let deleting = storage.clone();
    let source = pieces(&bytes, MIB).enumerate().then(move |(i, piece)| {
        let storage = deleting.clone();
        async move {
            if i == 9 {
                assert!(storage.delete_photo(photo).await.failures.is_empty());
            }
            piece
        }
    });
    let error =
        storage.put_stream(artifact, Box::pin(source), StreamOptions::default()).await.unwrap_err();
    assert!(matches!(error, Error::Deleted { subject } if subject == photo.into()), "{error}");
    assert_eq!(everything(storage).await, []);

    // A job that holds the photo cannot bring it back …
    let hold = storage.hold(photo).await;
    let upload = Artifact::Upload { photo };
    storage.put(upload, content(Format::Png, 100, 0)).await.unwrap();
    assert!(!hold.is_deleted());
    assert_eq!(storage.delete_photo(photo).await.complete().unwrap().removed.len(), 1);
    assert!(hold.is_deleted());
    let error = storage.put(upload, content(Format::Png, 100, 0)).await.unwrap_err();
    assert!(matches!(error, Error::Deleted { .. }), "{error}");
    let error = storage
        .put_stream(artifact, pieces(&bytes, MIB), StreamOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Deleted { .. }), "{error}");
    assert_eq!(everything(storage).await, []);

    // … and other photos are not concerned.
    let other = Artifact::Upload { photo: PhotoId::generate() };
    storage.put(other, content(Format::Png, 100, 0)).await.unwrap();

    // Many writers and one deletion: whoever is told "stored" stored before it.
    let photo = PhotoId::generate();
    let hold = storage.hold(photo).await;
    let writers: Vec<_> = (0..16)
        .map(|person| {
            let storage = storage.clone();
            let artifact = Artifact::CutOut { photo, person, recipe: None };
            tokio::spawn(async move {
                loop {
                    match storage.put(artifact, content(Format::Png, 9000, 0)).await {
                        Ok(_) => tokio::task::yield_now().await,
                        Err(error) => return error,
                    }
                }
            })
        })
        .collect();
    while storage.list_photo(photo).await.unwrap().len() < 16 {
        tokio::task::yield_now().await;
    }
    assert!(storage.delete_photo(photo).await.failures.is_empty());
    for error in join_all(writers).await {
        let error = error.unwrap();
        assert!(matches!(error, Error::Deleted { .. }), "{error}");
    }
    assert_eq!(storage.list_photo(photo).await.unwrap(), []);
    drop(hold);
}
