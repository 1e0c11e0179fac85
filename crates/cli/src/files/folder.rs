//! The folder for results.

use crate::error::CliError;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A folder for results, with those above it. Where it was made for this command, it is removed at
/// the command's end if nothing came into it.
pub(crate) struct Folder {
    path: PathBuf,
    /// What was made, the deepest first.
    made: Vec<PathBuf>,
}

impl Folder {
    /// Makes what is missing.
    pub(crate) fn make(path: &Path) -> Result<Self, CliError> {
        let missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let made = path.ancestors().take_while(missing).map(Path::to_path_buf).collect();
        // First, so that a part that was made before a failure is removed.
        let folder = Self { path: path.to_path_buf(), made };
        let place = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        std::fs::create_dir_all(place).map_err(CliError::file(path, "make the folder"))?;
        Ok(folder)
    }

    /// Tries to write so many bytes in it, before work or money is spent on what belongs there.
    pub(crate) fn try_writing(&self, bytes: usize) -> Result<(), CliError> {
        let place = if self.path.as_os_str().is_empty() { Path::new(".") } else { &self.path };
        let write = || {
            let mut file = tempfile::Builder::new().prefix(".portrait-").tempfile_in(place)?;
            file.write_all(&vec![0; bytes])?;
            file.as_file().sync_all()
        };
        write().map_err(CliError::file(&self.path, "write into the folder"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for folder in &self.made {
            // Refused where something is in it.
            if std::fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn what_was_made_in_vain_is_removed_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let (mine, deep) = (root.path().join("mine"), root.path().join("mine/a/b"));
        std::fs::create_dir(&mine).unwrap();
        drop(Folder::make(&deep).unwrap());
        assert!(mine.exists() && !mine.join("a").exists());
        let folder = Folder::make(&deep).unwrap();
        folder.try_writing(100).unwrap();
        std::fs::write(mine.join("a/file"), "").unwrap();
        drop(folder);
        assert!(mine.join("a").exists() && !deep.exists());
        std::fs::write(mine.join("b"), "").unwrap();
        assert!(Folder::make(&mine.join("b/c/d")).is_err());
    }
}
