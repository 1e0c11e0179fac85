//! What may be written where: never over an input, and over another's file only when told so.

use super::ledger::{Ledger, digest, digest_of_file};
use super::write::{Draft, folder_of, stream, taken};
use crate::error::CliError;
use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Decides what one run of the command may write over.
pub(crate) struct Guard {
    force: bool,
    inputs: HashSet<PathBuf>,
    pub(crate) ledger: Ledger,
}

impl Guard {
    /// These files are read by the command and are never written over.
    pub(crate) fn new<'a>(
        force: bool,
        ledger: Ledger,
        inputs: impl IntoIterator<Item = &'a Path>,
    ) -> Self {
        let inputs = inputs.into_iter().filter_map(|path| path.canonicalize().ok()).collect();
        Self { force, inputs, ledger }
    }

    /// Whether a result made from `source` may be written there; of an empty source it is not asked
    /// what it was made from. A folder in the way is told when the file is written.
    pub(crate) fn check(&self, place: &Path, source: &str) -> Result<(), CliError> {
        let Ok(there) = place.metadata() else { return Ok(()) };
        if place.canonicalize().is_ok_and(|place| self.inputs.contains(&place)) {
            return Err(CliError::IsInput { path: place.to_path_buf() });
        }
        if self.force || !there.is_file() || self.ledger.is_own(place, source) {
            return Ok(());
        }
        Err(CliError::Exists { path: place.to_path_buf() })
    }

    /// [`check`](Self::check) of the files of a photo's persons in this folder: of all that are
    /// there, or of these persons.
    pub(crate) fn check_persons(
        &self,
        prefix: &Path,
        suffix: &str,
        persons: Option<&[usize]>,
        source: &str,
    ) -> Result<(), CliError> {
        if let Some(ids) = persons {
            return ids
                .iter()
                .try_for_each(|id| self.check(&of_person(prefix, *id, suffix), source));
        }
        let stem = prefix.file_name().unwrap_or_default().as_encoded_bytes();
        let Ok(entries) = std::fs::read_dir(folder_of(prefix)) else { return Ok(()) };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let id = name.as_encoded_bytes().strip_prefix(stem);
            let id = id.and_then(|rest| rest.strip_prefix(b"_person_"));
            let id = id.and_then(|rest| rest.strip_suffix(suffix.as_bytes()));
            if id.is_some_and(|id| !id.is_empty() && id.iter().all(u8::is_ascii_digit)) {
                self.check(&folder_of(prefix).join(name), source)?;
            }
        }
        Ok(())
    }

    /// Writes a file whole or not at all; `durable` waits for the disk.
    pub(crate) fn write(
        &self,
        place: &Path,
        bytes: &[u8],
        source: &str,
        durable: bool,
    ) -> Result<(), CliError> {
        let failed = || CliError::file(place, "write");
        if let Some(stream) = stream(place) {
            return stream.and_then(|mut stream| stream.write_all(bytes)).map_err(failed());
        }
        // Folders below the one for results are made when something comes into them.
        std::fs::create_dir_all(folder_of(place)).map_err(failed())?;
        let mut draft = Draft::new(place).map_err(failed())?;
        draft.fill(bytes).map_err(failed())?;
        if durable {
            draft.sync().map_err(failed())?;
        }
        self.name(draft, place, &digest(bytes), source)
    }

    /// Begins a file that something else fills by its path.
    pub(crate) fn draft(&self, place: &Path) -> Result<Draft, CliError> {
        self.check(place, "")?;
        Draft::new(place).map_err(CliError::file(place, "write"))
    }

    /// Gives a filled [`draft`](Self::draft) its name.
    pub(crate) fn finish(&self, draft: Draft, place: &Path) -> Result<(), CliError> {
        let content = File::open(draft.path()).and_then(digest_of_file);
        let content = content.map_err(CliError::file(place, "write"))?;
        self.name(draft, place, &content, "")
    }

    fn name(
        &self,
        draft: Draft,
        place: &Path,
        content: &str,
        source: &str,
    ) -> Result<(), CliError> {
        let there = place.symlink_metadata().is_ok();
        // Once more: it may have come while the work was done.
        self.check(place, source)?;
        // Before it has its name: a command that is killed in between leaves no unknown file.
        self.ledger.writes(place, content, source);
        let (error, draft) = match draft.finish(there) {
            Ok(()) => return Ok(()),
            Err(failed) => failed,
        };
        if !there && taken(&error) {
            // Another run of the command may have written the same.
            self.check(place, source)?;
            let done = draft.finish(true);
            return done.map_err(|(error, _)| CliError::file(place, "write")(error));
        }
        Err(CliError::file(place, "write")(error))
    }
}

/// `<prefix>_person_<id><suffix>`.
pub(crate) fn of_person(prefix: &Path, id: usize, suffix: &str) -> PathBuf {
    let mut path = prefix.as_os_str().to_owned();
    path.push(format!("_person_{id}{suffix}"));
    path.into()
}
