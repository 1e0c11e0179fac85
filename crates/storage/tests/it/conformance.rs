//! What every backend must do. The functions take the backend; `on_backends!` runs each on all.

use bytes::Bytes;
use futures::TryStreamExt;
use portrait_storage::object_store::{GetRange, ObjectStoreExt};
use portrait_storage::{
    Artifact, Error, Folder, Format, Key, PhotoId, StreamOptions, TaskId, TempName, VideoId,
};

use crate::samples::{Backend, content, everything, one_of_each, pieces, put_small};

/// Makes a test of each function for each backend.
macro_rules! on_backends {
    ($($test:ident),* $(,)?) => {
        crate::conformance::on_backends! { @each [memory local file_system prefixed] $($test),* }
    };
    (@each [$($backend:ident)*] $($test:ident),*) => {
        crate::conformance::on_backends! { @modules [$($backend)*] ($($test),*) }
    };
    (@modules [$($backend:ident)*] $tests:tt) => {
        $(
            mod $backend {
                crate::conformance::on_backends! { @tests $backend $tests }
            }
        )*
    };
    (@tests $backend:ident ($($test:ident),*)) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test(&crate::samples::Backend::$backend()).await;
            }
        )*
    };
}
pub(crate) use on_backends;

on_backends! {
    content_names_its_key,
    content_of_other_formats_is_refused,
    what_is_missing_is_not_found,
    a_put_replaces,
    the_latest_format_is_found,
    ranges_are_cut_to_the_artifact,
    listings_show_artifacts_and_nothing_else,
    a_photo_is_deleted_with_all_that_came_from_it,
    a_task_is_deleted_alone,
}

async fn content_names_its_key(Backend { storage, .. }: &Backend) {
    for artifact in one_of_each(PhotoId::generate(), TaskId::generate()) {
        for &format in artifact.formats() {
            let bytes = content(format, 1000, 7);
            let before = time::OffsetDateTime::now_utc() - time::Duration::seconds(2);
            let stored = storage.put(artifact, bytes.clone()).await.unwrap();
            assert_eq!((stored.key, stored.size), (Key::new(artifact, format).unwrap(), 1000));
            assert!(stored.key.to_string().ends_with(format.extension()));

            let meta = storage.head(stored.key).await.unwrap();
            assert_eq!((meta.key, meta.size), (stored.key, 1000));
            let after = time::OffsetDateTime::now_utc() + time::Duration::seconds(2);
            assert!((before..after).contains(&meta.stored_at), "{meta:?}");
            assert!(storage.exists(stored.key).await.unwrap());
            assert_eq!(storage.get(stored.key).await.unwrap(), bytes);

            let read = storage.get_stream(stored.key, None).await.unwrap();
            assert_eq!((read.meta, read.range), (meta, 0..1000));
            let read: Vec<Bytes> = read.stream.try_collect().await.unwrap();
            assert_eq!(read.concat(), bytes);
            storage.delete(stored.key).await.unwrap();
        }
    }
}

async fn content_of_other_formats_is_refused(Backend { storage, .. }: &Backend) {
    let photo = PhotoId::generate();
    let cut_out = Artifact::CutOut { photo, person: 3, recipe: None };
    let jpeg = content(Format::Jpeg, 100, 0);
    let error = storage.put(cut_out, jpeg.clone()).await.unwrap_err();
    assert!(
        matches!(error, Error::FormatNotAllowed { artifact, found: Format::Jpeg } if artifact == cut_out),
        "{error}"
    );
    let options = StreamOptions::default();
    let error = storage.put_stream(cut_out, pieces(&jpeg, 5), options).await.unwrap_err();
    assert!(matches!(error, Error::FormatNotAllowed { .. }), "{error}");

    let upload = Artifact::Upload { photo };
    for bytes in [&b""[..], b"\x89PNG", b"GIF89a\x01\0\x01\0\0\0;", b"<html>502 Bad Gateway</html>"]
    {
        let bytes = Bytes::from_static(bytes);
        let error = storage.put(upload, bytes.clone()).await.unwrap_err();
        assert!(matches!(error, Error::UnknownFormat { .. }), "{error}");
        let error = storage.put_stream(upload, pieces(&bytes, 3), options).await.unwrap_err();
        assert!(matches!(error, Error::UnknownFormat { .. }), "{error}");
    }
    assert_eq!(everything(storage).await, []);
}

async fn what_is_missing_is_not_found(Backend { storage, .. }: &Backend) {
    let photo = PhotoId::generate();
    let artifact = Artifact::Upload { photo };
    let key = Key::new(artifact, Format::WebP).unwrap();
    let not_found = |error| matches!(error, Error::NotFound { key: missing } if missing == key);
    assert!(not_found(storage.get(key).await.unwrap_err()));
    assert!(not_found(storage.head(key).await.unwrap_err()));
    assert!(not_found(storage.get_stream(key, None).await.unwrap_err()));
    let range = Some(GetRange::Offset(1));
    assert!(not_found(storage.get_stream(key, range).await.unwrap_err()));
    assert!(!storage.exists(key).await.unwrap());
    assert_eq!(storage.find(artifact).await.unwrap(), None);
    assert_eq!(storage.delete(key).await.unwrap(), None);
    assert_eq!(storage.list_photo(photo).await.unwrap(), []);
    let report = storage.delete_photo(photo).await.complete().unwrap();
    assert!(report.removed.is_empty());
    let report = storage.delete_task(TaskId::generate()).await.complete().unwrap();
    assert!(report.removed.is_empty());
}

async fn a_put_replaces(Backend { storage, .. }: &Backend) {
    let artifact = Artifact::Upload { photo: PhotoId::generate() };
    let first = storage.put(artifact, content(Format::Png, 5000, 1)).await.unwrap();
    let shorter = content(Format::Png, 50, 2);
    let second = storage.put(artifact, shorter.clone()).await.unwrap();
    assert_eq!(first.key, second.key);
    assert_eq!(storage.get(first.key).await.unwrap(), shorter);
    assert_eq!(everything(storage).await.len(), 1);
}

async fn the_latest_format_is_found(Backend { storage, .. }: &Backend) {
    let artifact = Artifact::Person { photo: PhotoId::generate(), person: u32::MAX, recipe: None };
    let mut latest = time::OffsetDateTime::UNIX_EPOCH;
    for format in [Format::WebP, Format::Jpeg, Format::Png] {
        // File systems have coarse clocks, so it is stored until it is later than the one before.
        let meta = loop {
            let stored = storage.put(artifact, content(format, 20, 0)).await.unwrap();
            let meta = storage.head(stored.key).await.unwrap();
            if meta.stored_at > latest {
                break meta;
            }
        };
        latest = meta.stored_at;
        assert_eq!(storage.find(artifact).await.unwrap(), Some(meta));
    }
}

async fn ranges_are_cut_to_the_artifact(Backend { storage, .. }: &Backend) {
    let video = VideoId::generate();
    let artifact = Artifact::Video { photo: PhotoId::generate(), person: 1, video };
    let bytes = content(Format::Mp4, 10_000, 3);
    let key = storage.put(artifact, bytes.clone()).await.unwrap().key;
    let cases = [
        (GetRange::Bounded(0..1), 0..1),
        (GetRange::Bounded(100..9000), 100..9000),
        (GetRange::Bounded(9999..20_000), 9999..10_000),
        (GetRange::Offset(9000), 9000..10_000),
        (GetRange::Suffix(1), 9999..10_000),
        (GetRange::Suffix(20_000), 0..10_000),
    ];
    for (range, expected) in cases {
        let read = storage.get_stream(key, Some(range)).await.unwrap();
        assert_eq!(read.range, expected);
        assert_eq!(read.meta.size, 10_000);
        let read: Vec<Bytes> = read.stream.try_collect().await.unwrap();
        let expected = expected.start as usize..expected.end as usize;
        assert!(read.concat() == bytes[expected]);
    }
    let (empty, inverted) =
        (GetRange::Bounded(5..5), GetRange::Bounded(std::ops::Range { start: 8, end: 5 }));
    let (past, beyond) = (GetRange::Bounded(10_000..10_001), GetRange::Offset(10_000));
    for range in [empty, inverted, past, beyond, GetRange::Suffix(0)] {
        let error = storage.get_stream(key, Some(range)).await.unwrap_err();
        assert!(matches!(error, Error::RangeNotSatisfiable { size: 10_000, .. }), "{error}");
    }
}

async fn listings_show_artifacts_and_nothing_else(Backend { storage, raw, .. }: &Backend) {
    let (photo, other) = (PhotoId::generate(), PhotoId::generate());
    let task = TaskId::generate();
    let mut mine = Vec::new();
    for artifact in one_of_each(photo, task) {
        mine.push(put_small(storage, artifact).await);
    }
    for person in 1..12 {
        mine.push(put_small(storage, Artifact::Person { photo, person, recipe: None }).await);
    }
    let theirs = put_small(storage, Artifact::Upload { photo: other }).await;
    let foreign = [
        format!("uploads/{photo}.gif"),
        format!("uploads/{photo}_copy.jpg"),
        format!("uploads/nested/{photo}.jpg"),
        format!("temp/{task}/notes.txt"),
        "temp/readme.md".to_owned(),
        "elsewhere/file.jpg".to_owned(),
    ];
    for path in &foreign {
        raw.put(&path.as_str().into(), "foreign".into()).await.unwrap();
    }

    mine.sort_unstable();
    let of_photo: Vec<Key> =
        mine.iter().copied().filter(|key| key.folder() != Folder::Temp).collect();
    let listed = storage.list_photo(photo).await.unwrap();
    assert_eq!(listed.iter().map(|meta| meta.key).collect::<Vec<_>>(), of_photo);
    assert!(listed.iter().all(|meta| meta.size == 64));

    mine.push(theirs);
    mine.sort_unstable();
    let all: Vec<Key> = everything(storage).await.iter().map(|meta| meta.key).collect();
    assert_eq!(all, mine);

    // Deleting does not touch what is foreign, even where it has the photo's id.
    storage.delete_photo(photo).await.complete().unwrap();
    storage.delete_task(task).await.complete().unwrap();
    for path in foreign {
        assert!(raw.head(&path.as_str().into()).await.is_ok(), "{path}");
    }
}

async fn a_photo_is_deleted_with_all_that_came_from_it(Backend { storage, .. }: &Backend) {
    let (photo, neighbour) = (PhotoId::generate(), PhotoId::generate());
    let task = TaskId::generate();
    let mut expected = Vec::new();
    for artifact in one_of_each(photo, task) {
        let key = put_small(storage, artifact).await;
        if key.folder() != Folder::Temp {
            expected.push(key);
        }
    }
    let video = VideoId::generate();
    expected.push(put_small(storage, Artifact::Video { photo, person: 0, video }).await);
    for artifact in one_of_each(neighbour, TaskId::generate()) {
        put_small(storage, artifact).await;
    }
    let report = storage.delete_photo(photo).await.complete().unwrap();
    expected.sort_unstable();
    assert_eq!(report.removed.iter().map(|r| r.key).collect::<Vec<_>>(), expected);
    assert_eq!(report.removed_bytes(), 64 * expected.len() as u64);
    assert!(storage.list_photo(photo).await.unwrap().is_empty());
    assert_eq!(storage.list_photo(neighbour).await.unwrap().len(), 4);
    assert_eq!(everything(storage).await.len(), 6, "the neighbour's and both tasks' stay");
}

async fn a_task_is_deleted_alone(Backend { storage, .. }: &Backend) {
    let (task, other) = (TaskId::generate(), TaskId::generate());
    for name in TempName::ALL {
        put_small(storage, Artifact::Temp { task, name }).await;
        put_small(storage, Artifact::Temp { task: other, name }).await;
    }
    let report = storage.delete_task(task).await.complete().unwrap();
    assert_eq!(report.removed.len(), 4);
    let left = everything(storage).await;
    assert_eq!(left.len(), 4);
    assert!(left.iter().all(|meta| meta.key.subject() == other.into()));
}
