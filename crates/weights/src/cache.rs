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

use hf_hub::{Cache, CacheRepo, Repo};

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

/// The hub cache in this user's home folder; `None` where there is no such folder.
pub(crate) fn standard_hub_cache() -> Option<PathBuf> {
    // hf-hub panics where there is no home folder, and asks for it in the same way.
    dirs::home_dir().map(|_| Cache::default().path().clone())
}

/// One repository in a hub cache.
#[derive(Debug)]
pub(crate) struct RepositoryCache {
    locks: PathBuf,
    folder: PathBuf,
    layout: CacheRepo,
}

impl RepositoryCache {
    pub(crate) fn new(cache: &Path, source: &Source) -> Self {
        let repository = Repo::model(source.repository.clone());
        let name = repository.folder_name();
        Self {
            locks: cache.join(".locks").join(&name),
            folder: cache.join(name),
            layout: Cache::new(cache.into()).repo(repository),
        }
    }

    /// Where the file of a source should lie, as far as the cache knows the commit of its revision.
    pub(crate) fn expected(&self, source: &Source) -> PathBuf {
        let revision = source.revision();
        let commit = fs::read_to_string(self.folder.join("refs").join(revision));
        let commit = commit.as_deref().map_or(revision, str::trim);
        self.snapshot(commit, &source.file)
    }

    pub(crate) fn snapshot(&self, commit: &str, file: &str) -> PathBuf {
        self.layout.pointer_path(commit).join(file)
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
        let up = source.file.split('/').count() + 1;
        place(&self.blob(etag), &snapshot, up, LINKS).map_err(failed)?;
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

type Link = fn(&Path, &Path) -> io::Result<()>;

/// Ways to give a blob a second name without a second copy, best first: by a relative path, so that
/// a cache can be moved; then within the file system. Some disks (FAT, some network drives) know
/// neither, and Windows wants a privilege for the first.
#[cfg(unix)]
const LINKS: &[Link] = &[symbolic_link, hard_link];
#[cfg(not(unix))]
const LINKS: &[Link] = &[hard_link];

#[cfg(unix)]
fn symbolic_link(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

/// `fs::hard_link` for a target that is told from the link's folder.
fn hard_link(target: &Path, link: &Path) -> io::Result<()> {
    let folder = link.parent().unwrap_or(link);
    fs::hard_link(folder.join(target), link)
}

/// Makes a blob the file of a snapshot, `up` folders up: by the first of the `links` that the disk
/// knows, else by a copy, as `huggingface_hub` does it.
fn place(blob: &Path, snapshot: &Path, up: usize, links: &[Link]) -> io::Result<()> {
    let Some(name) = blob.file_name() else { return Err(io::ErrorKind::InvalidInput.into()) };
    let target = PathBuf::from("../".repeat(up)).join("blobs").join(name);
    remove_if_there(snapshot)?;
    for link in links {
        match link(&target, snapshot) {
            Ok(()) => return Ok(()),
            // Another process was faster with the same link.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            Err(error) => tracing::debug!(%error, ?snapshot, "the disk takes no such link"),
        }
    }
    // Under another name first: a copy that is cut off must not pass for the file.
    let mut copy = OsString::from(snapshot);
    copy.push(".incomplete");
    fs::copy(blob, &copy)
        .and_then(|_| File::open(&copy)?.sync_all())
        .and_then(|()| fs::rename(&copy, snapshot))
        .inspect_err(|_| drop(fs::remove_file(&copy)))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk that knows no links.
    fn refused(_: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    /// A blob and the name of its snapshot in a new cache.
    fn cache() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (blobs, snapshots) = (folder.path().join("blobs"), folder.path().join("snapshots/c/d"));
        fs::create_dir_all(&blobs).unwrap();
        fs::create_dir_all(&snapshots).unwrap();
        let (blob, snapshot) = (blobs.join("e"), snapshots.join("f"));
        fs::write(&blob, b"weights").unwrap();
        (folder, blob, snapshot)
    }

    #[test]
    fn a_disk_without_links_gets_a_copy() {
        for links in [&[refused as Link] as &[Link], &[refused, refused], &[]] {
            let (_folder, blob, snapshot) = cache();
            place(&blob, &snapshot, 3, links).unwrap();
            assert_eq!(fs::read(&snapshot).unwrap(), b"weights");
            assert!(fs::symlink_metadata(&snapshot).unwrap().is_file());
            assert_eq!(fs::read_dir(snapshot.parent().unwrap()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_disk_without_symbolic_links_gets_a_hard_link() {
        let (_folder, blob, snapshot) = cache();
        place(&blob, &snapshot, 3, &[refused, hard_link]).unwrap();
        assert!(fs::symlink_metadata(&snapshot).unwrap().is_file());
        fs::remove_file(&blob).unwrap();
        assert_eq!(fs::read(&snapshot).unwrap(), b"weights");
    }

    #[test]
    #[cfg(unix)]
    fn where_there_are_symbolic_links_the_snapshot_is_one_that_moves_with_the_cache() {
        let (folder, blob, snapshot) = cache();
        place(&blob, &snapshot, 3, LINKS).unwrap();
        assert_eq!(fs::read_link(&snapshot).unwrap(), Path::new("../../../blobs/e"));
        // A second time, as after another download, and after the folder has moved.
        place(&blob, &snapshot, 3, LINKS).unwrap();
        let moved = tempfile::tempdir().unwrap();
        let to = moved.path().join("cache");
        fs::rename(folder.path(), &to).unwrap();
        assert_eq!(fs::read(to.join("snapshots/c/d/f")).unwrap(), b"weights");
    }

    #[test]
    fn a_copy_that_fails_leaves_nothing_that_passes_for_the_file() {
        let (_folder, blob, snapshot) = cache();
        fs::remove_file(&blob).unwrap();
        assert!(place(&blob, &snapshot, 3, &[refused]).is_err());
        assert_eq!(fs::read_dir(snapshot.parent().unwrap()).unwrap().count(), 0);
    }
}
