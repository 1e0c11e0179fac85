//! The whole picture without its background.

use super::call::Call;
use super::person::WholeCutOut;
use crate::detection::Wanted;
use crate::error::Error;
use crate::photo::Photo;
use crate::pipeline::Pipeline;
use portrait_detection::{BoundingBox, Detection};
use portrait_segmentation::CutOutOptions;
use portrait_storage::{Artifact, Key, Origin, PhotoId};

impl Pipeline {
    /// Removes the background of the whole picture: whatever the model takes for the foreground
    /// stays, persons or not. `options.padding` does not count.
    ///
    /// # Errors
    /// Those of [`cut_out`](Self::cut_out), for all and for one person.
    pub async fn remove_background(
        &self,
        photo: &Photo,
        options: &CutOutOptions,
    ) -> Result<WholeCutOut, Error> {
        let this = self.admit()?;
        let work = async {
            let options = &CutOutOptions { padding: 0, ..*options };
            options.check()?;
            let load = this.inner.engine.segmentation().open(&this.context.progress).await?;
            let model = &load.stamp().await?;
            let (width, height) = photo.image().dimensions();
            let bbox = BoundingBox { x1: 0.0, y1: 0.0, x2: width as f32, y2: height as f32 };
            let person = Detection { person_id: 0, bbox, confidence: 1.0, class: 0 };
            let whole = [Wanted { person, others: Vec::new() }];
            let call = Call { pipeline: &this, photo, load, model, options, whole: true };
            let mut cut = call.cut(&whole).await;
            let cut = match cut.pop() {
                Some(cut) => cut.result?,
                None => return Err(Error::Closing),
            };
            Ok(WholeCutOut {
                cut_out: cut.cut_out,
                png: cut.png,
                recipe: cut.recipe,
                key: None,
                model: cut.model,
                device: cut.device,
                ms: cut.ms,
                warnings: cut.warnings,
            })
        };
        this.while_wanted(photo.id(), work).await
    }

    /// Keeps a whole picture without background with its photo.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::Deleted`].
    pub async fn keep_whole(
        &self,
        photo: PhotoId,
        cut_out: &mut WholeCutOut,
    ) -> Result<Key, Error> {
        let this = self.admit()?;
        let about = this.description(Origin::CutOut, None);
        let artifact = Artifact::WholeCutOut { photo, recipe: cut_out.recipe };
        let put = this.put(artifact, cut_out.png.clone(), &about);
        let key = this.while_wanted(photo, put).await?;
        cut_out.key = Some(key);
        Ok(key)
    }
}
