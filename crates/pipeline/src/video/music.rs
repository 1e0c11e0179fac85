//! Where speech and music come from.

use crate::error::Error;
use bytes::Bytes;
use portrait_voice::{Error as VoiceError, Speech, find_track};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a pipeline has to speak and to play with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Voices {
    pub(crate) speech: Option<Arc<dyn Speech>>,
    pub(crate) music: Option<MusicFolder>,
}

/// A folder of pieces of music.
#[derive(Debug, Clone)]
pub(crate) struct MusicFolder(PathBuf);

impl MusicFolder {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// The piece of this id, read up to one byte more than allowed; that is told when it is
    /// decoded.
    pub(crate) fn read(&self, id: &str, max_bytes: usize) -> Result<Bytes, Error> {
        let names = self.names().map_err(|error| self.failed(&self.0, &error))?;
        let name = find_track(id, names.iter().map(String::as_str))?;
        let path = self.0.join(name);
        let read = || -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            std::fs::File::open(&path)?.take(max_bytes as u64 + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        Ok(read().map_err(|error| self.failed(&path, &error))?.into())
    }

    /// The names of the files; folders and names that are no text are none.
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.0)? {
            let entry = entry?;
            if entry.path().is_file()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn failed(&self, path: &Path, error: &io::Error) -> Error {
        Error::from(VoiceError::MusicFolder { reason: format!("{}: {error}", path.display()) })
    }
}
