//! The third step: cut-outs that talk, by D-ID.

use crate::catalogue::Warning;
use crate::cut_out::{PersonCutOut, PersonResult};
use crate::identity::Identity;
use crate::message::{Message, PreparedMessage};
use crate::order::OrderId;
use crate::pipeline::{Pipeline, within};
use crate::progress::{Progress, Stage, Step};
use crate::saying::Saying;
use crate::script::Scripts;
use crate::talk::Job;
use crate::{Error, PhotoId};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use portrait_d_id::{Client, WaitOptions};
use portrait_storage::{Artifact, Folder, Key};
use serde::Serialize;
use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Talks of one request that are in work at once.
const AT_ONCE: usize = 4;

/// A finished talk.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Video {
    /// D-ID's id of the talk; empty for a video whose record is gone.
    pub talk_id: String,
    /// Where the video is kept in the pipeline's storage.
    #[serde(serialize_with = "as_text")]
    pub key: Key,
    /// Its size.
    pub bytes: u64,
    /// Its length in seconds, where D-ID says so.
    pub seconds: Option<f64>,
    /// What to look at.
    pub warnings: Vec<Warning>,
}

fn as_text<S: serde::Serializer>(key: &Key, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(key)
}

impl Pipeline {
    /// Makes a talking video of each cut-out, several at a time. Costs D-ID credits for each.
    ///
    /// Each video is paid for once. Every picture has an address of its own, by which a talk whose
    /// order got no answer is looked for before anything is ordered again; and what was ordered is
    /// on record in the storage before it is sent. So a request that was cut short, by an error, a
    /// dropped future or a crash, can be repeated: it goes on where it was, and a video that is
    /// there is returned (see [`Message::take`]). [`resume`](Self::resume) does so without the
    /// cut-outs. One process at a time may work on the orders of a photo.
    ///
    /// Videos are downloaded into the storage at once, since D-ID's links expire. Each person's
    /// has the time of [`Timeouts::video`](crate::Timeouts::video).
    ///
    /// # Errors
    /// [`Error::NotConfigured`] without a D-ID client; those of
    /// [`prepare_message`](Self::prepare_message), unless some of it was ordered before: then they
    /// are in the results of those who still need the message. What concerns one person is in that
    /// person's result.
    pub async fn animate(
        &self,
        photo: PhotoId,
        cut_outs: &[PersonCutOut],
        message: &Message,
        progress: &Progress,
    ) -> Result<Vec<PersonResult<Video>>, Error> {
        let this = &self.admit()?;
        this.d_id()?;
        let identified = this.identified(message).await?;
        let saying = Saying::new(this, message, identified, progress);
        let persons = cut_outs.iter().map(|cut_out| cut_out.person.person_id);
        if this.nothing_ordered(photo, persons, &saying.identity).await {
            saying.said().await?;
        }
        this.say(photo, cut_outs, saying, progress).await
    }

    /// The same with a message that is ready: once made, it can be said by many.
    ///
    /// # Errors
    /// [`Error::NotConfigured`] without a D-ID client. What concerns one person is in that
    /// person's result.
    pub async fn animate_prepared(
        &self,
        photo: PhotoId,
        cut_outs: &[PersonCutOut],
        message: &PreparedMessage,
        progress: &Progress,
    ) -> Result<Vec<PersonResult<Video>>, Error> {
        self.admit()?.say(photo, cut_outs, Saying::ready(message), progress).await
    }

    /// Whether it is known that none of these persons has a video or an order of this message: then
    /// what is wrong with the message is wrong for all.
    pub(crate) async fn nothing_ordered(
        &self,
        photo: PhotoId,
        persons: impl Iterator<Item = usize>,
        message: &Identity,
    ) -> bool {
        let order = |person| OrderId::of(photo, person as u32, message).map(|id| id.video);
        let Ok(wanted) = persons.map(order).collect::<Result<HashSet<_>, _>>() else {
            return false;
        };
        // A storage that fails is told of each person's order.
        let Ok(kept) = self.storage().list_photo(photo).await else { return false };
        !kept.iter().any(|meta| match meta.key.artifact() {
            Artifact::Order { video, .. } | Artifact::Video { video, .. } => {
                wanted.contains(&video)
            }
            _ => false,
        })
    }

    /// Makes the videos of a message that may still have to be made ready.
    pub(crate) async fn say(
        &self,
        photo: PhotoId,
        cut_outs: &[PersonCutOut],
        saying: Saying<'_>,
        progress: &Progress,
    ) -> Result<Vec<PersonResult<Video>>, Error> {
        let (this, client) = (self, self.d_id()?);
        // What is paid for must not be swept away meanwhile.
        let _hold = this.storage().hold(photo).await;
        let scripts = &Scripts::new(saying);
        let jobs: Vec<_> = cut_outs
            .iter()
            .map(|cut_out| async move {
                let person_id = cut_out.person.person_id;
                let video = async {
                    let saying = &scripts.saying;
                    let id = OrderId::of(photo, person_id as u32, &saying.identity)?;
                    let job = Job { pipeline: this, client, progress, wait: saying.wait, id };
                    job.run(cut_out, scripts).await
                };
                let limit = this.inner.timeouts.video;
                PersonResult { person_id, result: within("video", limit, video).await }
            })
            .collect();
        Ok(counted(jobs, progress).await)
    }

    /// Finishes what was ordered of a photo and has no video yet: for a program that was stopped.
    /// Orders nothing new, so it needs neither cut-outs nor message.
    ///
    /// Orders that turn out never to have reached D-ID are forgotten, and not in the result.
    ///
    /// # Errors
    /// [`Error::NotConfigured`] without a D-ID client, [`Error::Storage`] when the records cannot
    /// be listed. What concerns one order is in its person's result.
    pub async fn resume(
        &self,
        photo: PhotoId,
        wait: &WaitOptions,
        progress: &Progress,
    ) -> Result<Vec<PersonResult<Video>>, Error> {
        let this = &self.admit()?;
        let client = this.d_id()?;
        let _hold = this.storage().hold(photo).await;
        let keys = this.storage().list_photo(photo).await?;
        let jobs: Vec<_> = unfinished(keys.iter().map(|meta| meta.key))
            .into_iter()
            .map(|id| async move {
                let job = Job { pipeline: this, client, progress, wait, id };
                let video = within("video", this.inner.timeouts.video, job.resume()).await;
                let result = video.transpose()?;
                Some(PersonResult { person_id: id.person as usize, result })
            })
            .collect();
        Ok(counted(jobs, progress).await.into_iter().flatten().collect())
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

    pub(crate) fn d_id(&self) -> Result<&Client, Error> {
        self.inner.d_id.as_ref().ok_or(Error::NotConfigured {
            what: "D-ID",
            advice: "give the builder a D-ID client, or the command a key in D_ID_API_KEY",
        })
    }
}

/// The orders among these keys that have no video.
fn unfinished(keys: impl IntoIterator<Item = Key>) -> Vec<OrderId> {
    let (mut orders, mut videos) = (Vec::new(), HashSet::new());
    for key in keys {
        orders.extend(OrderId::of_record(key));
        videos.insert(key.artifact());
    }
    orders.retain(|id| !videos.contains(&id.video_artifact()));
    orders
}

/// Runs a few jobs at a time and tells how many are done; results in the jobs' order.
async fn counted<T>(jobs: Vec<impl Future<Output = T>>, progress: &Progress) -> Vec<T> {
    let total = jobs.len();
    let done = AtomicUsize::new(0);
    let tell = || {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        progress.tell(Stage::Video, None, Step::Persons { done, total });
    };
    let watched = jobs.into_iter().map(|job| job.inspect(|_| tell()));
    stream::iter(watched.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await
}
