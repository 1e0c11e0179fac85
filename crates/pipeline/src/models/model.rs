//! Which checkpoint a step uses.

use crate::error::Error;
use portrait_weights::{Checkpoint, Family, Manifest, Places, resolve};
use std::path::{Path, PathBuf};

/// Which checkpoint a step uses.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// What it is.
    pub manifest: Manifest,
    /// This very file instead of the one the manifest's places hold.
    pub file: Option<PathBuf>,
}

impl Model {
    /// A model of the built-in manifests.
    ///
    /// # Errors
    /// [`Error::Weights`] for an unknown id, naming the nearest and all known ones.
    pub fn find(id: &str) -> Result<Self, Error> {
        Ok(Self { manifest: Manifest::find(id)?, file: None })
    }

    /// A model by the id of a built-in manifest, or by a folder that holds a `manifest.toml` (and,
    /// beside it, the file where the manifest names no hub).
    ///
    /// # Errors
    /// [`Error::Weights`] as [`Self::find`], or when the folder's manifest cannot be read.
    pub fn named(id_or_folder: &str) -> Result<Self, Error> {
        let folder = Path::new(id_or_folder);
        if folder.components().count() > 1 || folder.join("manifest.toml").exists() {
            return Ok(Self { manifest: Manifest::load(folder)?, file: None });
        }
        Self::find(id_or_folder)
    }

    /// The same model from this file.
    #[must_use]
    pub fn from_file(self, file: impl Into<PathBuf>) -> Self {
        Self { file: Some(file.into()), ..self }
    }

    /// Finds the file, as [`resolve`] does, and opens it.
    ///
    /// # Errors
    /// [`Error::Weights`].
    pub async fn open(&self, places: &Places) -> Result<Checkpoint, Error> {
        let file = self.file.clone().or_else(|| places.file.clone());
        let places = Places { file, ..places.clone() };
        Ok(resolve(&self.manifest, &places).await?.open()?)
    }

    pub(crate) fn expect(&self, family: Family, step: &'static str) -> Result<(), Error> {
        if self.manifest.family == family {
            return Ok(());
        }
        Err(Error::Option {
            option: step,
            value: self.manifest.id.clone(),
            expected: format!(
                "a model of the family {family}; this one is of {}",
                self.manifest.family
            ),
        })
    }
}
