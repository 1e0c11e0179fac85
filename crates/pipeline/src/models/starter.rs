//! Which models run where nobody chose: larger ones if they are on this machine, else the starters.

use super::model::Model;
use crate::error::Error;
use portrait_weights::{Bundled, Family, HubPlace, Manifest, Places, resolve};
use std::path::PathBuf;

/// The small checkpoints that are part of the program.
///
/// Trained for this project; `models/` has a card for each. Empty without the feature
/// `starter-models`, which is on by default.
// Not a constant: each crate that names it would get its own copy.
pub static STARTER_MODELS: &[Bundled] = &[
    #[cfg(feature = "starter-models")]
    Bundled {
        id: "yolov8n-portrait",
        bytes: include_bytes!("../../../../models/yolov8n-portrait/model.safetensors"),
    },
    #[cfg(feature = "starter-models")]
    Bundled {
        id: "birefnet-nano",
        bytes: include_bytes!("../../../../models/birefnet-nano/model.safetensors"),
    },
];

/// The published models that detect persons, in the order in which they are preferred where none
/// is chosen: the quickest that is on this machine. The first is the one to fetch.
pub const DETECTION_MODELS: &[&str] = &["yolov8n", "yolov8s", "yolov8m", "yolov8l", "yolov8x"];

/// The published models that cut persons out, in the order in which they are preferred where none
/// is chosen. The first is the one to fetch.
pub const SEGMENTATION_MODELS: &[&str] =
    &["birefnet-lite", "birefnet-512x512", "birefnet-portrait", "birefnet"];

/// The same places, and the starters last unless others are bundled.
pub(crate) fn with_starters(places: Places) -> Places {
    match places.bundled {
        [] => Places { bundled: STARTER_MODELS, ..places },
        _ => places,
    }
}

/// The published models of a family.
fn published(family: Family) -> &'static [&'static str] {
    match family {
        Family::Yolov8 => DETECTION_MODELS,
        Family::Birefnet => SEGMENTATION_MODELS,
        _ => &[],
    }
}

impl Model {
    /// What a user asked for: the model of this name ([`Model::named`]), from this file; for a file
    /// without a name the first published model of the family. `None` where neither is given.
    ///
    /// # Errors
    /// As [`Model::named`].
    pub fn asked_for(
        family: Family,
        name: Option<&str>,
        file: Option<PathBuf>,
    ) -> Result<Option<Self>, Error> {
        let first = || published(family).first().copied().filter(|_| file.is_some());
        let Some(name) = name.or_else(first) else { return Ok(None) };
        Ok(Some(Self { file, ..Self::named(name)? }))
    }

    /// The model of a family where none is chosen: the first published one ([`DETECTION_MODELS`],
    /// [`SEGMENTATION_MODELS`]) that is in `places`, else the bundled one. Nothing is downloaded.
    /// Where nothing is there at all, the first published one, whose absence is then told.
    ///
    /// # Errors
    /// [`Error::Weights`] for a family that has no model at all.
    pub async fn preferred(family: Family, places: &Places) -> Result<Self, Error> {
        let hub = places.hub.as_ref().map(|hub| HubPlace { download: None, ..hub.clone() });
        let places = Places { hub, ..places.clone() };
        let bundled = Manifest::builtin().filter(|manifest| manifest.family == family);
        let bundled = bundled
            .map(|manifest| manifest.id)
            .find(|id| places.bundled.iter().any(|bundled| bundled.id == id));
        let names = published(family).iter().copied().chain(bundled.as_deref());
        for name in names {
            let model = Self::find(name)?;
            if resolve(&model.manifest, &places).await.is_ok() {
                return Ok(model);
            }
        }
        Self::find(published(family).first().copied().unwrap_or_default())
    }

    /// The published model to fetch for the same step.
    pub fn larger(&self) -> Option<&'static str> {
        published(self.manifest.family).first().copied()
    }

    /// This model, or the [`preferred`](Self::preferred) one where there is none.
    ///
    /// # Errors
    /// As [`preferred`](Self::preferred).
    pub async fn or_preferred(
        model: Option<Self>,
        family: Family,
        places: &Places,
    ) -> Result<Self, Error> {
        match model {
            Some(model) => Ok(model),
            None => Self::preferred(family, places).await,
        }
    }

    /// Whether it is one of the small models that are part of the program.
    pub fn is_starter(&self) -> bool {
        self.file.is_none() && STARTER_MODELS.iter().any(|model| model.id == self.manifest.id)
    }
}
