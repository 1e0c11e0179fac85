//! Orders that were cut short.

use super::animate::counted;
use super::job::Job;
use super::order::OrderId;
use super::video::Video;
use crate::cut_out::PersonResult;
use crate::error::Error;
use crate::pipeline::Pipeline;
use crate::stage::Stage;
use futures::TryStreamExt;
use portrait_d_id::WaitOptions;
use portrait_storage::{Artifact, Folder, Key, PhotoId};
use std::collections::{BTreeSet, HashSet};

impl Pipeline {
    /// Finishes what was ordered of a photo and has no video yet: for a program that was stopped.
    /// Orders nothing new, so it needs neither portraits nor message.
    ///
    /// Orders that turn out never to have reached D-ID are forgotten, and not in the result.
    ///
    /// # Errors
    /// [`Error::NotConfigured`] without a D-ID client, [`Error::Storage`] when the records cannot
    /// be listed, [`Error::Deleted`]. What concerns one order is in its person's result.
    pub async fn resume(
        &self,
        photo: PhotoId,
        wait: &WaitOptions,
    ) -> Result<Vec<PersonResult<Video>>, Error> {
        let this = self.admit()?;
        this.while_wanted(photo, this.resume_admitted(photo, wait)).await
    }

    async fn resume_admitted(
        &self,
        photo: PhotoId,
        wait: &WaitOptions,
    ) -> Result<Vec<PersonResult<Video>>, Error> {
        let client = self.d_id()?;
        self.not_deleted(photo).await?;
        let _hold = self.storage().hold(photo).await;
        let flow = &self.context.flow_of(photo);
        let keys = self.storage().list_photo(photo).await?;
        let jobs: Vec<_> = unfinished(keys.iter().map(|meta| meta.key))
            .into_iter()
            .map(|id| async move {
                let _permit = self.inner.talks.acquire(flow).await;
                let job = Job { pipeline: self, client, wait, id };
                let limit = self.inner.timeouts.video;
                let video = self.in_time(Stage::Video, limit, job.resume()).await;
                Some(PersonResult::new(id.person as usize, video.transpose()?))
            })
            .collect();
        Ok(counted(jobs, &self.context.progress).await.into_iter().flatten().collect())
    }

    /// The photos with orders that [`resume`](Self::resume) would finish.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn unfinished(&self) -> Result<Vec<PhotoId>, Error> {
        let keys: Vec<Key> =
            self.storage().list(Folder::DIdVideos).map_ok(|meta| meta.key).try_collect().await?;
        let photos: BTreeSet<_> = unfinished(keys).into_iter().map(|id| id.photo).collect();
        Ok(photos.into_iter().collect())
    }
}

/// The orders among these keys that have no video.
fn unfinished(keys: impl IntoIterator<Item = Key>) -> Vec<OrderId> {
    let (mut orders, mut kept) = (Vec::new(), HashSet::new());
    for key in keys {
        orders.extend(OrderId::of_record(key));
        kept.insert(key.artifact());
    }
    orders.retain(|id| {
        let deletion = Artifact::Deletion { photo: id.photo };
        !kept.contains(&id.video_artifact()) && !kept.contains(&deletion)
    });
    orders
}
