//! One person's video, paid for once: what is left to do of its order is done, whoever began it.

use crate::Error;
use crate::animate::Video;
use crate::catalogue::Warning;
use crate::cut_out::PersonCutOut;
use crate::order::{Attempt, Order, OrderId};
use crate::picture::talk_picture;
use crate::pipeline::Pipeline;
use crate::progress::{Progress, Stage};
use crate::script::Scripts;
use crate::whole::whole;
use futures::FutureExt;
use portrait_d_id as d_id;
use portrait_d_id::{Client, CreateTalk, ImageUpload, Talk, TalkId, WaitOptions};
use portrait_storage::{Storage, StreamOptions};
use std::time::Duration;

/// Tries at fetching a finished video, each with a link of its own.
const DOWNLOADS: u32 = 3;

/// An order in work.
pub(crate) struct Job<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) client: &'a Client,
    pub(crate) progress: &'a Progress,
    pub(crate) wait: &'a WaitOptions,
    pub(crate) id: OrderId,
}

impl Job<'_> {
    fn storage(&self) -> &Storage {
        &self.pipeline.inner.storage
    }

    fn person(&self) -> Option<usize> {
        Some(self.id.person as usize)
    }

    /// The video: the one that is there, else that of a talk that was or is now ordered.
    pub(crate) async fn run(
        &self,
        cut_out: &PersonCutOut,
        scripts: &Scripts<'_>,
    ) -> Result<Video, Error> {
        let _only = self.pipeline.inner.orders.only(self.id).await;
        let mut order = Order::load(self.storage(), self.id).await?.unwrap_or_default();
        if let Some(video) = self.stored(&order).await? {
            return Ok(video);
        }
        let mut warning = None;
        let placing = async {
            if let Some(talk) = self.known(&mut order).await? {
                return Ok(talk);
            }
            let (talk, scaled) = self.place(&mut order, cut_out, scripts).await?;
            warning = scaled;
            Ok(talk)
        };
        let talk = self.progress.watch(Stage::Talk, self.person(), placing).await?;
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
        match self.progress.watch(Stage::Talk, self.person(), known).await? {
            Some(talk) => self.fetch(&mut order, &talk).await.map(Some),
            None => {
                Order::forget(self.storage(), self.id).await?;
                Ok(None)
            }
        }
    }

    /// The video, when it is there already.
    async fn stored(&self, order: &Order) -> Result<Option<Video>, Error> {
        let found = self.storage().find(self.id.video_artifact()).await?;
        Ok(found.map(|meta| Video {
            talk_id: order.talk.as_ref().map(ToString::to_string).unwrap_or_default(),
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
        cut_out: &PersonCutOut,
        scripts: &Scripts<'_>,
    ) -> Result<(TalkId, Option<Warning>), Error> {
        // Before anything is uploaded for a message that cannot be said.
        scripts.saying.said().await?;
        let background = scripts.saying.background.clone();
        let picture = cut_out.cut_out.image.clone();
        let flatten = move || talk_picture(&picture, &background);
        let picture = self.pipeline.inner.cores.run("talk", flatten).await??;
        let mut upload = ImageUpload::new(picture.bytes);
        upload.file_name = Some(format!("{}.jpg", self.id.video));
        let uploaded = self.client.images().upload(upload).await?;
        let script = scripts.script(self.client).await?;

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
                        Order::forget(self.storage(), self.id).await
                    } else {
                        order.save(self.storage(), self.id).await
                    };
                    warn_of(noted);
                }
                Err(error.into())
            }
        }
    }

    /// Waits for the talk and keeps its video.
    async fn fetch(&self, order: &mut Order, id: &TalkId) -> Result<Video, Error> {
        let waiting = async { self.client.talks().wait(id, self.wait).await.map_err(Error::from) };
        let waited = self.progress.watch(Stage::Video, self.person(), waiting).await;
        let finished = match waited {
            Ok(finished) => finished,
            Err(error) => {
                if self.came_to_nothing(order, &error).await {
                    warn_of(Order::forget(self.storage(), self.id).await);
                }
                return Err(error);
            }
        };
        let seconds = finished.duration;
        let downloading = self.download(finished);
        let stored = self.progress.watch(Stage::Download, self.person(), downloading).await?;
        order.seconds = seconds;
        self.note(order).await;
        Ok(Video {
            talk_id: id.to_string(),
            key: stored.key,
            bytes: stored.size,
            seconds,
            warnings: Vec::new(),
        })
    }

    async fn download(&self, mut talk: Talk) -> Result<portrait_storage::Stored, Error> {
        let mut attempt = 1;
        loop {
            let link = talk.result_url.as_deref().ok_or_else(|| {
                Error::DId(d_id::Error::Protocol {
                    operation: d_id::Operation::WaitForTalk,
                    status: 200,
                    reason: "the talk is done but has no result_url".into(),
                    body: String::new(),
                })
            })?;
            let content = whole(self.client.download(link));
            let artifact = self.id.video_artifact();
            let stored =
                self.storage().put_stream(artifact, content, StreamOptions::default()).await;
            let error = match stored {
                Ok(stored) => return Ok(stored),
                Err(error) => Error::from(error),
            };
            if attempt == DOWNLOADS || !may_pass(&error) {
                return Err(error);
            }
            tracing::debug!(attempt, %error, "fetching the video again");
            tokio::time::sleep(Duration::from_secs(u64::from(attempt))).await;
            attempt += 1;
            // A fresh link with it.
            talk = self.client.talks().wait(&talk.id, self.wait).await?;
        }
    }

    /// Whether nothing is left to wait for, so that the next request may order anew.
    async fn came_to_nothing(&self, order: &Order, error: &Error) -> bool {
        match error {
            // D-ID made nothing. It gives the credits of failed talks back; of rejected ones it does
            // not say so.
            Error::DId(d_id::Error::TalkFailed { .. } | d_id::Error::TalkRejected { .. }) => true,
            // Somebody removed it, if the list has it no more either.
            Error::DId(d_id::Error::NotFound { .. }) => {
                for attempt in &order.attempts {
                    let talks = self.client.talks();
                    let listed = talks.settle(&attempt.source_url, attempt.sent()).await;
                    if !matches!(listed, Ok(None)) {
                        return false;
                    }
                }
                true
            }
            _ => false,
        }
    }

    /// Keeps what has been learned. When that fails the attempt is still on record, by which the
    /// next run learns it again.
    async fn note(&self, order: &Order) {
        warn_of(order.save(self.storage(), self.id).await);
    }
}

fn warn_of(noted: Result<(), Error>) {
    if let Err(error) = noted {
        tracing::warn!(%error, "the record of an order could not be brought up to date");
    }
}

/// Whether another try with a fresh link may succeed.
fn may_pass(error: &Error) -> bool {
    let Error::DId(error) = error else { return false };
    error.is_retryable()
        || matches!(error, d_id::Error::LinkExpired { .. } | d_id::Error::Protocol { .. })
}
