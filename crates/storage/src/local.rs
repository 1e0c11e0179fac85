//! What a folder on disk needs beyond the object-store interface.
//!
//! Listing is done here and not by `object_store`, for three reasons: one unreadable sub-folder
//! must not end the listing, symbolic links must not lead out of the root, and half-written files
//! that a crash left behind, which `object_store` hides, must be found.

use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::meta::{Found, Staged, utc};
use crate::{Error, Failure, Folder, Key, Meta, Subject, TaskId};

/// Creates the root and its folders, which then exist for good: deletions never remove them, so
/// writing a file and tidying up cannot meet.
pub(crate) fn prepare(root: &Path) -> io::Result<()> {
    Folder::ALL.iter().try_for_each(|folder| fs::create_dir_all(root.join(folder.name())))
}

/// All that lies in `folder`, or what belongs to `only`.
pub(crate) fn scan(root: &Path, folder: Folder, only: Option<Subject>) -> Vec<Found> {
    let mut scan = Scan { only, found: Vec::new() };
    let dir = root.join(folder.name());
    if folder != Folder::Temp {
        scan.files(&dir, folder.name());
        return scan.found;
    }
    for entry in scan.entries(&dir, folder.name()) {
        let name = entry.file_name();
        let path = format!("{folder}/{}", name.to_string_lossy());
        // `file_type` does not follow links, so a linked directory is foreign.
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        match name.to_str().and_then(|name| name.parse::<TaskId>().ok()) {
            Some(task) if is_dir => {
                if only.is_none_or(|only| only == Subject::Task(task)) {
                    scan.files(&entry.path(), &path);
                }
            }
            _ => scan.foreign(path),
        }
    }
    scan.found
}

struct Scan {
    only: Option<Subject>,
    found: Vec<Found>,
}

impl Scan {
    fn foreign(&mut self, path: String) {
        if self.only.is_none() {
            self.found.push(Found::Foreign(path));
        }
    }

    fn failed(&mut self, path: &str, error: io::Error) {
        // What vanished between two looks is no failure.
        if error.kind() != ErrorKind::NotFound {
            self.found.push(Found::Failed(failure("list", path, error)));
        }
    }

    fn entries(&mut self, dir: &Path, path: &str) -> Vec<DirEntry> {
        let mut entries = Vec::new();
        match fs::read_dir(dir) {
            Err(error) => self.failed(path, error),
            Ok(all) => {
                for entry in all {
                    match entry {
                        Ok(entry) => entries.push(entry),
                        Err(error) => self.failed(path, error),
                    }
                }
            }
        }
        entries
    }

    fn files(&mut self, dir: &Path, path: &str) {
        for entry in self.entries(dir, path) {
            let path = format!("{path}/{}", entry.file_name().to_string_lossy());
            let (key, staged) = match (Key::parse(&path), staged_key(&path)) {
                (Some(key), _) => (key, false),
                (None, Some(key)) => (key, true),
                (None, None) => {
                    self.foreign(path);
                    continue;
                }
            };
            if self.only.is_some_and(|only| only != key.subject()) {
                continue;
            }
            // `DirEntry::metadata` does not follow links either.
            let metadata = match entry.metadata() {
                Ok(metadata) if metadata.is_file() => metadata,
                Ok(_) => {
                    self.foreign(path);
                    continue;
                }
                Err(error) => {
                    self.failed(&path, error);
                    continue;
                }
            };
            match metadata.modified() {
                Err(error) => self.failed(&path, error),
                Ok(modified) => {
                    let meta = Meta { key, size: metadata.len(), stored_at: utc(modified) };
                    self.found.push(if staged {
                        let path = entry.path();
                        Found::Staged(Staged { path, meta })
                    } else {
                        Found::Artifact(meta)
                    });
                }
            }
        }
    }
}

/// The key for which `path` gathers content: `object_store` appends `#` and a number.
fn staged_key(path: &str) -> Option<Key> {
    let (key, number) = path.rsplit_once('#')?;
    let numbered = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    Key::parse(key).filter(|_| numbered)
}

/// Removes a half-written file; whether it was still there.
pub(crate) fn remove_staged(staged: &Staged) -> Result<bool, Error> {
    match fs::remove_file(&staged.path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => {
            let path = staged.path.display().to_string();
            Err(Error::backend("delete", path, error))
        }
    }
}

/// Removes the empty folders of tasks; how many, and what failed.
///
/// A job that writes into a folder in this moment creates it again.
pub(crate) fn remove_empty_task_folders(root: &Path) -> (u64, Vec<Failure>) {
    let mut scan = Scan { only: None, found: Vec::new() };
    let mut removed = 0;
    let temp = root.join(Folder::Temp.name());
    for entry in scan.entries(&temp, Folder::Temp.name()) {
        let name = entry.file_name();
        let Some(task) = name.to_str().and_then(|name| name.parse::<TaskId>().ok()) else {
            continue;
        };
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            match remove_if_empty(&entry.path()) {
                Ok(gone) => removed += u64::from(gone),
                Err(error) => {
                    let path = format!("{}/{task}", Folder::Temp);
                    scan.found.push(Found::Failed(failure(
                        "remove the empty folder",
                        &path,
                        error,
                    )));
                }
            }
        }
    }
    let failures = scan.found.into_iter().filter_map(|found| match found {
        Found::Failed(failure) => Some(failure),
        _ => None,
    });
    (removed, failures.collect())
}

/// Removes the folder of `task` when it is empty.
pub(crate) fn remove_task_folder(root: &Path, task: TaskId) -> Result<(), Failure> {
    let path = format!("{}/{task}", Folder::Temp);
    remove_if_empty(&root.join(&path))
        .map(drop)
        .map_err(|error| failure("remove the empty folder", &path, error))
}

fn remove_if_empty(dir: &Path) -> io::Result<bool> {
    let empty = match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    if !empty {
        return Ok(false);
    }
    match fs::remove_dir(dir) {
        Ok(()) => Ok(true),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty => Ok(false),
            _ => Err(error),
        },
    }
}

fn failure(action: &'static str, path: &str, error: io::Error) -> Failure {
    Failure { path: path.to_owned(), error: Error::backend(action, path.to_owned(), error) }
}
