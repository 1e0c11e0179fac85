//! What happens, one thing at a time.

use crate::error::Code;
use crate::stage::Stage;
use serde::Serialize;

/// What happened to a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    /// It waits for its device, behind so many others.
    Queued {
        /// How many.
        ahead: usize,
    },
    /// What a service says of the work, such as D-ID's `created` and `started`.
    State {
        /// In the service's words.
        text: String,
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
