//! An open checkpoint.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use safetensors::Dtype;

use crate::bundled::Bundled;
use crate::digest;
use crate::error::{Error, Result, StatedBy};
use crate::header::{self, Entries, Entry};
use crate::manifest::Manifest;
use crate::map::Map;

/// A safetensors file, mapped into memory and checked, from which models take their tensors.
///
/// Opening reads the header alone; a tensor's bytes are read when it is asked for. Clones share the map.
///
/// Tensors go by their names without the prefixes that training leaves: `module.` (data-parallel) and then `_orig_mod.`
/// (compiled) are taken off where present, as the official code of BiRefNet does.
#[derive(Clone)]
pub struct Checkpoint {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    map: Map,
    entries: Entries,
    sha256: OnceLock<String>,
}

impl Inner {
    fn new(path: PathBuf, map: Map) -> Result<Arc<Self>> {
        let entries = header::parse(&map, &path)?;
        Ok(Arc::new(Self { path, map, entries, sha256: OnceLock::new() }))
    }
}

/// What [`Checkpoint::verify`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// Size of the file in bytes.
    pub size: u64,
    /// Its SHA-256 in lower-case hex.
    pub sha256: String,
    /// Whether the manifest states a SHA-256, so that the digest was compared and not only computed.
    pub pinned: bool,
}

impl Checkpoint {
    /// Opens a file and checks its header against its length.
    ///
    /// The file must not be changed in place while it is open (replacing it by renaming is safe): it is mapped, not read.
    ///
    /// # Errors
    /// [`Error::MissingFile`], [`Error::Disk`], [`Error::Empty`], [`Error::NotSafetensors`] with a guess what it is,
    /// [`Error::Truncated`], [`Error::TrailingBytes`], [`Error::Header`], and [`Error::UnsupportedDtype`] for packed
    /// and quantised types.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::open_as(path, path)
    }

    /// Opens a checkpoint that is part of the program. Its [`path`](Self::path) is a name in angle brackets and no file.
    ///
    /// # Errors
    /// As [`open`](Self::open), where the bytes are no checkpoint.
    pub fn bundled(bundled: &Bundled) -> Result<Self> {
        Ok(Self { inner: Inner::new(bundled.shown(), Map::Program(bundled.bytes))? })
    }

    /// Opens a file, with another path in the errors.
    pub(crate) fn open_as(path: &Path, shown: &Path) -> Result<Self> {
        let disk = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => Error::MissingFile { path: shown.into() },
            _ => Error::Disk { path: shown.into(), action: "open", source },
        };
        let file = File::open(path).map_err(disk)?;
        let metadata = file.metadata().map_err(disk)?;
        if metadata.is_dir() {
            return Err(disk(io::ErrorKind::IsADirectory.into()));
        }
        if metadata.len() == 0 {
            return Err(Error::Empty { path: shown.into() });
        }
        let map = Map::new(&file).map_err(disk)?;
        Ok(Self { inner: Inner::new(shown.into(), map)? })
    }

    /// Compares size and SHA-256 of the file with what a manifest states.
    ///
    /// Blocks while it reads all of the file, unless [`sha256`](Self::sha256) has done so before. A
    /// manifest without `sha256` still gets the digest of the file, to pin it.
    ///
    /// # Errors
    /// [`Error::WrongSize`] and [`Error::WrongSha256`] with the expected and the found value.
    pub fn verify(&self, manifest: &Manifest) -> Result<Verification> {
        let file = self.path().display().to_string();
        let size = self.inner.map.len() as u64;
        if let Some(expected) = manifest.size.filter(|expected| *expected != size) {
            return Err(Error::WrongSize { file, expected, found: size });
        }
        let sha256 = self.sha256();
        digest::compare(&file, manifest.sha256.as_deref(), sha256, StatedBy::Manifest)?;
        let pinned = manifest.sha256.is_some();
        Ok(Verification { size, sha256: sha256.into(), pinned })
    }

    /// SHA-256 of the whole file, header included, in lower-case hex (64 digits). It names the
    /// weights that a result was made with.
    ///
    /// The first call blocks while it reads all of the file, so call it on a thread that may block.
    /// Later calls on this checkpoint and its clones return the same digest at once.
    pub fn sha256(&self) -> &str {
        self.inner.sha256.get_or_init(|| digest::sha256_of(&self.inner.map))
    }

    /// Whether it is [part of the program](Self::bundled) instead of a file.
    pub fn is_bundled(&self) -> bool {
        matches!(self.inner.map, Map::Program(_))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        self.inner.entries.len()
    }

    /// Whether there is no tensor at all.
    pub fn is_empty(&self) -> bool {
        self.inner.entries.is_empty()
    }

    /// Names of the tensors without training prefixes, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.inner.entries.keys().map(String::as_str)
    }

    /// Whether there is a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// Shape of a tensor, slowest dimension first; `None` where there is no such tensor.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entry(name).map(|entry| entry.shape.as_slice())
    }

    /// Element type of a tensor in the file; `None` where there is no such tensor.
    pub fn dtype(&self, name: &str) -> Option<Dtype> {
        self.entry(name).map(|entry| entry.dtype)
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.inner.entries.get(name)
    }

    pub(crate) fn bytes(&self, entry: &Entry) -> &[u8] {
        &self.inner.map[entry.bytes.clone()]
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint")
            .field("path", &self.inner.path)
            .field("tensors", &self.len())
            .finish()
    }
}
