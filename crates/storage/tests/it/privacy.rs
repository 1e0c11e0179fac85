//! Only the user can read what a local storage keeps, whatever the umask.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use portrait_storage::{
    Artifact, Description, Folder, Format, Origin, PhotoId, Storage, StreamOptions, TaskId,
};
use tempfile::TempDir;

use crate::samples::{content, one_of_each, one_of_each_record, pieces};

/// Set for the process that runs under a umask of 000.
const ROOT: &str = "PORTRAIT_TEST_PRIVACY_ROOT";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Every folder and file below `dir`.
fn below(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for entry in fs::read_dir(next).unwrap().map(|entry| entry.unwrap()) {
            if entry.file_type().unwrap().is_dir() {
                dirs.push(entry.path());
            }
            all.push(entry.path());
        }
    }
    all
}

/// Runs [`store_one_of_each`] in a process of its own, since the umask is that of the process.
#[test]
fn nobody_else_can_read_what_is_stored_under_a_permissive_umask() {
    let dir = TempDir::new().unwrap();
    let root = dir.path().join("data/storage");
    let status = Command::new("sh")
        .args(["-c", "umask 000 && exec \"$0\" --exact privacy::store_one_of_each --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .env(ROOT, &root)
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
    assert_eq!(mode(&root), 0o700, "the root, which was created");
    let all = below(&root);
    let files = all.iter().filter(|path| path.is_file()).count();
    assert_eq!(files, 3 * 13 + 13, "thirteen artifacts, stored in three ways, one described");
    for path in all {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), expected, "{}", path.display());
    }
}

/// Does its work when the test above asks for it; else it looks at a folder of its own.
#[tokio::test]
async fn store_one_of_each() {
    let dir = TempDir::new().unwrap();
    let root = std::env::var_os(ROOT).map_or_else(|| dir.path().join("data"), PathBuf::from);
    let storage = Storage::local(&root).unwrap();
    for way in 0..3 {
        let (photo, task) = (PhotoId::generate(), TaskId::generate());
        for artifact in one_of_each(photo, task).into_iter().chain(one_of_each_record(photo)) {
            let bytes = content(artifact.formats()[0], 50_000, 0);
            let options = StreamOptions::default();
            let stored = match way {
                0 => storage.put(artifact, bytes).await,
                1 => {
                    let description = Description::new(Origin::Other);
                    storage.put_described(artifact, bytes, &description).await
                }
                _ => storage.put_stream(artifact, pieces(&bytes, 999), options).await,
            };
            let path = root.join(stored.unwrap().key.to_string());
            assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        }
    }
}

#[tokio::test]
async fn folders_of_a_former_version_are_closed_at_opening() {
    let dir = TempDir::new().unwrap();
    let root = dir.path().join("data");
    let photo = PhotoId::generate();
    for folder in Folder::ALL {
        fs::create_dir_all(root.join(folder.name())).unwrap();
        fs::set_permissions(root.join(folder.name()), fs::Permissions::from_mode(0o777)).unwrap();
    }
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(root.join(format!("uploads/{photo}.png")), content(Format::Png, 50, 0)).unwrap();
    let storage = Storage::local(&root).unwrap();
    for folder in Folder::ALL {
        assert_eq!(mode(&root.join(folder.name())), 0o700, "{folder}");
    }
    assert_eq!(mode(&root), 0o755, "it may be shared with something else");
    assert!(storage.find(Artifact::Upload { photo }).await.unwrap().is_some());
}
