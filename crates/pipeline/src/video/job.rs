//! One person's video, paid for once: what is left to do of its order is done, whoever began it.

use super::order::{Attempt, Order, OrderId};
use super::portrait::Portrait;
use super::script::Scripts;
use super::video::Video;
use crate::error::{Error, Warning};
use crate::picture::talk_picture;
use crate::pipeline::Pipeline;
use crate::progress::Progress;
use crate::stage::Stage;
use futures::FutureExt;
use portrait_d_id as d_id;
use portrait_d_id::{Client, CreateTalk, TalkId, WaitOptions};
use portrait_storage::Storage;

/// An order in work.
pub(crate) struct Job<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) client: &'a Client,
    pub(crate) wait: &'a WaitOptions,
    pub(crate) id: OrderId,
}

impl Job<'_> {
    pub(super) fn storage(&self) -> &Storage {
        &self.pipeline.inner.storage
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.pipeline.context.progress
    }

    pub(super) fn person(&self) -> Option<usize> {
        Some(self.id.person as usize)
    }

    /// The video: the one that is there, else that of a talk that was or is now ordered. `former`
    /// is the id that former versions gave to the same order.
    pub(crate) async fn run(
        mut self,
        portrait: &Portrait,
        former: OrderId,
        scripts: &Scripts<'_>,
    ) -> Result<Video, Error> {
        let orders = &self.pipeline.inner.orders;
        let _only = orders.only(self.id).await;
        let _former_only = orders.only(former).await;
        if self.adopt(former, portrait).await? {
            self.id = former;
        }
        let mut order = Order::load(self.storage(), self.id).await?.unwrap_or_default();
        order.picture = Some(portrait.recipe());
        if let Some(video) = self.stored(&order).await? {
            return Ok(video);
        }
        let mut warning = None;
        let placing = async {
            if let Some(talk) = self.known(&mut order).await? {
                return Ok(talk);
            }
            let (talk, scaled) = self.place(&mut order, portrait, scripts).await?;
            warning = scaled;
            Ok(talk)
        };
        let talk = self.pipeline.watch(Stage::Talk, self.person(), placing).await?;
        let mut video = self.fetch(&mut order, &talk).await?;
        let person_id = self.person();
        video.warnings.extend(warning.map(|warning| Warning { person_id, ..warning }));
        Ok(video)
    }

    /// The video of a talk that was ordered before; `None` when no talk came of the order.
    pub(crate) async fn resume(&self) -> Result<Option<Video>, Error> {
        let _only = self.pipeline.inner.orders.only(self.id).await;
        let Some(mut order) = Order::load(self.storage(), self.id).await? else {
            return Ok(None);
        };
        if let Some(video) = self.stored(&order).await? {
            return Ok(Some(video));
        }
        let known = self.known(&mut order);
        match self.pipeline.watch(Stage::Talk, self.person(), known).await? {
            Some(talk) => self.fetch(&mut order, &talk).await.map(Some),
            None => {
                self.forget(&order).await?;
                Ok(None)
            }
        }
    }

    /// The video, when it is there already.
    async fn stored(&self, order: &Order) -> Result<Option<Video>, Error> {
        let found = self.storage().find(self.id.video_artifact()).await?;
        Ok(found.map(|meta| Video {
            talk_id: order.talk.as_ref().map(ToString::to_string),
            key: meta.key,
            bytes: meta.size,
            seconds: order.seconds,
            warnings: Vec::new(),
        }))
    }

    /// The talk that was ordered before: the one of the record, or one that D-ID lists.
    async fn known(&self, order: &mut Order) -> Result<Option<TalkId>, Error> {
        if let Some(talk) = &order.talk {
            return Ok(Some(talk.clone()));
        }
        for attempt in order.attempts.iter().rev() {
            let found = self.client.talks().settle(&attempt.source_url, attempt.sent()).await?;
            if let Some(talk) = found {
                order.talk = Some(talk.id.clone());
                self.note(order).await;
                return Ok(Some(talk.id));
            }
        }
        Ok(None)
    }

    /// Orders a talk. The attempt is on record before the money is spent.
    async fn place(
        &self,
        order: &mut Order,
        portrait: &Portrait,
        scripts: &Scripts<'_>,
    ) -> Result<(TalkId, Option<Warning>), Error> {
        // Before anything is uploaded for a message that cannot be said.
        scripts.message.said().await?;
        let background = scripts.message.background.clone();
        let picture = portrait.picture.clone();
        let flatten = move || talk_picture(picture.pixels(), &background);
        let flow = self.pipeline.context.flow_of(self.id.photo);
        let picture = self.pipeline.inner.cores.run(&flow, Stage::Talk, flatten).await??;
        let uploaded = self.upload(order, picture.bytes).await?;
        let script = self.script(order, scripts).await?;

        order.attempts.push(Attempt::new(uploaded.url.clone(), self.client.now()));
        // On record anew with every send: how long a talk may still show counts from the last.
        let (storage, id, client) = (self.storage().clone(), self.id, self.client.clone());
        let mut recorded = order.clone();
        let record = || {
            if let Some(attempt) = recorded.attempts.last_mut() {
                *attempt = Attempt::new(attempt.source_url.clone(), client.now());
            }
            let (storage, order) = (storage.clone(), recorded.clone());
            async move { order.save(&storage, id).await }.boxed()
        };
        let wanted = CreateTalk::new(uploaded.url, script);
        match self.client.talks().create_recorded(&wanted, record).await {
            Ok(talk) => {
                order.talk = Some(talk.id.clone());
                self.note(order).await;
                Ok((talk.id, picture.warning))
            }
            Err(error) => {
                if error.was_refused() {
                    order.attempts.pop();
                    let noted = if order.attempts.is_empty() {
                        self.forget(order).await
                    } else {
                        order.save(self.storage(), self.id).await
                    };
                    warn_of(noted);
                }
                Err(of_create(error))
            }
        }
    }

    /// Keeps what has been learned. When that fails the attempt is still on record, by which the
    /// next run learns it again.
    pub(super) async fn note(&self, order: &Order) {
        warn_of(order.save(self.storage(), self.id).await);
    }
}

pub(super) fn warn_of(noted: Result<(), Error>) {
    if let Err(error) = noted {
        tracing::warn!(%error, "the record of an order could not be brought up to date");
    }
}

/// What the record of an order failed with is an error of its own: `record` above gives no other.
fn of_create(error: d_id::Error) -> Error {
    match error {
        d_id::Error::NotRecorded { source } => match source.downcast::<Error>() {
            Ok(error) => *error,
            Err(source) => d_id::Error::NotRecorded { source }.into(),
        },
        error => error.into(),
    }
}
