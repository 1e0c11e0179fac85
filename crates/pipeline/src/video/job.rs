//! One person's video, paid for once: what is left to do of its order is done, whoever began it.

use super::mp4::whole;
use super::order::{Attempt, Order, OrderId};
use super::portrait::Portrait;
use super::script::Scripts;
use super::video::Video;
use crate::error::{Error, Warning};
use crate::picture::talk_picture;
use crate::pipeline::Pipeline;
use crate::progress::{Progress, Step};
use crate::stage::Stage;
use bytes::Bytes;
use futures::FutureExt;
use portrait_d_id as d_id;
use portrait_d_id::{
    AudioId, Client, CreateTalk, ImageUpload, Script, Talk, TalkId, UploadedImage, WaitOptions,
};
use portrait_storage::{Origin, Storage, StreamOptions};
use std::time::Duration;

/// Tries at fetching a finished video, each with a link of its own.
const DOWNLOADS: u32 = 3;

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

    fn progress(&self) -> &Progress {
        &self.pipeline.context.progress
    }

    fn person(&self) -> Option<usize> {
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

    /// Uploads the picture and records its id, so that it can be deleted. Both are done to the end
    /// when the caller is dropped meanwhile; a deletion of the photo waits for that.
    async fn upload(&self, order: &mut Order, picture: Bytes) -> Result<UploadedImage, Error> {
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
    async fn script(&self, order: &mut Order, scripts: &Scripts<'_>) -> Result<Script, Error> {
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
    async fn forget(&self, order: &Order) -> Result<(), Error> {
        for image in &order.images {
            match self.client.images().delete(image).await {
                Ok(()) | Err(d_id::Error::NotFound { .. }) => {}
                Err(error) => tracing::debug!(%error, "a picture stays until D-ID removes it"),
            }
        }
        Order::forget(self.storage(), self.id).await
    }

    /// Waits for the talk and keeps its video.
    async fn fetch(&self, order: &mut Order, id: &TalkId) -> Result<Video, Error> {
        let mut status = String::new();
        let tell = |talk: &Talk| {
            let now = talk.status.to_string();
            if now != status {
                status.clone_from(&now);
                self.progress().tell(Stage::Video, self.person(), Step::State { text: now });
            }
        };
        let waiting =
            async { self.client.talks().wait_with(id, self.wait, tell).await.map_err(Error::from) };
        let waited = self.pipeline.watch(Stage::Video, self.person(), waiting).await;
        let finished = match waited {
            Ok(finished) => finished,
            Err(error) => {
                if self.came_to_nothing(order, &error).await {
                    warn_of(self.forget(order).await);
                }
                return Err(error);
            }
        };
        let seconds = finished.duration;
        let downloading = self.download(finished);
        let stored = self.pipeline.watch(Stage::Download, self.person(), downloading).await?;
        order.seconds = seconds;
        self.note(order).await;
        Ok(Video {
            talk_id: Some(id.to_string()),
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
                Error::from(d_id::Error::Protocol {
                    operation: d_id::Operation::WaitForTalk,
                    status: 200,
                    reason: "the talk is done but has no result_url".into(),
                    body: String::new(),
                })
            })?;
            let content = whole(self.client.download(link));
            let artifact = self.id.video_artifact();
            let about = self.pipeline.description(Origin::Downloaded, None);
            let options = StreamOptions::default();
            let stored =
                self.storage().put_stream_described(artifact, content, options, &about).await;
            let error = match stored {
                Ok(stored) => return Ok(stored),
                Err(error) => of_download(error),
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
        let Error::DId(error) = error else { return false };
        match &**error {
            // D-ID made nothing. It gives the credits of failed talks back; of rejected ones it
            // does not say so.
            d_id::Error::TalkFailed { .. } | d_id::Error::TalkRejected { .. } => true,
            // Somebody removed it, if the list has it no more either.
            d_id::Error::NotFound { .. } => {
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
        || matches!(**error, d_id::Error::LinkExpired { .. } | d_id::Error::Protocol { .. })
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

/// What the download failed with is an error of D-ID's client: the stream above gives no other.
fn of_download(error: portrait_storage::Error) -> Error {
    use portrait_storage::Error as S;
    match error {
        S::Input { artifact, source } => match source.downcast::<d_id::Error>() {
            Ok(download) => (*download).into(),
            Err(source) => S::Input { artifact, source }.into(),
        },
        error => error.into(),
    }
}
