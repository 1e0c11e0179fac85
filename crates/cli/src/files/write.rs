//! Writing a file whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file that gets its name when it is complete. Until then it lies beside its place under the name
/// `.portrait-…`; dropped before, it is removed.
pub(crate) struct Draft {
    temporary: NamedTempFile,
    place: PathBuf,
}

impl Draft {
    /// Begins a file for this place. A symbolic link stays, and what it leads to is replaced.
    pub(crate) fn new(place: &Path) -> io::Result<Self> {
        let place = place.canonicalize().unwrap_or_else(|_| place.to_path_buf());
        let folder = folder_of(&place);
        let mut builder = tempfile::Builder::new();
        builder.prefix(".portrait-").suffix(".tmp");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // As any new file has them; or those of the file that is replaced.
            let mode = place.metadata().map_or(0o666, |old| old.permissions().mode() & 0o777);
            builder.permissions(std::fs::Permissions::from_mode(mode));
        }
        Ok(Self { temporary: builder.tempfile_in(folder)?, place })
    }

    /// Where it lies until it is complete.
    pub(crate) fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// The whole content.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.temporary.write_all(bytes)
    }

    /// Waits until the content is on the disk: for what is paid for.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.temporary.as_file().sync_all()
    }

    /// Gives it its name. Unless `replace`, what came there meanwhile stays: then the draft comes
    /// back with [`io::ErrorKind::AlreadyExists`].
    pub(crate) fn finish(self, replace: bool) -> Result<(), (io::Error, Self)> {
        let Self { temporary, place } = self;
        let kept = if replace {
            temporary.persist(&place)
        } else {
            match temporary.persist_noclobber(&place) {
                // A disk that knows no such renaming.
                Err(failed) if !taken(&failed.error) && !place.exists() => {
                    failed.file.persist(&place)
                }
                done => done,
            }
        };
        kept.map(drop).map_err(|failed| (failed.error, Self { temporary: failed.file, place }))
    }
}

pub(crate) fn taken(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AlreadyExists
}

/// The folder that a file lies in.
pub(crate) fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A place that has no content to lose, such as `/dev/null` or a pipe: written to as it is.
pub(crate) fn stream(place: &Path) -> Option<io::Result<File>> {
    let there = place.metadata().ok()?;
    let special = !there.is_file() && !there.is_dir();
    special.then(|| OpenOptions::new().write(true).open(place))
}
