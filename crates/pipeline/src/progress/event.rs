//! What happens, one thing at a time.

use crate::error::Code;
use crate::stage::Stage;
use serde::{Deserialize, Serialize};

/// What happened to a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
#[non_exhaustive]
pub enum Step {
    /// It began.
    Started,
    /// It waits for its device.
    Queued {
        /// How many are before it.
        ahead: usize,
    },
    /// What a service says of the work in progress, as in D-ID's `created`, `started` and `done`.
    State {
        /// The service's own word.
        text: String,
    },
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// The step.
    pub stage: Stage,
    /// The person it concerns; `None` for the whole photo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_id: Option<usize>,
    /// What happened.
    #[serde(flatten)]
    pub step: Step,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn events_are_written_and_read_back_as_the_same_json() {
        let steps = [
            (Step::Started, json!({ "state": "started" })),
            (Step::Queued { ahead: 3 }, json!({ "state": "queued", "ahead": 3 })),
            (
                Step::State { text: "created".into() },
                json!({ "state": "state", "text": "created" }),
            ),
            (
                Step::Bytes { done: 5, total: None },
                json!({ "state": "bytes", "done": 5, "total": null }),
            ),
            (
                Step::Bytes { done: 5, total: Some(u64::MAX) },
                json!({ "state": "bytes", "done": 5, "total": u64::MAX }),
            ),
            (
                Step::Persons { done: 1, total: 2 },
                json!({ "state": "persons", "done": 1, "total": 2 }),
            ),
            (Step::Finished { ms: 8 }, json!({ "state": "finished", "ms": 8 })),
            (Step::Failed { code: Code::GpuOom }, json!({ "state": "failed", "code": "GPU_OOM" })),
        ];
        for stage in Stage::ALL {
            for person_id in [None, Some(7)] {
                for (step, want) in &steps {
                    let event = Event { stage, person_id, step: step.clone() };
                    let mut want = want.clone();
                    want["stage"] = stage.as_str().into();
                    if let Some(person) = person_id {
                        want["person_id"] = person.into();
                    }
                    let text = serde_json::to_string(&event).unwrap();
                    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), want);
                    assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
                }
            }
        }
    }

    #[test]
    fn the_beginning_of_a_detection_is_written_as_ever() {
        let event = Event { stage: Stage::Detection, person_id: None, step: Step::Started };
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(text, r#"{"stage":"detection","state":"started"}"#);
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for text in [
            r#"{"stage":"dancing","state":"started"}"#,
            r#"{"stage":"video","state":"failed","code":"NO_SUCH_CODE"}"#,
            r#"{"stage":"video"}"#,
        ] {
            assert!(serde_json::from_str::<Event>(text).is_err(), "{text}");
        }
    }
}
