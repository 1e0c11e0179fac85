//! Removing half-written files and empty folders from a disk.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::error::Error;
use crate::local::scan::{Scan, failure};
use crate::meta::{Failure, Found, Staged};
use crate::name::folder::Folder;
use crate::name::id::TaskId;

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
    let mut scan = Scan::default();
    let mut removed = 0;
    let temp = root.join(Folder::Temp.name());
    for entry in scan.entries(&temp, Folder::Temp.name()) {
        let name = entry.file_name();
        let Some(task) = name.to_str().and_then(TaskId::parse) else {
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
