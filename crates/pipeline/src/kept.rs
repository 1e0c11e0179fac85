//! What is kept of a photo, and taken up again by its id.

use crate::cut_out::PersonCutOut;
use crate::detection::Detections;
use crate::error::Error;
use crate::photo::{Photo, PhotoLimits};
use crate::picture::{encode_jpeg, thumbnail};
use crate::pipeline::Pipeline;
use crate::stage::Stage;
use crate::video::Portrait;
use bytes::Bytes;
use portrait_storage::{Artifact, Description, Key, Meta, Origin, PhotoId, RecipeId};
use serde_json::Value;

/// Pixels of the longer side of a person's thumbnail.
const THUMBNAIL: u32 = 256;

/// A cut-out that lies in the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredCutOut {
    /// The person.
    pub person_id: usize,
    /// How it was made; `None` for one that a former version kept.
    pub recipe: Option<RecipeId>,
    /// Key, size and time.
    pub meta: Meta,
}

impl Pipeline {
    /// Keeps the file of a photo in the storage, under the photo's id.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Deleted`], [`Error::Closing`].
    pub async fn keep(&self, photo: &Photo) -> Result<Key, Error> {
        let this = self.admit()?;
        let id = photo.id();
        let work = async {
            this.not_deleted(id).await?;
            let about = this.description(Origin::Uploaded, None);
            let artifact = Artifact::Upload { photo: id };
            this.put(artifact, photo.bytes().clone(), &about).await
        };
        this.while_wanted(id, work).await
    }

    /// [`Photo::decode_within`] on the bounded threads of the cores, beside the async runtime.
    ///
    /// # Errors
    /// [`Error::Photo`], [`Error::Closing`].
    pub async fn decode(
        &self,
        bytes: impl Into<Bytes>,
        limits: &PhotoLimits,
    ) -> Result<Photo, Error> {
        let this = self.admit()?;
        let (bytes, limits) = (bytes.into(), *limits);
        let flow = this.context.flow_or(Stage::Photo.as_str());
        let decode = move || Photo::decode_within(bytes, &limits);
        this.inner.cores.run(&flow, Stage::Photo, decode).await?
    }

    /// A photo that was [kept](Self::keep), decoded anew.
    ///
    /// # Errors
    /// [`Error::PhotoNotFound`], [`Error::Photo`], [`Error::Storage`], [`Error::Deleted`].
    pub async fn photo(&self, id: PhotoId) -> Result<Photo, Error> {
        let this = self.admit()?;
        let work = async {
            let found = this.storage().find(Artifact::Upload { photo: id }).await?;
            let meta = found.ok_or(Error::PhotoNotFound { photo: id })?;
            let bytes = this.storage().get(meta.key).await?;
            let flow = this.context.flow_of(id);
            // It was within limits of its own when it was kept.
            let limits = PhotoLimits { max_bytes: usize::MAX, min_side: 1, max_side: 1 << 14 };
            let decode = move || Photo::decode_within(bytes, &limits);
            Ok(this.inner.cores.run(&flow, Stage::Photo, decode).await??.with_id(id))
        };
        this.while_wanted(id, work).await
    }

    /// Keeps who was found in a photo, and a thumbnail of each person, with the photo.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Deleted`], [`Error::Encode`].
    pub async fn keep_detections(
        &self,
        photo: &Photo,
        detections: &Detections,
    ) -> Result<Key, Error> {
        let this = self.admit()?;
        let id = photo.id();
        let recipe = detections.recipe;
        let work = async {
            let image = photo.image().clone();
            let persons = detections.persons.clone();
            let thumbnails = move || {
                let small = |person: &portrait_detection::Detection| {
                    let jpeg = encode_jpeg(&thumbnail(&image, person.bbox, THUMBNAIL), 85)?;
                    Ok::<_, Error>((person.person_id as u32, jpeg))
                };
                persons.iter().map(small).collect::<Result<Vec<_>, _>>()
            };
            let flow = this.context.flow_of(id);
            let thumbnails = this.inner.cores.run(&flow, Stage::Detection, thumbnails).await??;
            let about = this.description(Origin::Detected, detections.made.as_ref());
            for (person, jpeg) in thumbnails {
                let artifact = Artifact::Person { photo: id, person, recipe: Some(recipe) };
                this.put(artifact, jpeg, &about).await?;
            }
            let json = serde_json::to_vec(detections)
                .map_err(|error| Error::encode("the detections", error))?;
            let artifact = Artifact::Detections { photo: id, recipe };
            this.put(artifact, Bytes::from(json), &about).await
        };
        this.while_wanted(id, work).await
    }

    /// Who was found in a photo, as it was [kept](Self::keep_detections) last; `None` when nothing
    /// was.
    ///
    /// # Errors
    /// [`Error::Storage`]; [`Error::Record`] for a record that this version cannot read.
    pub async fn detections(&self, photo: PhotoId) -> Result<Option<Detections>, Error> {
        let this = self.admit()?;
        let kept = this.storage().list_photo(photo).await?;
        let latest = kept
            .into_iter()
            .filter(|meta| matches!(meta.key.artifact(), Artifact::Detections { .. }))
            .max_by_key(|meta| meta.stored_at);
        let Some(Meta { key, .. }) = latest else { return Ok(None) };
        let bytes = this.storage().get(key).await?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| Error::record(key, error))
    }

    /// Keeps a cut-out with its photo, beside those that other recipes made.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Deleted`].
    pub async fn keep_cut_out(
        &self,
        photo: PhotoId,
        cut_out: &mut PersonCutOut,
    ) -> Result<Key, Error> {
        let this = self.admit()?;
        let (person, recipe) = (cut_out.person.person_id as u32, Some(cut_out.recipe));
        let about = this.description(Origin::CutOut, Some(&cut_out.made));
        let artifact = Artifact::CutOut { photo, person, recipe };
        let put = this.put(artifact, cut_out.png.clone(), &about);
        let key = this.while_wanted(photo, put).await?;
        cut_out.key = Some(key);
        Ok(key)
    }

    /// The cut-outs that are kept of a photo, by person and, of each, the latest last.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn cut_outs(&self, photo: PhotoId) -> Result<Vec<StoredCutOut>, Error> {
        let this = self.admit()?;
        let kept = this.storage().list_photo(photo).await?;
        let mut cut_outs: Vec<_> = kept
            .into_iter()
            .filter_map(|meta| match meta.key.artifact() {
                Artifact::CutOut { person, recipe, .. } => {
                    Some(StoredCutOut { person_id: person as usize, recipe, meta })
                }
                _ => None,
            })
            .collect();
        cut_outs.sort_by_key(|cut_out| (cut_out.person_id, cut_out.meta.stored_at));
        Ok(cut_outs)
    }

    /// A stored cut-out as a portrait, for [`animate`](Self::animate).
    ///
    /// # Errors
    /// [`Error::Option`] for a key of something else; [`Error::Storage`]; [`Error::Photo`] for a
    /// file that cannot be decoded.
    pub async fn portrait(&self, key: Key) -> Result<Portrait, Error> {
        let this = self.admit()?;
        let Artifact::CutOut { photo, person, recipe } = key.artifact() else {
            return Err(Error::Option {
                option: "key",
                value: key.to_string(),
                expected: "the key of a cut-out".into(),
            });
        };
        let work = async {
            let png = this.storage().get(key).await?;
            let decode = move || {
                let picture = image::load_from_memory(&png).map_err(|error| {
                    Error::from(crate::photo::PhotoError::Damaged(error.to_string()))
                })?;
                let (person, picture) = (person as usize, picture.into_rgba8());
                Ok::<_, Error>(match recipe {
                    Some(recipe) => Portrait::made_by(person, picture, recipe),
                    None => Portrait::new(person, picture),
                })
            };
            let flow = this.context.flow_of(photo);
            this.inner.cores.run(&flow, Stage::Photo, decode).await?
        };
        this.while_wanted(photo, work).await
    }

    /// Keeps content with its description. Where only the description cannot be kept, the content
    /// counts: it may have been paid for.
    pub(crate) async fn put(
        &self,
        artifact: Artifact,
        content: Bytes,
        about: &Description,
    ) -> Result<Key, Error> {
        match self.storage().put_described(artifact, content, about).await {
            Ok(stored) => Ok(stored.key),
            Err(portrait_storage::Error::NotDescribed { key, .. }) => {
                tracing::warn!(%key, "it is kept without its description");
                Ok(key)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What is written beside an artifact of this caller.
    pub(crate) fn description(&self, origin: Origin, recipe: Option<&Value>) -> Description {
        let mut about = Description::new(origin);
        about.owner = self.context.owner.as_deref().map(str::to_owned);
        about.recipe = recipe.cloned();
        about
    }
}
