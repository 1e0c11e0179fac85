//! The manifests that are part of the crate: every folder under `models/`.

use crate::error::{Error, Result};
use crate::manifest::Manifest;

macro_rules! manifests {
    ($($id:literal),* $(,)?) => {
        &[$(($id, include_str!(concat!("../../../models/", $id, "/manifest.toml")))),*]
    };
}

const BUILTIN: &[(&str, &str)] = manifests![
    "yolov8n-portrait",
    "yolov8n",
    "yolov8s",
    "yolov8m",
    "yolov8l",
    "yolov8x",
    "birefnet-nano",
    "birefnet",
    "birefnet-lite",
    "birefnet-portrait",
    "birefnet-matting",
    "birefnet-hr",
    "birefnet-hr-matting",
    "birefnet-dynamic",
    "birefnet-512x512",
    "birefnet-lite-2k",
    "birefnet-lite-matting",
];

impl Manifest {
    /// Every built-in manifest, detectors first.
    pub fn builtin() -> impl Iterator<Item = Self> {
        BUILTIN.iter().map(|(id, text)| parse(id, text))
    }

    /// The built-in manifest with this id.
    ///
    /// # Errors
    /// [`Error::UnknownModel`], which lists the known ids and suggests the nearest.
    pub fn find(id: &str) -> Result<Self> {
        match BUILTIN.iter().find(|(known, _)| *known == id) {
            Some((id, text)) => Ok(parse(id, text)),
            None => Err(Error::UnknownModel {
                id: id.into(),
                nearest: nearest(id),
                known: BUILTIN.iter().map(|(id, _)| (*id).into()).collect(),
            }),
        }
    }
}

fn parse(id: &str, text: &str) -> Manifest {
    Manifest::parse_at(id, text).expect("built-in manifests are valid: a test parses each")
}

/// The known id with the fewest edits, if it is near enough to be meant.
fn nearest(id: &str) -> Option<String> {
    let id = id.to_ascii_lowercase().replace(['_', ' '], "-");
    let (distance, known) = BUILTIN.iter().map(|(known, _)| (edits(&id, known), *known)).min()?;
    (distance <= (id.len() / 3).max(1)).then(|| known.into())
}

/// Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
