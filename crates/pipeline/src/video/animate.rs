//! The third step: portraits that talk, by D-ID.

use super::identity::Identities;
use super::job::Job;
use super::message::Message;
use super::order::OrderId;
use super::portrait::Portrait;
use super::prepared::PreparedMessage;
use super::script::Scripts;
use super::shared_message::SharedMessage;
use super::video::Video;
use crate::cut_out::PersonResult;
use crate::error::Error;
use crate::pipeline::Pipeline;
use crate::progress::{Progress, Step};
use crate::stage::Stage;
use futures::FutureExt;
use futures::future::join_all;
use portrait_d_id::Client;
use portrait_storage::{Artifact, PhotoId, RecipeId};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

impl Pipeline {
    /// Makes a talking video of each portrait, several at a time
    /// ([`TalksAtOnce`](crate::TalksAtOnce)). Costs D-ID credits for each.
    ///
    /// A portrait is a cut-out, one that was stored, or any RGBA picture; see [`Portrait`].
    ///
    /// Each video is paid for once. Every picture has an address of its own, by which a talk whose
    /// order got no answer is looked for before anything is ordered again; and what was ordered is
    /// on record in the storage before it is sent. So a request that was cut short, by an error, a
    /// dropped future or a crash, can be repeated: it is resumed where it was, and a video that is
    /// there is returned (see [`Message::take`]). [`resume`](Self::resume) does so without the
    /// portraits. One process at a time may work on the orders of a photo.
    ///
    /// Videos are downloaded into the storage at once, since D-ID's links expire. Each person's
    /// has the time of [`Timeouts::video`](crate::Timeouts::video).
    ///
    /// # Errors
    /// [`Error::NotConfigured`] without a D-ID client; [`Error::Deleted`]; those of
    /// [`prepare_message`](Self::prepare_message), unless some of it was ordered before: then they
    /// are in the results of those who still need the message. What concerns one person is in that
    /// person's result.
    pub async fn animate<P: Into<Portrait>>(
        &self,
        photo: PhotoId,
        portraits: impl IntoIterator<Item = P>,
        message: &Message,
    ) -> Result<Vec<PersonResult<Video>>, Error> {
        let portraits: Vec<Portrait> = portraits.into_iter().map(Into::into).collect();
        let this = &self.admit()?;
        this.d_id()?;
        let work = async {
            let identified = this.identified(message).await?;
            let message = SharedMessage::new(this, photo, message, identified);
            let persons = portraits.iter().map(|portrait| (portrait.person_id, portrait.recipe));
            if this.nothing_ordered(photo, persons, &message.identities).await {
                message.said().await?;
            }
            this.say(photo, &portraits, message).await
        };
        this.while_wanted(photo, work).await
    }

    /// The same with a message that is ready: once made, it can be said by many.
    ///
    /// # Errors
    /// [`Error::NotConfigured`] without a D-ID client; [`Error::Deleted`]. What concerns one person
    /// is in that person's result.
    pub async fn animate_prepared<P: Into<Portrait>>(
        &self,
        photo: PhotoId,
        portraits: impl IntoIterator<Item = P>,
        message: &PreparedMessage,
    ) -> Result<Vec<PersonResult<Video>>, Error> {
        let portraits: Vec<Portrait> = portraits.into_iter().map(Into::into).collect();
        let this = self.admit()?;
        let work = this.say(photo, &portraits, SharedMessage::ready(message));
        this.while_wanted(photo, work).await
    }

    /// Whether it is known that none of these persons has a video or an order of this message: then
    /// what is wrong with the message is wrong for all.
    pub(crate) async fn nothing_ordered(
        &self,
        photo: PhotoId,
        persons: impl Iterator<Item = (usize, RecipeId)>,
        message: &Identities,
    ) -> bool {
        let mut wanted = HashSet::new();
        for (person, picture) in persons {
            let person = person as u32;
            let now = OrderId::of(photo, person, picture, &message.now);
            let former = OrderId::former(photo, person, &message.former);
            let (Ok(now), Ok(former)) = (now, former) else { return false };
            wanted.extend([now.video, former.video]);
        }
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
        portraits: &[Portrait],
        message: SharedMessage<'_>,
    ) -> Result<Vec<PersonResult<Video>>, Error> {
        let client = self.d_id()?;
        self.not_deleted(photo).await?;
        // What is paid for must not be swept away meanwhile.
        let _hold = self.storage().hold(photo).await;
        let flow = &self.context.flow_of(photo);
        let scripts = &Scripts::new(message);
        let jobs: Vec<_> = portraits
            .iter()
            .map(|portrait| async move {
                let _permit = self.inner.talks.acquire(flow).await;
                let video = async {
                    let message = &scripts.message;
                    let identities = &message.identities;
                    let person = portrait.person_id as u32;
                    let id = OrderId::of(photo, person, portrait.recipe, &identities.now)?;
                    let former = OrderId::former(photo, person, &identities.former)?;
                    let job = Job { pipeline: self, client, wait: message.wait, id };
                    job.run(portrait, former, scripts).await
                };
                let limit = self.inner.timeouts.video;
                let result = self.in_time(Stage::Video, limit, video).await;
                PersonResult::new(portrait.person_id, result)
            })
            .collect();
        Ok(counted(jobs, &self.context.progress).await)
    }

    pub(crate) fn d_id(&self) -> Result<&Client, Error> {
        self.inner.d_id.as_ref().ok_or(Error::NotConfigured {
            what: "D-ID",
            advice: "give the builder a D-ID client, or the command a key in D_ID_API_KEY",
        })
    }
}

/// Runs jobs side by side and tells how many are done; results in the jobs' order.
pub(super) async fn counted<T>(jobs: Vec<impl Future<Output = T>>, progress: &Progress) -> Vec<T> {
    let total = jobs.len();
    let done = AtomicUsize::new(0);
    let tell = || {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        progress.tell(Stage::Video, None, Step::Persons { done, total });
    };
    join_all(jobs.into_iter().map(|job| job.inspect(|_| tell()))).await
}
