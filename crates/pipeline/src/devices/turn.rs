//! A request's place in the queue.

use super::failure::refusal;
use crate::context::Context;
use crate::error::Error;
use crate::stage::Stage;
use portrait_gpu_scheduling::{self as scheduling, Priority};
use portrait_storage::PhotoId;
use std::sync::Arc;
use std::time::Duration;

/// A request's place in the queue.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    pub(crate) flow: Arc<str>,
    pub(super) priority: Priority,
    pub(super) max_wait: Option<Duration>,
}

impl Turn {
    pub(crate) fn new(context: &Context, photo: PhotoId) -> Self {
        let (flow, priority) = (context.flow_of(photo), context.priority);
        Self { flow, priority, max_wait: context.wait_limit() }
    }

    pub(super) fn deadline(&self) -> Duration {
        self.max_wait.unwrap_or(Duration::MAX)
    }

    /// What the scheduler refused; a wait that was limited here has its limit named.
    pub(super) fn refused(&self, stage: Stage, error: scheduling::Error) -> Error {
        match (error, self.max_wait) {
            (scheduling::Error::Deadline { .. }, Some(limit)) => Error::Timeout { stage, limit },
            (error, _) => refusal(stage, error),
        }
    }
}
