//! What a `manifest.toml` says about one checkpoint.

use std::fmt;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::digest::is_sha256;
use crate::error::{Error, Result};
use crate::memory::Memory;

/// One checkpoint: what it is, where it comes from, under which terms, and what its network needs to be built.
///
/// Read from TOML; an unknown key is an error everywhere but in `[architecture]`, which this crate hands on unread.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Manifest {
    /// The name users give, and the name of the folder under `models/`: lower-case letters, digits and `-`.
    pub id: String,
    /// Which network reads it.
    pub family: Family,
    /// One line for lists.
    pub summary: String,
    /// Its terms.
    pub licence: Licence,
    /// Where it can be downloaded; `None` for a file that lies beside the manifest.
    pub source: Option<Source>,
    /// The file beside the manifest, where there is no `source`.
    file: Option<PathBuf>,
    /// Element type of the weights in the file, where known.
    pub dtype: Option<FileDtype>,
    /// Exact size in bytes, where known; checked.
    pub size: Option<u64>,
    /// Size in megabytes (10⁶ bytes), for people; never checked.
    pub approximate_size_mb: Option<f64>,
    /// SHA-256 of the file in lower-case hex, where known; checked.
    pub sha256: Option<String>,
    /// Published or measured quality with its source, for people.
    pub quality: Option<String>,
    /// What it was trained on, for people.
    pub training_data: Option<String>,
    /// Size of the network's input.
    pub input: Input,
    /// The most memory that one run takes, where it was measured.
    #[serde(default)]
    pub memory: Memory,
    architecture: toml::Table,
    #[serde(skip)]
    folder: Option<PathBuf>,
}

/// The networks the workspace knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Family {
    /// Person detection.
    Yolov8,
    /// Segmentation.
    Birefnet,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yolov8 => "yolov8",
            Self::Birefnet => "birefnet",
        })
    }
}

/// Terms of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Licence {
    /// SPDX identifier.
    pub spdx: String,
    /// What somebody who uses the weights should know.
    pub notice: String,
}

/// A file in a repository of a Hugging Face hub.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Source {
    /// `owner/name`.
    pub repository: String,
    /// Branch, tag or commit; `None` takes `main`, whose files the owner may replace.
    pub revision: Option<String>,
    /// Path of the file in the repository, with `/`.
    pub file: String,
}

impl Source {
    /// The revision asked for: the pinned one, or `main`.
    pub fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or("main")
    }
}

/// Element type of the weights in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FileDtype {
    /// IEEE half precision.
    F16,
    /// bfloat16.
    Bf16,
    /// Single precision.
    F32,
}

impl fmt::Display for FileDtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
            Self::F32 => "F32",
        })
    }
}

/// Input size of a network in pixels; every side is a multiple of 32 and at most 4096.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Input {
    /// Width the checkpoint was trained for, or the default of a dynamic one.
    pub width: u32,
    /// Height the checkpoint was trained for, or the default of a dynamic one.
    pub height: u32,
    /// Smallest side of a checkpoint trained on many sizes.
    pub min_side: Option<u32>,
    /// Largest side of a checkpoint trained on many sizes.
    pub max_side: Option<u32>,
}

impl Input {
    /// Whether the checkpoint was trained on a range of sizes.
    pub fn is_dynamic(&self) -> bool {
        self.min_side.is_some() && self.max_side.is_some()
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}", self.width, self.height)?;
        match (self.min_side, self.max_side) {
            (Some(min), Some(max)) => write!(f, " (sides {min} to {max})"),
            _ => Ok(()),
        }
    }
}

impl Manifest {
    /// Reads a manifest from TOML text.
    ///
    /// # Errors
    /// [`Error::Manifest`] with the line, the key and the problem.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_at("manifest", text)
    }

    /// Reads `manifest.toml` in a folder; a file it names is looked for beside it first.
    ///
    /// # Errors
    /// [`Error::MissingFile`] and [`Error::Disk`] where it cannot be read, [`Error::Manifest`] where it is not valid.
    pub fn load(folder: impl AsRef<Path>) -> Result<Self> {
        let path = folder.as_ref().join("manifest.toml");
        let text = fs::read_to_string(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => Error::MissingFile { path: path.clone() },
            _ => Error::Disk { path: path.clone(), action: "read", source },
        })?;
        let mut manifest = Self::parse_at(&path.display().to_string(), &text)?;
        manifest.folder = Some(folder.as_ref().to_path_buf());
        Ok(manifest)
    }

    pub(crate) fn parse_at(place: &str, text: &str) -> Result<Self> {
        let invalid = |problem| Error::Manifest { place: place.into(), problem };
        let manifest: Self = toml::from_str(text).map_err(|e| invalid(one_line(&e, text)))?;
        manifest.check().map_err(invalid)?;
        Ok(manifest)
    }

    /// The `[architecture]` table as the type of the network that reads it.
    ///
    /// # Errors
    /// [`Error::Manifest`] where the table does not fit `T`.
    pub fn architecture<T: DeserializeOwned>(&self) -> Result<T> {
        self.architecture.clone().try_into().map_err(|e: toml::de::Error| Error::Manifest {
            place: self.id.clone(),
            problem: format!("[architecture]: {}", e.message()),
        })
    }

    /// Path of the file under the model's own folder.
    pub fn file(&self) -> &Path {
        match (&self.source, &self.file) {
            (Some(source), _) => Path::new(&source.file),
            (None, Some(file)) => file,
            (None, None) => Path::new(""), // Ruled out by `check`.
        }
    }

    /// The folder the manifest was loaded from; `None` for a built-in one.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    fn check(&self) -> std::result::Result<(), String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.id.is_empty() || !self.id.chars().all(plain) {
            return Err(format!("id `{}`: use lower-case letters, digits and `-`", self.id));
        }
        match (&self.source, &self.file) {
            (Some(_), Some(_)) => return Err("give either [source] or `file`, not both".into()),
            (None, None) => return Err("give either [source] or `file`".into()),
            (Some(source), None) => check_source(source)?,
            (None, Some(file)) => check_file(file)?,
        }
        if let Some(sha256) = &self.sha256
            && !is_sha256(sha256)
        {
            return Err(format!("sha256 `{sha256}`: give 64 lower-case hex digits"));
        }
        if self.approximate_size_mb.is_some_and(|mb| !(mb.is_finite() && mb > 0.0)) {
            return Err("approximate_size_mb must be above 0".into());
        }
        self.memory.check()?;
        self.input.check()
    }
}

/// The largest side of an input. Published networks take 2,560 at most, and memory grows with the
/// area: 65,536 would take tens of gigabytes.
const MAX_SIDE: u32 = 4096;

impl Input {
    fn check(&self) -> std::result::Result<(), String> {
        let sides = [Some(self.width), Some(self.height), self.min_side, self.max_side];
        if let Some(side) = sides.into_iter().flatten().find(|side| *side == 0 || side % 32 != 0) {
            return Err(format!("[input]: {side} is not a positive multiple of 32"));
        }
        if let Some(side) = sides.into_iter().flatten().find(|side| *side > MAX_SIDE) {
            return Err(format!("[input]: {side} is more than the {MAX_SIDE} pixels allowed"));
        }
        match (self.min_side, self.max_side) {
            (None, None) => Ok(()),
            (Some(min), Some(max))
                if [self.width, self.height].iter().all(|s| (min..=max).contains(s)) =>
            {
                Ok(())
            }
            (Some(_), Some(_)) => {
                Err("[input]: width and height must lie between min_side and max_side".into())
            }
            _ => Err("[input]: give both min_side and max_side, or neither".into()),
        }
    }
}

fn check_source(source: &Source) -> std::result::Result<(), String> {
    let name = |s: &str| {
        !s.is_empty()
            && !s.starts_with('.')
            && s.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    match source.repository.split_once('/') {
        Some((owner, repository)) if name(owner) && name(repository) => {}
        _ => {
            return Err(format!(
                "[source]: repository `{}` is not `owner/name`",
                source.repository
            ));
        }
    }
    if !source.revision().split('/').all(name) {
        return Err(format!("[source]: `{}` is not a revision", source.revision()));
    }
    check_file(Path::new(&source.file))
}

/// Paths from a manifest are joined to folders of ours, so they must stay inside them.
fn check_file(file: &Path) -> std::result::Result<(), String> {
    let inside = file.components().all(|c| matches!(c, Component::Normal(_)));
    if file.as_os_str().is_empty() || !inside {
        return Err(format!("file `{}` is not a plain relative path", file.display()));
    }
    Ok(())
}

/// toml prints a picture of several lines; errors here have one.
fn one_line(error: &toml::de::Error, text: &str) -> String {
    let message = error.message().lines().collect::<Vec<_>>().join(" ");
    match error.span() {
        Some(span) => {
            let before = text.get(..span.start).unwrap_or(text);
            format!("line {}: {message}", before.matches('\n').count() + 1)
        }
        None => message,
    }
}
