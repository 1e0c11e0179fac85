//! Who talks: a picture of one person.

use crate::cut_out::PersonCutOut;
use crate::recipe::Recipe;
use image::RgbaImage;
use portrait_segmentation::CutOut;
use portrait_storage::RecipeId;
use std::sync::Arc;

/// A person who is to talk: a picture, with or without transparency, and what tells it from other
/// pictures of the same person. Clones share the pixels.
///
/// Made of a [`PersonCutOut`], of a stored cut-out
/// ([`Pipeline::portrait`](crate::Pipeline::portrait)) or of any picture ([`Portrait::new`]).
#[derive(Debug, Clone)]
pub struct Portrait {
    pub(crate) person_id: usize,
    pub(crate) picture: Picture,
    pub(crate) recipe: RecipeId,
}

#[derive(Debug, Clone)]
pub(crate) enum Picture {
    CutOut(Arc<CutOut>),
    Plain(Arc<RgbaImage>),
}

impl Picture {
    pub(crate) fn pixels(&self) -> &RgbaImage {
        match self {
            Self::CutOut(cut_out) => &cut_out.image,
            Self::Plain(picture) => picture,
        }
    }
}

impl Portrait {
    /// Any picture of a person, RGBA with straight alpha. `person_id` tells the persons of one
    /// photo apart. The same pixels are the same portrait.
    pub fn new(person_id: usize, picture: impl Into<Arc<RgbaImage>>) -> Self {
        let picture = picture.into();
        let recipe = Recipe::of_picture(&picture).id;
        Self { person_id, picture: Picture::Plain(picture), recipe }
    }

    pub(crate) fn made_by(person_id: usize, picture: RgbaImage, recipe: RecipeId) -> Self {
        Self { person_id, picture: Picture::Plain(Arc::new(picture)), recipe }
    }

    /// The person.
    pub fn person_id(&self) -> usize {
        self.person_id
    }

    /// How the picture was made.
    pub fn recipe(&self) -> RecipeId {
        self.recipe
    }

    /// The picture.
    pub fn picture(&self) -> &RgbaImage {
        self.picture.pixels()
    }
}

impl From<&PersonCutOut> for Portrait {
    fn from(cut_out: &PersonCutOut) -> Self {
        Self {
            person_id: cut_out.person.person_id,
            picture: Picture::CutOut(cut_out.cut_out.clone()),
            recipe: cut_out.recipe,
        }
    }
}

impl From<&Portrait> for Portrait {
    fn from(portrait: &Portrait) -> Self {
        portrait.clone()
    }
}
