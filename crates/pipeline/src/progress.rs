//! What a caller can watch while the pipeline works.

use crate::Code;
use futures::Stream;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// The steps of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// A checkpoint is being found, fetched or loaded: told of once as the file is found and opened,
    /// and once on each device as the network is built there.
    Model,
    /// Persons are being looked for.
    Detection,
    /// A person is being cut out.
    Segmentation,
    /// The message is being spoken by a service, or its sound made ready.
    Message,
    /// A cut-out is being uploaded and its talk ordered.
    Talk,
    /// D-ID is making the video.
    Video,
    /// The video is being downloaded.
    Download,
}

/// What happened to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
#[non_exhaustive]
pub enum Step {
    /// It began.
    Started,
    /// Bytes of it are done.
    Bytes {
        /// Bytes done.
        done: u64,
        /// Bytes in all, where known.
        total: Option<u64>,
    },
    /// The step is over, well or not, for this many persons: the whole of a request's videos.
    Persons {
        /// Persons whose video is there or failed.
        done: usize,
        /// Persons in all.
        total: usize,
    },
    /// It ended well.
    Finished {
        /// How long it took in milliseconds.
        ms: u64,
    },
    /// It failed; where a person is named, only for this person.
    Failed {
        /// Why.
        code: Code,
    },
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// The step.
    pub stage: Stage,
    /// The person it concerns; `None` for the whole photo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person_id: Option<usize>,
    /// What happened.
    #[serde(flatten)]
    pub step: Step,
}

/// Where events go. Clones tell the same listener; the default tells nobody.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<dyn Fn(Event) + Send + Sync>>);

impl Progress {
    /// Calls `listener` at every event. It must not block.
    pub fn new(listener: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    /// Events as a stream, which ends when the last clone of the progress is dropped.
    pub fn channel() -> (Self, impl Stream<Item = Event> + Send + Unpin) {
        let (sender, receiver) = futures::channel::mpsc::unbounded();
        // A listener that has gone misses nothing.
        (Self::new(move |event| drop(sender.unbounded_send(event))), receiver)
    }

    pub(crate) fn tell(&self, stage: Stage, person_id: Option<usize>, step: Step) {
        if let Some(listener) = &self.0 {
            listener(Event { stage, person_id, step });
        }
    }

    /// Tells and logs the beginning and the end of a step.
    ///
    /// # Errors
    /// Those of the step.
    pub async fn watch<T>(
        &self,
        stage: Stage,
        person_id: Option<usize>,
        work: impl Future<Output = Result<T, crate::Error>>,
    ) -> Result<T, crate::Error> {
        let start = self.begin(stage, person_id);
        let result = work.await;
        self.end(stage, person_id, start, &result);
        result
    }

    /// [`Self::watch`] for work that blocks.
    pub(crate) fn watch_blocking<T>(
        &self,
        stage: Stage,
        person_id: Option<usize>,
        work: impl FnOnce() -> Result<T, crate::Error>,
    ) -> Result<T, crate::Error> {
        let start = self.begin(stage, person_id);
        let result = work();
        self.end(stage, person_id, start, &result);
        result
    }

    pub(crate) fn begin(&self, stage: Stage, person_id: Option<usize>) -> Instant {
        self.tell(stage, person_id, Step::Started);
        Instant::now()
    }

    pub(crate) fn end<T>(
        &self,
        stage: Stage,
        person_id: Option<usize>,
        start: Instant,
        result: &Result<T, crate::Error>,
    ) {
        let ms = start.elapsed().as_millis() as u64;
        let step = match result {
            Ok(_) => {
                tracing::info!(?stage, person_id, ms, "finished");
                Step::Finished { ms }
            }
            Err(error) => {
                tracing::warn!(?stage, person_id, ms, code = %error.code(), "failed: {error}");
                Step::Failed { code: error.code() }
            }
        };
        self.tell(stage, person_id, step);
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Progress(listener)" } else { "Progress(nobody)" })
    }
}
