//! An event with its number, its time and how far the job is.

use super::event::Event;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// An event of a job as readers of a [`Feed`](super::Feed) get it. As JSON it is one flat object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Update {
    /// The first update of a job has number 1, each next one is greater by one.
    pub number: u64,
    /// When it happened, by the machine's clock: milliseconds since the beginning of 1970 (UTC).
    pub at_ms: u64,
    /// The job, as [`Progress::feed`](super::Progress::feed) was given it.
    #[serde(with = "shared_text")]
    pub job: Arc<str>,
    /// How much of the planned work is done, 0 to 1. It never falls within a job. It is 0 while
    /// nothing is planned, and 1 only when all that is planned has finished or failed.
    pub fraction: f32,
    /// Estimate of the seconds until all that is planned is done; `None` while nothing is planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<f64>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// serde's own support of `Arc<str>` is a feature that would be switched on for every dependant.
mod shared_text {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::sync::Arc;

    pub(super) fn serialize<S: Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(from).map(Arc::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::event::Step;
    use crate::stage::Stage;
    use serde_json::json;

    #[test]
    fn an_update_is_one_flat_object_and_is_read_back() {
        let event = Event {
            stage: Stage::Video,
            person_id: Some(2),
            step: Step::State { text: "created".into() },
        };
        let update = Update {
            number: 4,
            at_ms: 1_790_000_000_000,
            job: "job 7".into(),
            fraction: 0.25,
            seconds_left: Some(30.5),
            event,
        };
        let want = json!({
            "number": 4, "at_ms": 1_790_000_000_000_u64, "job": "job 7", "fraction": 0.25,
            "seconds_left": 30.5, "stage": "video", "person_id": 2, "state": "state",
            "text": "created",
        });
        assert_eq!(serde_json::to_value(&update).unwrap(), want);
        let text = serde_json::to_string(&update).unwrap();
        assert_eq!(serde_json::from_str::<Update>(&text).unwrap(), update);

        let unplanned = Update { seconds_left: None, ..update };
        let text = serde_json::to_string(&unplanned).unwrap();
        assert!(!text.contains("seconds_left"), "{text}");
        assert_eq!(serde_json::from_str::<Update>(&text).unwrap(), unplanned);
    }
}
