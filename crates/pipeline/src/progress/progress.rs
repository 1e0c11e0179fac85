//! Where events go.

use super::estimates::Estimates;
use super::event::{Event, Step};
use super::feed::Feed;
use super::shared::{Shared, Writer};
use crate::stage::Stage;
use futures::{Stream, StreamExt};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// Updates that a feed keeps unless told otherwise.
const KEPT: usize = 1024;

/// Where events go. Clones tell the same listener or [`Feed`]; the default tells nobody.
#[derive(Clone, Default)]
pub struct Progress {
    to: To,
    estimates: Option<Arc<Estimates>>,
}

#[derive(Clone, Default)]
enum To {
    #[default]
    Nobody,
    Listener(Arc<dyn Fn(Event) + Send + Sync>),
    Feed(Arc<Writer>),
    Both(Arc<[To; 2]>),
}

impl Progress {
    /// Calls `listener` at every event. It must not block.
    pub fn new(listener: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self { to: To::Listener(Arc::new(listener)), estimates: None }
    }

    /// A job that any number of readers can follow, from the beginning or from any update. Neither
    /// their number nor their speed holds up the work. The feed keeps 1,024 updates.
    pub fn feed(job: impl Into<Arc<str>>) -> (Self, Feed) {
        Self::feed_with(job, KEPT)
    }

    /// [`Self::feed`] that keeps this many updates, at least one.
    pub fn feed_with(job: impl Into<Arc<str>>, capacity: usize) -> (Self, Feed) {
        let shared = Arc::new(Shared::new(job.into(), capacity));
        let to = To::Feed(Arc::new(Writer::new(shared.clone())));
        (Self { to, estimates: None }, Feed::new(shared))
    }

    /// Events as a stream, which ends when the last clone of the progress is dropped. A reader that
    /// is more than 1,024 events behind gets the newest of each stage and person, and then what
    /// follows, as one of a [`Feed`] does.
    pub fn channel() -> (Self, impl Stream<Item = Event> + Send + Unpin) {
        let (progress, feed) = Self::feed("");
        (progress, feed.updates().map(|update| update.event.clone()))
    }

    /// Tells both, the first one first.
    pub fn both(first: Self, second: Self) -> Self {
        let estimates = first.estimates.or(second.estimates);
        let to = match (first.to, second.to) {
            (To::Nobody, to) | (to, To::Nobody) => to,
            (first, second) => To::Both(Arc::new([first, second])),
        };
        Self { to, estimates }
    }

    /// This progress, which teaches these estimates how long its steps take, and whose feeds use
    /// them from now on.
    pub(crate) fn with_estimates(&self, estimates: Arc<Estimates>) -> Self {
        self.to.each_feed(&|writer| writer.estimate_by(&estimates));
        Self { to: self.to.clone(), estimates: Some(estimates) }
    }

    /// Tells the feeds what will be done: how many persons will go through these stages; 1 for a
    /// stage of the whole photo. What is told later of a stage replaces what was told before.
    ///
    /// A fraction of 1 means that all that was planned is done: plan what will follow before what
    /// is planned ends, with one person where their number is not known yet.
    pub(crate) fn plan(&self, stages: &[(Stage, usize)]) {
        self.to.each_feed(&|writer| writer.plan(stages));
    }

    pub(crate) fn tell(&self, stage: Stage, person_id: Option<usize>, step: Step) {
        if let (Some(estimates), Step::Finished { ms }) = (&self.estimates, &step) {
            estimates.learn(stage, *ms as f64 / 1000.0);
        }
        self.to.tell(Event { stage, person_id, step });
    }

    /// Tells how many wait before, where somebody does.
    pub(crate) fn queued(&self, stage: Stage, person_id: Option<usize>, ahead: usize) {
        if ahead > 0 {
            self.tell(stage, person_id, Step::Queued { ahead });
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

impl To {
    fn tell(&self, event: Event) {
        match self {
            Self::Nobody => {}
            Self::Listener(listener) => listener(event),
            Self::Feed(writer) => writer.tell(event),
            Self::Both(both) => {
                both[0].tell(event.clone());
                both[1].tell(event);
            }
        }
    }

    fn each_feed(&self, call: &dyn Fn(&Writer)) {
        match self {
            Self::Nobody | Self::Listener(_) => {}
            Self::Feed(writer) => call(writer),
            Self::Both(both) => both.iter().for_each(|to| to.each_feed(call)),
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.to {
            To::Nobody => "Progress(nobody)",
            To::Listener(_) => "Progress(listener)",
            To::Feed(_) => "Progress(feed)",
            To::Both(_) => "Progress(both)",
        })
    }
}
