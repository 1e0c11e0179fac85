//! The readers' end of a job's progress.

use super::ring::ReadPosition;
use super::shared::Shared;
use super::update::Update;
use futures::Stream;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What happens in one job, for as many readers as want to follow it. A clone is cheap.
///
/// The newest updates are kept once for all readers (1,024 of them, or what
/// [`Progress::feed_with`](super::Progress::feed_with) was told), and beside them the newest of each
/// stage and person. A reader keeps only its place among them. One that is too slow, so that its
/// next update was overwritten, gets [`state`](Self::state) and then what follows; the numbers it
/// sees always grow.
///
/// ```
/// use futures::StreamExt;
/// use portrait_pipeline::{Error, Progress, Stage, Step};
///
/// # futures::executor::block_on(async {
/// let (progress, feed) = Progress::feed("order 7");
/// let page = feed.updates(); // one reader, from the beginning
/// // In a program, the steps of the pipeline tell it.
/// let work = async { Ok::<_, Error>("three persons") };
/// progress.watch(Stage::Detection, None, work).await?;
/// drop(progress); // the job is over
///
/// let seen: Vec<_> = page.collect().await;
/// assert_eq!(seen[0].number, 1);
/// assert_eq!(seen[0].event.step, Step::Started);
/// // A reader whose connection broke after number 1 goes on from there.
/// let rest: Vec<_> = feed.after(1).collect().await;
/// assert_eq!(rest, seen[1..]);
/// assert_eq!(feed.latest().as_ref(), seen.last());
/// # Ok::<_, Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Feed(Arc<Shared>);

impl Feed {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// The job.
    pub fn job(&self) -> &Arc<str> {
        self.0.job()
    }

    /// All updates from the beginning, as far as they are kept, and then each new one.
    pub fn updates(&self) -> Updates {
        self.after(0)
    }

    /// All updates with a greater number than this that are kept, and then each new one.
    ///
    /// Where the updates right after `number` are no longer kept, it begins with those newest ones
    /// of a stage and person that are older than what is kept.
    pub fn after(&self, number: u64) -> Updates {
        Updates {
            reader: self.0.reader(),
            place: ReadPosition::after(number),
            shared: self.0.clone(),
        }
    }

    /// The newest update.
    pub fn latest(&self) -> Option<Arc<Update>> {
        self.0.latest()
    }

    /// The newest update of each stage and person, in order of number.
    pub fn state(&self) -> Vec<Arc<Update>> {
        self.0.state()
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.0.waiting()
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Feed").field(self.job()).finish()
    }
}

/// One reader's stream of updates. It ends after the last one, when all clones of the
/// [`Progress`](super::Progress) are dropped.
pub struct Updates {
    shared: Arc<Shared>,
    reader: u64,
    place: ReadPosition,
}

impl Stream for Updates {
    type Item = Arc<Update>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Arc<Update>>> {
        let Self { shared, reader, place } = &mut *self;
        shared.poll(*reader, place, cx.waker())
    }
}

impl Drop for Updates {
    fn drop(&mut self) {
        self.shared.leave(self.reader);
    }
}

impl fmt::Debug for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates")
            .field("job", self.shared.job())
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
