//! The second step: selected persons on a transparent background.

use super::call::Call;
use super::person::{PersonCutOut, PersonResult};
use crate::detection::{Selection, Wanted, pixels};
use crate::error::Error;
use crate::photo::Photo;
use crate::pipeline::Pipeline;
use crate::recipe::Recipe;
use futures::{StreamExt, stream};
use portrait_segmentation::CutOutOptions;
use portrait_storage::RecipeId;

/// Persons of one photo that are in work at once, one on the device and others before and after it;
/// but at least two runs of those that go together.
const AT_ONCE: usize = 3;

impl Pipeline {
    /// Cuts the selected persons out, each on its own picture.
    ///
    /// Persons are worked on side by side, and in runs of several where
    /// [`Batching::persons`](crate::Batching::persons) says so; one that fails does not disturb the
    /// others.
    ///
    /// # Errors
    /// [`Error::Segmentation`] for options out of range, [`Error::Weights`] when the model is
    /// missing or wrong, [`Error::Deleted`]. What concerns one person is in that person's result.
    pub async fn cut_out(
        &self,
        photo: &Photo,
        selection: &Selection,
        options: &CutOutOptions,
    ) -> Result<Vec<PersonResult<PersonCutOut>>, Error> {
        let this = self.admit()?;
        let work = this.cut_out_admitted(photo, selection, options);
        this.while_wanted(photo.id(), work).await
    }

    async fn cut_out_admitted(
        &self,
        photo: &Photo,
        selection: &Selection,
        options: &CutOutOptions,
    ) -> Result<Vec<PersonResult<PersonCutOut>>, Error> {
        options.check()?;
        let engine = &self.inner.engine;
        let load = engine.segmentation().open(&self.context.progress).await?;
        let model = &load.stamp().await?;
        let together = engine.persons_together();
        let wanted: Vec<Wanted> =
            selection.wanted().map(|person| selection.apart(person)).collect();
        let call = Call { pipeline: self, photo, load, model, options, whole: false };
        let groups: Vec<_> = wanted.chunks(together).map(|group| call.cut(group)).collect();
        let at_once = AT_ONCE.div_ceil(together).max(2);
        let results: Vec<_> = stream::iter(groups).buffered(at_once).collect().await;
        let mut results: Vec<_> = results.into_iter().flatten().collect();
        // A wrong checkpoint concerns everybody.
        let wrong = |person: &PersonResult<_>| matches!(person.result, Err(Error::Weights(_)));
        if let Some(index) = results.iter().position(wrong) {
            results.swap_remove(index).result?;
        }
        Ok(results)
    }

    /// How the cut-outs of these persons will be made, before they are.
    pub(crate) async fn cut_out_recipes(
        &self,
        selection: &Selection,
        options: &CutOutOptions,
    ) -> Result<Vec<(usize, RecipeId)>, Error> {
        let load = self.inner.engine.segmentation().open(&self.context.progress).await?;
        let model = load.stamp().await?;
        let recipe = |person| {
            let Wanted { person, others } = selection.apart(person);
            let recipe = Recipe::of_cut_out(&model, pixels(person.bbox), &others, options)?;
            Ok((person.person_id, recipe.id))
        };
        selection.wanted().map(recipe).collect()
    }
}
