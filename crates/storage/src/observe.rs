//! Telling of every operation, such as for metrics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures::Stream;
use futures::stream::BoxStream;

use crate::error::Error;
use crate::name::folder::Folder;

/// What a [`Storage`](crate::Storage) was asked for, by the name of its method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// `put` and `put_described`.
    Put,
    /// `put_stream` and `put_stream_described`.
    PutStream,
    /// `get`.
    Get,
    /// `get_stream`, until its stream has ended or is dropped.
    GetStream,
    /// `head`.
    Head,
    /// `exists`.
    Exists,
    /// `find`.
    Find,
    /// `about`.
    About,
    /// `list`, until its stream has ended or is dropped.
    List,
    /// `list_photo`.
    ListPhoto,
    /// `unfinished_deletions`.
    UnfinishedDeletions,
    /// `delete`.
    Delete,
    /// `delete_photo`.
    DeletePhoto,
    /// `delete_task`.
    DeleteTask,
    /// One artifact that a [`Sweeper`](crate::Sweeper) deletes.
    Sweep,
}

impl Operation {
    /// The name, such as for the label of a metric.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::PutStream => "put_stream",
            Self::Get => "get",
            Self::GetStream => "get_stream",
            Self::Head => "head",
            Self::Exists => "exists",
            Self::Find => "find",
            Self::About => "about",
            Self::List => "list",
            Self::ListPhoto => "list_photo",
            Self::UnfinishedDeletions => "unfinished_deletions",
            Self::Delete => "delete",
            Self::DeletePhoto => "delete_photo",
            Self::DeleteTask => "delete_task",
            Self::Sweep => "sweep",
        }
    }
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ended {
    /// With a result. That there is no such artifact is one, too.
    Done,
    /// With an error, or with a report that has failures.
    Failed,
    /// The caller dropped the future or stream before it had ended.
    Dropped,
}

/// One operation on a storage, told when it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StorageCall {
    /// What was asked for.
    pub operation: Operation,
    /// The folder concerned, where it is one.
    pub folder: Option<Folder>,
    /// The bytes of artifacts that were stored, read or removed.
    pub bytes: u64,
    /// The time it took. For a stream, this includes the time its reader took.
    pub duration: Duration,
    /// How it ended.
    pub ended: Ended,
}

impl StorageCall {
    /// Whether it ended with an error.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.ended == Ended::Failed
    }
}

type Tell = dyn Fn(&StorageCall) + Send + Sync;

/// Who is told, if anybody.
#[derive(Clone, Default)]
pub(crate) struct Observer(Option<Arc<Tell>>);

impl Observer {
    pub(crate) fn new(tell: impl Fn(&StorageCall) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    /// Tells `first` and then this one.
    pub(crate) fn after(self, first: Self) -> Self {
        match (first.0, self.0) {
            (Some(first), Some(second)) => Self::new(move |call| {
                tell(&*first, call);
                tell(&*second, call);
            }),
            (first, second) => Self(first.or(second)),
        }
    }

    pub(crate) fn watch(&self, operation: Operation, folder: Option<Folder>) -> Watch {
        Watch {
            observer: self.clone(),
            begun: Instant::now(),
            call: StorageCall {
                operation,
                folder,
                bytes: 0,
                duration: Duration::ZERO,
                ended: Ended::Dropped,
            },
        }
    }
}

/// A panic of the observer ends here: it does not concern the call it is told of.
fn tell(observer: &Tell, call: &StorageCall) {
    if catch_unwind(AssertUnwindSafe(|| observer(call))).is_err() {
        tracing::error!(operation = call.operation.name(), "the observer of a storage panicked");
    }
}

/// An operation in progress; told of when it is dropped.
pub(crate) struct Watch {
    observer: Observer,
    begun: Instant,
    call: StorageCall,
}

impl Watch {
    /// Ends with `result`, whose bytes are counted by `bytes`.
    pub(crate) fn end<T>(
        mut self,
        result: Result<T, Error>,
        bytes: impl FnOnce(&T) -> u64,
    ) -> Result<T, Error> {
        self.call.ended = match &result {
            Ok(value) => {
                self.call.bytes = bytes(value);
                Ended::Done
            }
            Err(Error::NotFound { .. }) => Ended::Done,
            Err(_) => Ended::Failed,
        };
        result
    }

    /// Ends with a report.
    pub(crate) fn end_report(mut self, bytes: u64, failed: bool) {
        self.call.bytes = bytes;
        self.call.ended = if failed { Ended::Failed } else { Ended::Done };
    }

    /// Goes on until `stream` has ended or is dropped; `bytes` counts those of an item.
    pub(crate) fn follow<T: 'static>(
        self,
        stream: BoxStream<'static, Result<T, Error>>,
        bytes: fn(&T) -> u64,
    ) -> BoxStream<'static, Result<T, Error>> {
        if self.observer.0.is_none() {
            return stream;
        }
        Box::pin(Followed { stream, bytes, watch: Some(self) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(observer) = &self.observer.0 {
            self.call.duration = self.begun.elapsed();
            tell(&**observer, &self.call);
        }
    }
}

struct Followed<T> {
    stream: BoxStream<'static, Result<T, Error>>,
    bytes: fn(&T) -> u64,
    /// `None` once it is told.
    watch: Option<Watch>,
}

impl<T> Stream for Followed<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.stream.as_mut().poll_next(context));
        let bytes = self.bytes;
        if let Some(Watch { call, .. }) = &mut self.watch {
            match &item {
                Some(Ok(item)) => call.bytes += bytes(item),
                Some(Err(_)) => call.ended = Ended::Failed,
                None if call.ended == Ended::Dropped => call.ended = Ended::Done,
                None => {}
            }
        }
        if item.is_none() {
            self.watch = None;
        }
        Poll::Ready(item)
    }
}
