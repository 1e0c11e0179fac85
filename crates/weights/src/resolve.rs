//! From a manifest to a file on this machine.

use std::path::{Path, PathBuf};

use crate::bundled::Bundled;
use crate::cache::{RepositoryCache, standard_hub_cache};
use crate::checkpoint::Checkpoint;
use crate::download::download;
use crate::error::{Error, LookedAt, Result};
use crate::manifest::Manifest;
use crate::settings::Download;

/// Where to look for a checkpoint, and whether it may be downloaded. Looks nowhere by default.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// This very file, whatever the manifest says about size and digest. Nothing else is looked at.
    pub file: Option<PathBuf>,
    /// A folder with a folder per model: `<models>/<id>/<file>`.
    pub models: Option<PathBuf>,
    /// A hub cache, see [`default_hub_cache`](crate::default_hub_cache).
    pub hub: Option<HubPlace>,
    /// Checkpoints that are part of the program; looked at last.
    pub bundled: &'static [Bundled],
}

impl Places {
    /// Where a published model is found without any configuration: in this user's hub cache, the
    /// one that Hugging Face's own programs fill. Never downloads.
    ///
    /// The cache is `.cache/huggingface/hub` in the home folder. It looks nowhere where there is
    /// no home folder. A program whose user moved the cache by a variable such as `HF_HOME` takes
    /// the folder from [`default_hub_cache`](crate::default_hub_cache).
    pub fn of_this_machine() -> Self {
        let hub = standard_hub_cache().map(|cache| HubPlace { cache, download: None });
        Self { hub, ..Self::default() }
    }
}

/// A hub cache, and how to fill it.
#[derive(Debug, Clone)]
pub struct HubPlace {
    /// The cache folder, in the layout of Hugging Face's own programs.
    pub cache: PathBuf,
    /// How to download what is not there; `None` never touches the network.
    pub download: Option<Download>,
}

/// A checkpoint's file, and how it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolved {
    /// The file, not opened yet; of a bundled checkpoint a name in angle brackets.
    pub path: PathBuf,
    /// How it was found.
    pub origin: Origin,
    bundled: Option<Bundled>,
}

impl Resolved {
    fn file(path: PathBuf, origin: Origin) -> Self {
        Self { path, origin, bundled: None }
    }

    /// Opens and checks it.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn open(&self) -> Result<Checkpoint> {
        match &self.bundled {
            Some(bundled) => Checkpoint::bundled(bundled),
            None => Checkpoint::open(&self.path),
        }
    }
}

/// How a file was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// It was named.
    File,
    /// In a models folder, or beside the manifest.
    Models,
    /// In a hub cache.
    Cache,
    /// Downloaded just now.
    Downloaded,
    /// Part of the program.
    Bundled,
}

/// Finds the file of a manifest: the named file, else the models folder, else the hub cache, else the hub, else the bundled ones.
///
/// A file that has not the size the manifest states is passed over, and one in the hub cache also where it is not whole. Must run on a tokio runtime where downloading is
/// allowed; dropping the future stops a download, and the next call goes on from there.
///
/// # Errors
/// [`Error::MissingFile`] for a named file that is not there; [`Error::NotFound`] with every place looked at and the command
/// that fetches the file; where downloading is allowed, the errors of the hub ([`Error::HubNotFound`],
/// [`Error::HubRefused`], [`Error::HubRateLimited`], [`Error::HubFailed`], [`Error::HubAnswer`], [`Error::Network`]), of the
/// disk, and of the downloaded file ([`Error::WrongSize`], [`Error::WrongSha256`] and those of
/// [`Checkpoint::open`](crate::Checkpoint::open)).
pub async fn resolve(manifest: &Manifest, places: &Places) -> Result<Resolved> {
    if let Some(file) = &places.file {
        if !file.exists() {
            return Err(Error::MissingFile { path: file.clone() });
        }
        return Ok(Resolved::file(file.clone(), Origin::File));
    }

    let mut looked_at = Vec::new();
    let beside = manifest.folder().map(Path::to_path_buf);
    let models = places.models.as_ref().map(|models| models.join(&manifest.id));
    for folder in beside.into_iter().chain(models) {
        let path = folder.join(manifest.file());
        match reason_against(&path, manifest.size) {
            None => return Ok(Resolved::file(path, Origin::Models)),
            Some(reason) => looked_at.push(LookedAt { path, reason }),
        }
    }
    if let (Some(source), Some(hub)) = (&manifest.source, &places.hub) {
        let cache = RepositoryCache::new(&hub.cache, source);
        let path = cache.expected(source);
        // Other programs write here as well: what they left unfinished is no find.
        let unfinished = || {
            let error = Checkpoint::open(&path).err()?.to_string();
            Some(error.replacen(&format!("{}: ", path.display()), "", 1))
        };
        match reason_against(&path, manifest.size).or_else(unfinished) {
            None => return Ok(Resolved::file(path, Origin::Cache)),
            Some(reason) => looked_at.push(LookedAt { path, reason }),
        }
        if let Some(settings) = &hub.download {
            let path = download(manifest, source, &cache, settings).await?;
            return Ok(Resolved::file(path, Origin::Downloaded));
        }
    }
    if let Some(bundled) = places.bundled.iter().find(|bundled| bundled.id == manifest.id) {
        let (path, origin) = (bundled.shown(), Origin::Bundled);
        return Ok(Resolved { path, origin, bundled: Some(*bundled) });
    }
    let fetch = manifest.source.is_some().then(|| format!("portrait models fetch {}", manifest.id));
    Err(Error::NotFound { id: manifest.id.clone(), looked_at, fetch })
}

/// Why a file does not serve.
fn reason_against(path: &Path, size: Option<u64>) -> Option<String> {
    match std::fs::metadata(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Some("missing".into()),
        Err(e) => Some(e.to_string()),
        Ok(metadata) if !metadata.is_file() => Some("not a file".into()),
        Ok(metadata) => match size {
            Some(size) if size != metadata.len() => {
                Some(format!("{} bytes instead of {size}", metadata.len()))
            }
            _ => None,
        },
    }
}
