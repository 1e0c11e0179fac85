//! Where events go.

use super::event::{Event, Step};
use crate::stage::Stage;
use futures::Stream;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// How long stages take.
#[derive(Debug, Default)]
pub(crate) struct Estimates;

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

    /// Tells both.
    pub(crate) fn both(a: &Self, b: &Self) -> Self {
        match (a.0.clone(), b.0.clone()) {
            (None, _) => b.clone(),
            (_, None) => a.clone(),
            (Some(a), Some(b)) => Self::new(move |event: Event| {
                a(event.clone());
                b(event);
            }),
        }
    }

    pub(crate) fn with_estimates(&self, _: &Arc<Estimates>) -> Self {
        self.clone()
    }

    pub(crate) fn plan(&self, _: &[(Stage, usize)]) {}

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
        work: impl Future<Output = Result<T, crate::error::Error>>,
    ) -> Result<T, crate::error::Error> {
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
        work: impl FnOnce() -> Result<T, crate::error::Error>,
    ) -> Result<T, crate::error::Error> {
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
        result: &Result<T, crate::error::Error>,
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
