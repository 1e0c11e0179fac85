//! Telling an observer of each HTTP request.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::operation::Operation;

/// One HTTP request after its end, for counters and durations; see
/// [`ClientBuilder::on_call`](crate::ClientBuilder::on_call).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// What was asked for.
    pub operation: Operation,
    /// The number of the try, from 1. Each poll of a talk is a first try.
    pub attempt: u32,
    /// The HTTP status, where an answer came.
    pub status: Option<u16>,
    /// From sending to the last byte of the answer; for a download, to the head of the answer. The
    /// wait for a place among the requests under way is not part of it.
    pub duration: Duration,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// An answer with a success status was received.
    Success,
    /// The server refused the request (4xx but 408 and 429).
    Refused,
    /// The server wants fewer requests (429).
    RateLimited,
    /// The server failed (408 and 5xx).
    ServerFailed,
    /// There was no whole answer in time.
    TimedOut,
    /// No connection, or a lost one.
    Network,
    /// The answer is none that the API gives.
    Unreadable,
    /// The caller dropped the call before its end.
    Dropped,
}

impl Outcome {
    /// A short name, fit for the label of a metric: `success`, `refused`, `rate_limited`,
    /// `server_failed`, `timed_out`, `network`, `unreadable`, `dropped`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Refused => "refused",
            Outcome::RateLimited => "rate_limited",
            Outcome::ServerFailed => "server_failed",
            Outcome::TimedOut => "timed_out",
            Outcome::Network => "network",
            Outcome::Unreadable => "unreadable",
            Outcome::Dropped => "dropped",
        }
    }

    fn of(error: &Error) -> Outcome {
        match error {
            Error::RateLimited { .. } => Outcome::RateLimited,
            Error::Server { .. } => Outcome::ServerFailed,
            Error::Timeout { .. } => Outcome::TimedOut,
            Error::Network { .. } => Outcome::Network,
            Error::Protocol { .. } => Outcome::Unreadable,
            _ => Outcome::Refused,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

type Observer = Arc<dyn Fn(&Call) + Send + Sync>;

/// Those who are told of each request, in the order in which they were added.
#[derive(Clone, Default)]
pub(crate) struct Observers(Vec<Observer>);

impl Observers {
    pub(crate) fn add(&mut self, observer: impl Fn(&Call) + Send + Sync + 'static) {
        self.0.push(Arc::new(observer));
    }

    /// Begins to measure a request that is about to be sent.
    pub(crate) fn watch(&self, operation: Operation, attempt: u32) -> Watch<'_> {
        Watch {
            observers: self,
            operation,
            attempt,
            begin: Instant::now(),
            status: None,
            ended: false,
        }
    }

    fn tell(&self, call: &Call) {
        for observer in &self.0 {
            // A call may be paid for: its result must not be lost because a counter failed.
            if catch_unwind(AssertUnwindSafe(|| observer(call))).is_err() {
                tracing::warn!(operation = %call.operation, "an observer of D-ID calls panicked");
            }
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} observers", self.0.len())
    }
}

/// A request under way. Dropped before its end, it counts as dropped by the caller.
pub(crate) struct Watch<'o> {
    observers: &'o Observers,
    operation: Operation,
    attempt: u32,
    begin: Instant,
    status: Option<u16>,
    ended: bool,
}

impl Watch<'_> {
    /// The head of the answer has come.
    pub(crate) fn answered(&mut self, status: u16) {
        self.status = Some(status);
    }

    pub(crate) fn end<T>(mut self, result: &Result<T, Error>) {
        self.ended = true;
        match result {
            Ok(_) => self.tell(Outcome::Success),
            // The request could not even be built.
            Err(Error::InvalidRequest { .. }) => {}
            Err(error) => self.tell(Outcome::of(error)),
        }
    }

    fn tell(&self, outcome: Outcome) {
        self.observers.tell(&Call {
            operation: self.operation,
            attempt: self.attempt,
            status: self.status,
            duration: self.begin.elapsed(),
            outcome,
        });
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.tell(Outcome::Dropped);
        }
    }
}
