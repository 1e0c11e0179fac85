//! Artifacts named by a recipe, and records, on every backend.

use portrait_storage::{
    Artifact, Folder, Key, PhotoId, RetentionPolicy, Sweeper, TaskId, object_store::ObjectStoreExt,
};
use time::{Duration, OffsetDateTime};

use crate::conformance::on_backends;
use crate::samples::{
    Backend, content, everything, one_of_each, one_of_each_record, put_small, recipe,
};

on_backends! {
    records_are_stored_in_their_formats,
    records_belong_to_their_photo,
    another_recipe_does_not_replace_a_result,
    keys_of_former_versions_are_found,
}

async fn records_are_stored_in_their_formats(Backend { storage, raw, .. }: &Backend) {
    for artifact in one_of_each_record(PhotoId::generate()) {
        for &format in artifact.formats() {
            let bytes = content(format, 500, 3);
            let stored = storage.put(artifact, bytes.clone()).await.unwrap();
            assert_eq!(stored.key, Key::new(artifact, format).unwrap());
            assert_eq!(storage.get(stored.key).await.unwrap(), bytes);
            assert_eq!(storage.find(artifact).await.unwrap().unwrap().key.artifact(), artifact);
            assert!(raw.head(&stored.key.to_string().into()).await.is_ok());
            assert_eq!(storage.delete(stored.key).await.unwrap().unwrap().size, 500);
        }
    }
}

async fn records_belong_to_their_photo(Backend { storage, .. }: &Backend) {
    let (photo, other, task) = (PhotoId::generate(), PhotoId::generate(), TaskId::generate());
    let mut mine = Vec::new();
    for artifact in one_of_each(photo, task).into_iter().chain(one_of_each_record(photo)) {
        assert_eq!(artifact.subject() == photo.into(), artifact.folder() != Folder::Temp);
        mine.push(put_small(storage, artifact).await);
    }
    for artifact in one_of_each_record(other) {
        put_small(storage, artifact).await;
    }
    mine.retain(|key| key.folder() != Folder::Temp);
    mine.sort_unstable();
    let listed = storage.list_photo(photo).await.unwrap();
    assert_eq!(listed.iter().map(|meta| meta.key).collect::<Vec<_>>(), mine);

    // They are held with the photo, and go when their folder's time has come.
    let sweeper = Sweeper::new(storage.clone(), RetentionPolicy::default());
    let later = OffsetDateTime::now_utc() + Duration::days(40);
    let expiring = |key: &Key| !matches!(key.artifact(), Artifact::Deletion { .. });
    let hold = storage.hold(photo).await;
    let report = sweeper.sweep_once(later).await;
    let held: usize = report.folders.iter().map(|folder| folder.held.len()).sum();
    assert_eq!(held, mine.iter().filter(|key| expiring(key)).count());
    assert_eq!(report.failures().count(), 0);
    drop(hold);
    sweeper.sweep_once(later).await;
    let left = storage.list_photo(photo).await.unwrap();
    let left: Vec<_> = left.iter().map(|meta| meta.key.artifact()).collect();
    assert_eq!(left, [Artifact::Deletion { photo }]);

    // The user's wish concerns this photo alone.
    let report = storage.delete_photo(photo).await.complete().unwrap();
    assert_eq!(report.removed.len(), 1);
    assert_eq!(everything(storage).await.len(), 1, "the other photo's deletion");
}

async fn another_recipe_does_not_replace_a_result(Backend { storage, .. }: &Backend) {
    let photo = PhotoId::generate();
    let of = |recipe| Artifact::CutOut { photo, person: 0, recipe };
    let png = |seed| content(portrait_storage::Format::Png, 100, seed);
    let mut keys = Vec::new();
    for (seed, recipe) in [(0, None), (1, Some(recipe(1))), (2, Some(recipe(2)))] {
        keys.push(storage.put(of(recipe), png(seed)).await.unwrap().key);
    }
    storage.put(Artifact::WholeCutOut { photo, recipe: recipe(1) }, png(9)).await.unwrap();
    for (seed, key) in keys.into_iter().enumerate() {
        assert_eq!(storage.get(key).await.unwrap(), png(seed as u8));
    }
    let again = storage.put(of(Some(recipe(2))), png(7)).await.unwrap();
    assert_eq!(storage.get(again.key).await.unwrap(), png(7));
    assert_eq!(everything(storage).await.len(), 4);
}

async fn keys_of_former_versions_are_found(Backend { storage, raw, .. }: &Backend) {
    let photo = PhotoId::generate();
    let former = [
        (format!("background_removed/{photo}_person_4_nobg.png"), Folder::BackgroundRemoved),
        (format!("detected_persons/{photo}_person_4.jpg"), Folder::DetectedPersons),
    ];
    for (path, folder) in &former {
        raw.put(&path.as_str().into(), "content".into()).await.unwrap();
        let key: Key = path.parse().unwrap();
        assert_eq!(key.folder(), *folder);
        assert!(matches!(
            key.artifact(),
            Artifact::CutOut { person: 4, recipe: None, .. }
                | Artifact::Person { person: 4, recipe: None, .. }
        ));
        assert_eq!(storage.get(key).await.unwrap(), "content");
    }
    assert_eq!(storage.list_photo(photo).await.unwrap().len(), 2);
}
