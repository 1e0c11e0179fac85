//! Descriptions beside artifacts.

use portrait_storage::object_store::ObjectStoreExt;
use portrait_storage::{
    Artifact, Description, Error, Format, Key, Origin, PhotoId, RetentionPolicy, StreamOptions,
    Sweeper, TaskId, TempName,
};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::conformance::on_backends;
use crate::samples::{
    Backend, beside, content, described, everything, one_of_each, one_of_each_record, pieces,
};

on_backends! {
    a_description_tells_what_is_stored,
    a_description_is_of_the_last_write,
    a_description_that_does_not_fit_is_not_believed,
    descriptions_are_no_artifacts_and_go_with_theirs,
    descriptions_without_artifact_are_swept,
    what_cannot_be_described_is_not_stored,
    writers_of_one_key_do_not_mix_descriptions,
}

async fn a_description_tells_what_is_stored(Backend { storage, .. }: &Backend) {
    let photo = PhotoId::generate();
    let all = one_of_each(photo, TaskId::generate()).into_iter().chain(one_of_each_record(photo));
    for artifact in all {
        let bytes = content(artifact.formats()[0], 300_000, 5);
        let before = OffsetDateTime::now_utc();
        let stored =
            storage.put_described(artifact, bytes.clone(), &described(Origin::CutOut)).await;
        let key = stored.unwrap().key;
        let about = storage.about(key).await.unwrap().unwrap();
        assert_eq!(about.content_type, key.format().content_type());
        assert_eq!((about.size, about.origin), (300_000, Origin::CutOut));
        assert_eq!(about.owner.as_deref(), Some("customer \"17\" / ü"));
        assert_eq!(about.recipe.as_ref().unwrap()["padding"], 0.1);
        assert!((before..=OffsetDateTime::now_utc()).contains(&about.stored_at));
        assert!(about.fits(&bytes) && !about.fits(b""));

        // A stream gives the same digest, whatever its pieces.
        let options = StreamOptions::default();
        let stream = pieces(&bytes, 7_001);
        let description = Description::new(Origin::Downloaded);
        storage.put_stream_described(artifact, stream, options, &description).await.unwrap();
        let streamed = storage.about(key).await.unwrap().unwrap();
        assert_eq!((streamed.sha256, streamed.size), (about.sha256, about.size));
        assert_eq!((streamed.owner, streamed.origin), (None, Origin::Downloaded));
    }
    // A known digest (FIPS 180-4, of this very content by `sha256sum`).
    let bytes = content(Format::Json, 13, 0);
    assert_eq!(bytes, "{\"version\":1}");
    let description = Description::new(Origin::Ordered);
    let deletion = Artifact::Deletion { photo };
    let key = storage.put_described(deletion, bytes, &description).await.unwrap().key;
    let about = serde_json::to_value(storage.about(key).await.unwrap().unwrap()).unwrap();
    assert_eq!(about["sha256"], "2430f1a2ad2982d0067885488a4c89e21ad1d7c83b115ba8f1b20acc88dfaea8");
    assert_eq!(about["origin"], "ordered");
}

async fn a_description_is_of_the_last_write(Backend { storage, .. }: &Backend) {
    let artifact = Artifact::Upload { photo: PhotoId::generate() };
    let png = |seed| content(Format::Png, 100, seed);
    let key = storage.put(artifact, png(1)).await.unwrap().key;
    assert_eq!(storage.about(key).await.unwrap(), None, "stored without");
    storage.put_described(artifact, png(2), &described(Origin::Uploaded)).await.unwrap();
    let about = storage.about(key).await.unwrap().unwrap();
    assert!(about.fits(&png(2)));
    let origin = Description::new(Origin::Downloaded);
    storage.put_described(artifact, png(3), &origin).await.unwrap();
    let about = storage.about(key).await.unwrap().unwrap();
    assert!(about.fits(&png(3)) && about.owner.is_none() && about.recipe.is_none());
    // Of the same size, so that the size cannot tell.
    storage.put(artifact, png(4)).await.unwrap();
    assert_eq!(storage.about(key).await.unwrap(), None);
    storage.put_described(artifact, png(5), &origin).await.unwrap();
    let stream = pieces(&png(6), 9);
    storage.put_stream(artifact, stream, StreamOptions::default()).await.unwrap();
    assert_eq!(storage.about(key).await.unwrap(), None);
    // What does not get stored takes nothing away.
    storage.put_described(artifact, png(7), &origin).await.unwrap();
    let short = StreamOptions { expected_len: Some(99), ..StreamOptions::default() };
    storage.put_stream(artifact, pieces(&png(8), 9), short).await.unwrap_err();
    assert!(storage.about(key).await.unwrap().unwrap().fits(&png(7)));

    storage.delete(key).await.unwrap();
    assert!(matches!(storage.about(key).await, Err(Error::NotFound { .. })));
}

async fn a_description_that_does_not_fit_is_not_believed(Backend { storage, raw, .. }: &Backend) {
    let artifact = Artifact::Upload { photo: PhotoId::generate() };
    let png = content(Format::Png, 100, 0);
    let stored = storage.put_described(artifact, png, &described(Origin::Uploaded)).await.unwrap();
    let good = raw.get(&beside(stored.key)).await.unwrap().bytes().await.unwrap();
    let good: Value = serde_json::from_slice(&good).unwrap();
    let with = |name: &str, value: Value| {
        let mut text = good.clone();
        text[name] = value;
        text.to_string()
    };
    let cases = [
        (good.to_string(), true),
        // Of a later version.
        (with("origin", json!("dreamt")), true),
        (with("something", json!([1])), true),
        (with("size", json!(99)), false),
        (with("content_type", json!("image/jpeg")), false),
        (with("sha256", json!("00")), false),
        (with("sha256", json!("é".repeat(32))), false),
        (with("stored_at", json!("yesterday")), false),
        (String::new(), false),
        (good.to_string()[..40].to_owned(), false),
        (with("owner", json!("x".repeat(2 << 20))), false),
    ];
    for (text, believed) in cases {
        raw.put(&beside(stored.key), text.clone().into()).await.unwrap();
        let about = storage.about(stored.key).await.unwrap();
        assert_eq!(about.is_some(), believed, "{}", &text[..text.len().min(200)]);
    }
    // What is wrong does not hinder the next write.
    let png = content(Format::Png, 70, 0);
    storage.put_described(artifact, png, &described(Origin::Uploaded)).await.unwrap();
    assert_eq!(storage.about(stored.key).await.unwrap().unwrap().size, 70);
}

async fn descriptions_are_no_artifacts_and_go_with_theirs(Backend { storage, raw, .. }: &Backend) {
    let (photo, task) = (PhotoId::generate(), TaskId::generate());
    let store_all = async || {
        let mut keys = Vec::new();
        for artifact in one_of_each(photo, task).into_iter().chain(one_of_each_record(photo)) {
            let bytes = content(artifact.formats()[0], 64, 0);
            let put = storage.put_described(artifact, bytes, &described(Origin::Other)).await;
            keys.push(put.unwrap().key);
        }
        keys
    };
    let left = async |keys: &[Key]| {
        let mut left = 0;
        for key in keys {
            left += usize::from(raw.head(&beside(*key)).await.is_ok());
        }
        left
    };
    let keys = store_all().await;
    assert_eq!(left(&keys).await, 13);
    assert_eq!(everything(storage).await.len(), 13);
    assert_eq!(storage.list_photo(photo).await.unwrap().len(), 12);

    // Deleted one by one, …
    for key in &keys {
        assert_eq!(storage.delete(*key).await.unwrap().unwrap().size, 64);
    }
    assert_eq!(left(&keys).await, 0);

    // … with the photo and the task, …
    let keys = store_all().await;
    let report = storage.delete_photo(photo).await.complete().unwrap();
    assert_eq!((report.removed.len(), report.removed_bytes()), (12, 12 * 64));
    storage.delete_task(task).await.complete().unwrap();
    assert_eq!(left(&keys).await, 0);

    // … and swept, but for the deletion under way.
    let keys = store_all().await;
    let sweeper = Sweeper::new(storage.clone(), RetentionPolicy::default());
    let report = sweeper.sweep_once(OffsetDateTime::now_utc()).await;
    assert_eq!(report.folders.iter().map(|folder| folder.kept).sum::<u64>(), 13);
    assert_eq!(report.folders.iter().map(|folder| folder.foreign).sum::<u64>(), 0);
    assert_eq!(left(&keys).await, 13);
    let report = sweeper.sweep_once(OffsetDateTime::now_utc() + Duration::days(40)).await;
    assert_eq!((report.removed().count(), report.failures().count()), (12, 0));
    assert_eq!(left(&keys).await, 1);
    storage.delete_photo(photo).await.complete().unwrap();
    assert_eq!(left(&keys).await, 0);
}

async fn descriptions_without_artifact_are_swept(Backend { storage, raw, .. }: &Backend) {
    let (photo, task) = (PhotoId::generate(), TaskId::generate());
    let sweeper = Sweeper::new(storage.clone(), RetentionPolicy::default());
    let mut gone = Vec::new();
    for artifact in one_of_each(photo, task) {
        let bytes = content(artifact.formats()[0], 64, 0);
        let put = storage.put_described(artifact, bytes, &described(Origin::Other)).await;
        let key = put.unwrap().key;
        raw.delete(&key.to_string().as_str().into()).await.unwrap();
        gone.push(key);
    }
    let described_one = Artifact::Upload { photo: PhotoId::generate() };
    let png = content(Format::Png, 64, 0);
    let kept = storage.put_described(described_one, png, &described(Origin::Uploaded)).await;
    let foreign = format!("uploads/{photo}.gif.about.json");
    raw.put(&foreign.as_str().into(), "{}".into()).await.unwrap();

    let hold = storage.hold(photo).await;
    let report = sweeper.sweep_once(OffsetDateTime::now_utc()).await;
    let orphans = |report: &portrait_storage::SweepReport| {
        report.folders.iter().map(|folder| folder.orphaned_descriptions).sum::<u64>()
    };
    assert_eq!(orphans(&report), 1, "what a job works on is left alone");
    drop(hold);
    let report = sweeper.sweep_once(OffsetDateTime::now_utc()).await;
    assert_eq!(orphans(&report), 4);
    assert_eq!((report.removed().count(), report.failures().count()), (0, 0));
    for key in &gone {
        assert!(raw.head(&beside(*key)).await.is_err(), "{key}");
    }
    assert!(storage.about(kept.unwrap().key).await.unwrap().is_some());
    assert!(raw.head(&foreign.as_str().into()).await.is_ok());

    // A photo's deletion reaches them too, and so does that of the artifact.
    raw.put(&beside(gone[0]), "{}".into()).await.unwrap();
    assert!(storage.delete_photo(photo).await.complete().unwrap().removed.is_empty());
    assert!(raw.head(&beside(gone[0])).await.is_err());
    raw.put(&beside(gone[0]), "{}".into()).await.unwrap();
    assert_eq!(storage.delete(gone[0]).await.unwrap(), None);
    assert!(raw.head(&beside(gone[0])).await.is_err());
}

async fn what_cannot_be_described_is_not_stored(Backend { storage, .. }: &Backend) {
    let artifact = Artifact::Upload { photo: PhotoId::generate() };
    let png = content(Format::Png, 100, 0);
    let new = || Description::new(Origin::Uploaded);
    let mut deep = json!(1);
    for _ in 0..200 {
        deep = json!([deep]);
    }
    let most = new()
        .with_owner("\u{1}".repeat(Description::MAX_OWNER))
        .with_recipe("\u{1}".repeat(Description::MAX_RECIPE / 6 - 2));
    storage.put_described(artifact, png.clone(), &most).await.unwrap();
    let key = Key::new(artifact, Format::Png).unwrap();
    assert_eq!(storage.about(key).await.unwrap().unwrap().owner, most.owner);
    storage.delete(key).await.unwrap();

    let long = "x".repeat(Description::MAX_RECIPE);
    let invalid = [
        new().with_owner("x".repeat(Description::MAX_OWNER + 1)),
        new().with_recipe(long),
        new().with_recipe(deep),
    ];
    for description in invalid {
        let error = storage.put_described(artifact, png.clone(), &description).await.unwrap_err();
        assert!(matches!(error, Error::InvalidDescription { .. }), "{error}");
        assert!(!error.to_string().contains("xxx"), "{error}");
        let options = StreamOptions::default();
        let stream = pieces(&png, 10);
        let error = storage.put_stream_described(artifact, stream, options, &description).await;
        assert!(matches!(error, Err(Error::InvalidDescription { .. })), "{error:?}");
    }
    assert_eq!(everything(storage).await, []);
}

async fn writers_of_one_key_do_not_mix_descriptions(Backend { storage, .. }: &Backend) {
    let artifact = Artifact::Temp { task: TaskId::generate(), name: TempName::Result };
    for round in 0..10 {
        let writers = (0..8_u8).map(|seed| {
            let storage = storage.clone();
            // All of one size.
            let bytes = content(Format::Png, 3000, seed);
            tokio::spawn(async move {
                let description = Description::new(Origin::Other).with_recipe(seed);
                if seed % 2 == 0 {
                    storage.put_described(artifact, bytes, &description).await.unwrap();
                } else {
                    let (stream, options) = (pieces(&bytes, 500), StreamOptions::default());
                    let put = storage.put_stream_described(artifact, stream, options, &description);
                    put.await.unwrap();
                }
            })
        });
        for result in futures::future::join_all(writers).await {
            result.unwrap();
        }
        let key = Key::new(artifact, Format::Png).unwrap();
        let about = storage.about(key).await.unwrap().unwrap();
        let read = storage.get(key).await.unwrap();
        assert!(about.fits(&read), "round {round}: {about:?}");
        let seed = about.recipe.unwrap().as_u64().unwrap() as u8;
        assert_eq!(read, content(Format::Png, 3000, seed));
    }
}
