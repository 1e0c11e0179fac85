//! What D-ID must have before a talk can be ordered: the picture, and the sound.

use super::job::Job;
use super::order::Order;
use super::script::Scripts;
use crate::error::Error;
use crate::stage::Stage;
use bytes::Bytes;
use futures::FutureExt;
use portrait_d_id::{self as d_id, AudioId, ImageUpload, Script, UploadedImage};

impl Job<'_> {
    /// Uploads the picture and records its id, so that it can be deleted. Both are done to the end
    /// when the caller is dropped meanwhile; a deletion of the photo waits for that.
    pub(super) async fn upload(
        &self,
        order: &mut Order,
        picture: Bytes,
    ) -> Result<UploadedImage, Error> {
        let work = self.pipeline.inner.deletions.work_on(self.id.photo)?;
        let (client, storage, id) = (self.client.clone(), self.storage().clone(), self.id);
        let mut recorded = order.clone();
        let upload = tokio::spawn(async move {
            let _work = work;
            let mut upload = ImageUpload::new(picture);
            upload.file_name = Some(format!("{}.jpg", id.video));
            let uploaded = client.images().upload(upload).await?;
            recorded.images.extend(uploaded.id.clone());
            recorded.save(&storage, id).await?;
            Ok::<_, Error>((uploaded, recorded))
        });
        let uploaded = upload.await.map_err(|error| Error::unexpected(Stage::Talk, error))?;
        let (uploaded, recorded) = uploaded?;
        *order = recorded;
        Ok(uploaded)
    }

    /// What the person says; a sound is uploaded for it where none was, and its id recorded.
    pub(super) async fn script(
        &self,
        order: &mut Order,
        scripts: &Scripts<'_>,
    ) -> Result<Script, Error> {
        let (storage, id) = (self.storage().clone(), self.id);
        let work = || self.pipeline.inner.deletions.work_on(id.photo);
        let mut recorded = order.clone();
        let record = move |audio: Option<AudioId>| {
            recorded.audios.extend(audio);
            async move { recorded.save(&storage, id).await }.boxed()
        };
        let (script, audio) = scripts.script(self.client, work, record).await?;
        order.audios.extend(audio);
        Ok(script)
    }

    /// Forgets an order that came to nothing, and its picture at D-ID.
    pub(super) async fn forget(&self, order: &Order) -> Result<(), Error> {
        for image in &order.images {
            match self.client.images().delete(image).await {
                Ok(()) | Err(d_id::Error::NotFound { .. }) => {}
                Err(error) => tracing::debug!(%error, "a picture stays until D-ID removes it"),
            }
        }
        Order::forget(self.storage(), self.id).await
    }
}
