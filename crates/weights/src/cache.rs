//! The layout in which Hugging Face's programs keep what they have downloaded.
//!
//! `models--owner--name/` holds `blobs/<etag>` (the bytes), `snapshots/<commit>/<file>` (a link to a blob) and
//! `refs/<revision>` (the commit a branch or tag stood at); `.locks/` lies beside it. A file counts as there when its
//! snapshot exists, so a blob gets its name only when it is complete and checked.
//! Described at <https://huggingface.co/docs/huggingface_hub/guides/manage-cache>.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::manifest::Source;

/// The hub cache of this user, as Hugging Face's own programs find it.
///
/// `HF_HUB_CACHE`, else `$HF_HOME/hub`, else `$XDG_CACHE_HOME/huggingface/hub`, else `.cache/huggingface/hub` in the home
/// folder. Libraries read no environment, so a program hands in its own: `default_hub_cache(|name| std::env::var_os(name))`.
/// `None` where the variables do not tell.
pub fn default_hub_cache(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    folder("HF_HUB_CACHE")
        .or_else(|| Some(folder("HF_HOME")?.join("hub")))
        .or_else(|| Some(folder("XDG_CACHE_HOME")?.join("huggingface/hub")))
        .or_else(|| {
            let home = folder("HOME").or_else(|| folder("USERPROFILE"))?;
            Some(home.join(".cache/huggingface/hub"))
        })
}

/// One repository in a hub cache.
#[derive(Debug)]
pub(crate) struct RepositoryCache {
    locks: PathBuf,
    folder: PathBuf,
}

impl RepositoryCache {
    pub(crate) fn new(cache: &Path, source: &Source) -> Self {
        let name = format!("models--{}", source.repository.replace('/', "--"));
        Self { locks: cache.join(".locks").join(&name), folder: cache.join(name) }
    }

    /// Where the file of a source should lie, as far as the cache knows the commit of its revision.
    pub(crate) fn expected(&self, source: &Source) -> PathBuf {
        let revision = source.revision();
        let commit = fs::read_to_string(self.folder.join("refs").join(revision));
        let commit = commit.as_deref().map_or(revision, str::trim);
        self.snapshot(commit, &source.file)
    }

    pub(crate) fn snapshot(&self, commit: &str, file: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit).join(file)
    }

    pub(crate) fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// Where the bytes of a blob gather until they are complete.
    pub(crate) fn incomplete(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(format!("{etag}.incomplete"))
    }

    /// Waits until nobody else downloads this blob; calls `waiting` once if it must wait. The lock ends with the value.
    pub(crate) async fn lock(&self, etag: &str, waiting: impl FnOnce()) -> Result<File> {
        let path = self.locks.join(format!("{etag}.lock"));
        let failed = |source| disk(&path, "lock", source);
        fs::create_dir_all(&self.locks).map_err(failed)?;
        let file = File::create(&path).map_err(failed)?;
        let mut waiting = Some(waiting);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
                Err(TryLockError::WouldBlock) => {
                    if let Some(waiting) = waiting.take() {
                        waiting();
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Gives a complete and checked download its name.
    pub(crate) fn finish_blob(&self, etag: &str) -> Result<()> {
        let (incomplete, blob) = (self.incomplete(etag), self.blob(etag));
        // On disk before it is named, so that a crash leaves no named file with holes.
        File::open(&incomplete)
            .and_then(|file| file.sync_all())
            .map_err(|e| disk(&incomplete, "write", e))?;
        fs::rename(&incomplete, &blob).map_err(|e| disk(&blob, "write", e))
    }

    /// Makes a blob the file of a commit, and the commit that of the revision; returns the file's path.
    pub(crate) fn publish(&self, source: &Source, commit: &str, etag: &str) -> Result<PathBuf> {
        let snapshot = self.snapshot(commit, &source.file);
        let failed = |source| disk(&snapshot, "write", source);
        create_parent(&snapshot).map_err(failed)?;
        link(&self.blob(etag), &snapshot, source.file.split('/').count() + 1).map_err(failed)?;
        if source.revision() != commit {
            let reference = self.folder.join("refs").join(source.revision());
            // The lock on the content makes the name nobody else's, also while another file of the repository arrives.
            let temporary = self.folder.join("refs").join(format!("{etag}.tmp"));
            create_parent(&reference)
                .and_then(|()| fs::write(&temporary, commit))
                .and_then(|()| fs::rename(&temporary, &reference))
                .map_err(|e| disk(&reference, "write", e))?;
        }
        Ok(snapshot)
    }
}

pub(crate) fn disk(path: &Path, action: &'static str, source: io::Error) -> Error {
    Error::Disk { path: path.into(), action, source }
}

fn create_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Links by a relative path, `up` folders up, so that a cache can be moved.
#[cfg(unix)]
fn link(blob: &Path, snapshot: &Path, up: usize) -> io::Result<()> {
    let Some(name) = blob.file_name() else { return Err(io::ErrorKind::InvalidInput.into()) };
    let target = PathBuf::from("../".repeat(up)).join("blobs").join(name);
    remove_if_there(snapshot)?;
    match std::os::unix::fs::symlink(target, snapshot) {
        // Another process was faster with the same link.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        done => done,
    }
}

/// Symbolic links need a privilege elsewhere; a hard link costs no space either.
#[cfg(not(unix))]
fn link(blob: &Path, snapshot: &Path, _: usize) -> io::Result<()> {
    remove_if_there(snapshot)?;
    fs::hard_link(blob, snapshot).or_else(|_| fs::copy(blob, snapshot).map(drop))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
