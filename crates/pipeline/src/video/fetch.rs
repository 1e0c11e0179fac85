//! Waiting for a talk that was ordered, and keeping its video.

use super::job::{Job, warn_of};
use super::mp4::whole;
use super::order::Order;
use super::video::Video;
use crate::error::Error;
use crate::progress::Step;
use crate::stage::Stage;
use portrait_d_id::{self as d_id, Talk, TalkId};
use portrait_storage::{Key, Origin, StreamOptions};
use std::time::Duration;

/// Tries at fetching a finished video, each with a link of its own.
const DOWNLOADS: u32 = 3;

impl Job<'_> {
    /// Waits for the talk and keeps its video.
    pub(super) async fn fetch(&self, order: &mut Order, id: &TalkId) -> Result<Video, Error> {
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
        let (key, bytes) = self.pipeline.watch(Stage::Download, self.person(), downloading).await?;
        order.seconds = seconds;
        self.note(order).await;
        Ok(Video { talk_id: Some(id.to_string()), key, bytes, seconds, warnings: Vec::new() })
    }

    async fn download(&self, mut talk: Talk) -> Result<(Key, u64), Error> {
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
                Ok(stored) => return Ok((stored.key, stored.size)),
                // The video is there, and it was paid for.
                Err(portrait_storage::Error::NotDescribed { key, .. }) => {
                    tracing::warn!(%key, "it is kept without its description");
                    return Ok((key, self.storage().head(key).await?.size));
                }
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
}

/// Whether another try with a fresh link may succeed.
fn may_pass(error: &Error) -> bool {
    let Error::DId(error) = error else { return false };
    error.is_retryable()
        || matches!(**error, d_id::Error::LinkExpired { .. } | d_id::Error::Protocol { .. })
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
