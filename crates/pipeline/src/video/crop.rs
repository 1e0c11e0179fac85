//! Persons with the background of the photo.

use super::portrait::Portrait;
use crate::detection::{Selection, pixels};
use crate::error::Error;
use crate::photo::Photo;
use crate::pipeline::Pipeline;
use crate::recipe::Recipe;
use crate::stage::Stage;
use image::{DynamicImage, imageops};

impl Pipeline {
    /// Cuts the selected persons out with their background: rectangles of the photo, `padding`
    /// pixels larger than the persons' boxes to each side, for videos that show the photo behind
    /// the person. No network runs.
    ///
    /// # Errors
    /// [`Error::Deleted`], [`Error::Closing`].
    pub async fn crop(
        &self,
        photo: &Photo,
        selection: &Selection,
        padding: u32,
    ) -> Result<Vec<Portrait>, Error> {
        let this = self.admit()?;
        let image = photo.image().clone();
        let persons: Vec<_> = selection.wanted().copied().collect();
        let crop = move || {
            let (width, height) = image.dimensions();
            let one = |person: &portrait_detection::Detection| {
                let person_id = person.person_id;
                let inner = pixels(person.bbox);
                let (x, y) = (inner.x.saturating_sub(padding), inner.y.saturating_sub(padding));
                let right = inner.x.saturating_add(inner.width).saturating_add(padding);
                let bottom = inner.y.saturating_add(inner.height).saturating_add(padding);
                let (x, y) = (x.min(width - 1), y.min(height - 1));
                let (wide, high) = (right.min(width) - x, bottom.min(height) - y);
                let part = imageops::crop_imm(&*image, x, y, wide.max(1), high.max(1)).to_image();
                let picture = DynamicImage::from(part).into_rgba8();
                Portrait::made_by(person_id, picture, Recipe::of_crop(inner, padding).id)
            };
            persons.iter().map(one).collect()
        };
        let flow = this.context.flow_of(photo.id());
        let work = this.inner.cores.run(&flow, Stage::Segmentation, crop);
        this.while_wanted(photo.id(), work).await
    }
}
