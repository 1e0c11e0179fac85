//! Listing a folder on disk.
//!
//! Listing is done here and not by `object_store`, for three reasons: one unreadable sub-folder
//! must not end the listing, symbolic links must not lead out of the root, and half-written files
//! that a crash left behind, which `object_store` hides, must be found.

use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::about::sidecar;
use crate::error::Error;
use crate::meta::{Failure, Found, Meta, Staged, utc};
use crate::name::folder::Folder;
use crate::name::id::TaskId;
use crate::name::key::Key;
use crate::name::subject::Subject;

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
        match name.to_str().and_then(TaskId::parse) {
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

#[derive(Default)]
pub(crate) struct Scan {
    only: Option<Subject>,
    pub(crate) found: Vec<Found>,
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

    pub(crate) fn entries(&mut self, dir: &Path, path: &str) -> Vec<DirEntry> {
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
        // A description then comes right behind its artifact.
        entries.sort_by_cached_key(DirEntry::file_name);
        entries
    }

    fn files(&mut self, dir: &Path, path: &str) {
        for entry in self.entries(dir, path) {
            let path = format!("{path}/{}", entry.file_name().to_string_lossy());
            let Some((kind, key)) = Kind::of(&path) else {
                self.foreign(path);
                continue;
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
                    self.found.push(match kind {
                        Kind::Artifact => Found::Artifact(meta),
                        Kind::Sidecar => Found::sidecar(key),
                        Kind::Staged => Found::Staged(Staged { path: entry.path(), meta }),
                    });
                }
            }
        }
    }
}

/// What a file of this crate is.
#[derive(Clone, Copy)]
enum Kind {
    Artifact,
    Sidecar,
    /// Content is gathered in it for an artifact or a description.
    Staged,
}

impl Kind {
    /// What the name says, and the key it belongs to; `None` for a file of others.
    fn of(path: &str) -> Option<(Self, Key)> {
        if let Some(key) = Key::parse(path) {
            return Some((Self::Artifact, key));
        }
        if let Some(key) = sidecar::parse(path) {
            return Some((Self::Sidecar, key));
        }
        // `object_store` appends `#` and a number.
        let (name, number) = path.rsplit_once('#')?;
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let key = Key::parse(name).or_else(|| sidecar::parse(name))?;
        Some((Self::Staged, key))
    }
}

pub(crate) fn failure(action: &'static str, path: &str, error: io::Error) -> Failure {
    Failure { path: path.to_owned(), error: Error::backend(action, path.to_owned(), error) }
}
