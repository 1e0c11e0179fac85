//! What only a folder on disk shows.

use std::error::Error as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::{Duration, SystemTime};

use futures::{FutureExt, StreamExt, stream};
use portrait_storage::{
    Artifact, Error, Folder, Format, PhotoId, RetentionPolicy, Storage, StreamOptions, Sweeper,
    TaskId, TempName, VideoId,
};
use tempfile::TempDir;
use time::OffsetDateTime;

use crate::samples::{content, eventually, everything, one_of_each, pieces, put_small};

fn local() -> (TempDir, Storage) {
    let dir = TempDir::new().unwrap();
    let storage = Storage::local(dir.path()).unwrap();
    (dir, storage)
}

fn sweeper(storage: &Storage) -> Sweeper {
    Sweeper::new(storage.clone(), RetentionPolicy::default())
}

fn in_hours(hours: i64) -> OffsetDateTime {
    OffsetDateTime::now_utc() + time::Duration::hours(hours)
}

/// Every file below `dir`, relative to it.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for entry in fs::read_dir(next).unwrap().map(|entry| entry.unwrap()) {
            if entry.file_type().unwrap().is_dir() {
                dirs.push(entry.path());
            } else {
                files.push(entry.path().strip_prefix(dir).unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

#[tokio::test]
async fn a_root_is_created_and_found_again() {
    let dir = TempDir::new().unwrap();
    let root = dir.path().join("data/backend/storage");
    let storage = Storage::local(&root).unwrap();
    let key = put_small(&storage, Artifact::Upload { photo: PhotoId::generate() }).await;
    assert_eq!(files(&root), [PathBuf::from(key.to_string())]);
    drop(storage);
    let reopened = Storage::local(&root).unwrap();
    assert_eq!(reopened.head(key).await.unwrap().size, 64);
}

#[test]
fn a_root_that_cannot_be_is_an_error_with_its_cause() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for root in [file.clone(), file.join("below")] {
        let error = Storage::local(&root).unwrap_err();
        assert!(matches!(&error, Error::Root { path, .. } if *path == root), "{error}");
        assert!(error.source().is_some());
        assert!(error.to_string().contains(&root.display().to_string()));
    }
}

#[tokio::test]
async fn a_dropped_or_failed_stream_leaves_no_file() {
    let (dir, storage) = local();
    let bytes = content(Format::Mp4, 20 << 20, 0);
    let artifact =
        Artifact::Video { photo: PhotoId::generate(), person: 0, video: VideoId::generate() };
    let short = StreamOptions { expected_len: Some(bytes.len() as u64 + 1), ..Default::default() };
    storage.put_stream(artifact, pieces(&bytes, 1 << 20), short).await.unwrap_err();
    assert_eq!(files(dir.path()), [] as [PathBuf; 0]);

    let endless = pieces(&bytes, 1 << 20).chain(stream::pending());
    {
        let mut put = pin!(storage.put_stream(artifact, endless, StreamOptions::default()));
        eventually("the file is begun", || {
            assert!(put.as_mut().now_or_never().is_none());
            !files(dir.path()).is_empty()
        })
        .await;
        assert_eq!(everything(&storage).await, [], "half-written is not visible");
    }
    eventually("the file is removed", || files(dir.path()).is_empty()).await;
}

/// A power cut or a killed process: no destructor runs, and a new process opens the folder.
#[tokio::test]
async fn what_a_crash_leaves_is_invisible_and_swept_later() {
    let (dir, storage) = local();
    let photo = PhotoId::generate();
    let artifact = Artifact::Video { photo, person: 0, video: VideoId::generate() };
    let bytes = content(Format::Mp4, 20 << 20, 0);
    let endless = pieces(&bytes, 1 << 20).chain(stream::pending());
    let owned = storage.clone();
    let mut put =
        Box::pin(
            async move { owned.put_stream(artifact, endless, StreamOptions::default()).await },
        );
    eventually("the file is begun", || {
        assert!(put.as_mut().now_or_never().is_none());
        !files(dir.path()).is_empty()
    })
    .await;
    std::mem::forget(put);
    // While the process lives it may still be writing, however slowly.
    let report = sweeper(&storage).sweep_once(in_hours(48)).await;
    assert_eq!(report.folder(Folder::DIdVideos).half_written, 0);
    assert_eq!(files(dir.path()).len(), 1);

    let storage = Storage::local(dir.path()).unwrap();
    assert_eq!(everything(&storage).await, []);
    assert_eq!(storage.find(artifact).await.unwrap(), None);
    let report = sweeper(&storage).sweep_once(in_hours(0)).await;
    assert_eq!(report.folder(Folder::DIdVideos).half_written, 0);
    assert_eq!(files(dir.path()).len(), 1, "it may be another process's, at work");

    let report = sweeper(&storage).sweep_once(in_hours(2)).await;
    let of_folder = report.folder(Folder::DIdVideos);
    assert_eq!((of_folder.half_written, of_folder.foreign), (1, 0));
    assert!(of_folder.half_written_bytes <= 20 << 20);
    assert_eq!(report.removed().count(), 0);
    assert_eq!(files(dir.path()), [] as [PathBuf; 0]);
}

#[tokio::test]
async fn a_deleted_photo_leaves_no_half_written_file_either() {
    let (dir, storage) = local();
    let (photo, other) = (PhotoId::generate(), PhotoId::generate());
    for id in [photo, other] {
        fs::write(dir.path().join(format!("uploads/{id}.jpg#1")), "half").unwrap();
        fs::write(dir.path().join(format!("d_id_videos/{id}_person_0_{id}.mp4#12")), "h").unwrap();
    }
    fs::write(dir.path().join(format!("uploads/{photo}.jpg#x")), "foreign").unwrap();
    assert!(storage.delete_photo(photo).await.complete().unwrap().removed.is_empty());
    let mut left = vec![
        PathBuf::from(format!("d_id_videos/{other}_person_0_{other}.mp4#12")),
        PathBuf::from(format!("uploads/{photo}.jpg#x")),
        PathBuf::from(format!("uploads/{other}.jpg#1")),
    ];
    left.sort();
    assert_eq!(files(dir.path()), left);
}

#[tokio::test]
async fn empty_folders_of_tasks_go_and_others_stay() {
    let (dir, storage) = local();
    let (done, swept, running) = (TaskId::generate(), TaskId::generate(), TaskId::generate());
    for task in [done, swept, running] {
        put_small(&storage, Artifact::Temp { task, name: TempName::Mask }).await;
    }
    let temp = dir.path().join("temp");
    storage.delete_task(done).await.complete().unwrap();
    assert!(!temp.join(done.to_string()).exists(), "a finished task's folder goes at once");

    let crashed = temp.join(TaskId::generate().to_string());
    let foreign = temp.join("not-a-task");
    fs::create_dir(&crashed).unwrap();
    fs::create_dir(&foreign).unwrap();
    let hold = storage.hold(running).await;
    let report = sweeper(&storage).sweep_once(in_hours(2)).await;
    assert_eq!(report.removed().count(), 1);
    assert_eq!(report.folder(Folder::Temp).empty_folders_removed, 2);
    assert_eq!(report.failures().count(), 0);
    assert!(!crashed.exists() && !temp.join(swept.to_string()).exists());
    assert!(foreign.exists() && temp.join(running.to_string()).exists());
    drop(hold);
    sweeper(&storage).sweep_once(in_hours(2)).await;
    for folder in Folder::ALL {
        assert!(dir.path().join(folder.name()).is_dir(), "the five folders stay");
    }
}

#[tokio::test]
async fn ages_are_those_of_the_files() {
    let (dir, storage) = local();
    let now = SystemTime::now();
    let hour = Duration::from_secs(3600);
    let mut expired = Vec::new();
    for age in [0, 1, 71, 72, 73, 167, 168, 1000] {
        for artifact in one_of_each(PhotoId::generate(), TaskId::generate()) {
            let key = put_small(&storage, artifact).await;
            let file = File::options().write(true).open(dir.path().join(key.to_string())).unwrap();
            file.set_modified(now - hour * age).unwrap();
            let kept_for = RetentionPolicy::default().of(key.folder());
            if hour * age >= kept_for {
                expired.push(key);
            }
        }
    }
    let report = sweeper(&storage).sweep_once(now.into()).await;
    expired.sort_unstable();
    assert_eq!(report.removed().map(|removed| removed.key).collect::<Vec<_>>(), expired);
    assert_eq!(everything(&storage).await.len(), 40 - expired.len());
}

#[tokio::test]
async fn a_folder_of_very_many_files_is_swept() {
    let (dir, storage) = local();
    const MANY: usize = 20_000;
    let old = SystemTime::now() - Duration::from_secs(8 * 24 * 3600);
    let jpeg = content(Format::Jpeg, 32, 0);
    for i in 0..MANY {
        let path = dir.path().join(format!("uploads/{}.jpg", PhotoId::generate()));
        fs::write(&path, &jpeg).unwrap();
        if i % 2 == 0 {
            File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        }
    }
    let photo = PhotoId::generate();
    put_small(&storage, Artifact::Upload { photo }).await;
    let report = sweeper(&storage).sweep_once(in_hours(0)).await;
    assert_eq!(report.removed().count(), MANY / 2);
    assert_eq!(report.folder(Folder::Uploads).kept as usize, MANY / 2 + 1);
    assert_eq!(report.folder(Folder::Uploads).removed_bytes() as usize, MANY / 2 * 32);
    assert_eq!(report.failures().count(), 0);
    assert_eq!(storage.list_photo(photo).await.unwrap().len(), 1);
}

/// Files that go during a sweep, by another process, end nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_vanish_during_a_sweep_are_no_failure() {
    let (dir, storage) = local();
    let mut paths = Vec::new();
    for _ in 0..400 {
        let key = format!("uploads/{}.jpg", PhotoId::generate());
        fs::write(dir.path().join(&key), content(Format::Jpeg, 32, 0)).unwrap();
        paths.push(dir.path().join(key));
    }
    let other = tokio::task::spawn_blocking(move || {
        for path in paths.iter().rev() {
            let _ = fs::remove_file(path);
        }
    });
    let report = sweeper(&storage).sweep_once(in_hours(200)).await;
    other.await.unwrap();
    let failures: Vec<_> = report.failures().collect();
    assert!(failures.is_empty(), "{failures:?}");
    assert_eq!(files(dir.path()), [] as [PathBuf; 0]);
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    #[tokio::test]
    async fn links_and_odd_names_are_foreign() {
        let (dir, storage) = local();
        let outside = TempDir::new().unwrap();
        let treasure = outside.path().join("input.png");
        fs::write(&treasure, content(Format::Png, 50, 0)).unwrap();
        let root = dir.path();
        let (photo, task) = (PhotoId::generate(), TaskId::generate());
        // A link under an artifact's name, a linked task folder, a loop, a dangling link,
        // a directory under an artifact's name, and a name that is not text.
        symlink(&treasure, root.join(format!("uploads/{photo}.png"))).unwrap();
        symlink(outside.path(), root.join(format!("temp/{task}"))).unwrap();
        symlink(root, root.join("uploads/loop")).unwrap();
        symlink("/nowhere", root.join(format!("detected_persons/{photo}_person_0.jpg"))).unwrap();
        fs::create_dir(root.join(format!("d_id_videos/{photo}_person_0_{photo}.mp4"))).unwrap();
        fs::write(root.join("uploads").join(OsStr::from_bytes(b"\xff\xfe.jpg")), "").unwrap();
        let expired =
            put_small(&storage, Artifact::CutOut { photo, person: 0, recipe: None }).await;

        assert_eq!(everything(&storage).await.len(), 1);
        let report = sweeper(&storage).sweep_once(in_hours(10_000)).await;
        assert_eq!(report.removed().map(|removed| removed.key).collect::<Vec<_>>(), [expired]);
        assert_eq!(report.failures().count(), 0);
        assert_eq!(report.folders.iter().map(|folder| folder.foreign).sum::<u64>(), 6);
        assert!(treasure.exists());

        // The user's wish reaches what stands under the photo's own names, and nothing behind them.
        let report = storage.delete_photo(photo).await;
        assert!(report.failures.is_empty(), "{:?}", report.failures);
        assert!(treasure.exists());
    }
}
