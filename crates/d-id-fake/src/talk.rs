//! One talk: what was asked, how far it is, and what it says of itself.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::body::TalkBody;
use crate::clock::stamp;

/// How a talk moves on from `created`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// It ends this long after its creation, with equal time in each status before.
    Time(Duration),
    /// It shows each status to this many `GET /talks/{id}`, then moves on; 0 ends it at once.
    Polls(u32),
}

impl Default for Pace {
    /// 50 ms.
    fn default() -> Pace {
        Pace::Time(Duration::from_millis(50))
    }
}

/// How a talk ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Ending {
    /// `done`, with a video.
    #[default]
    Done,
    /// `error` of a kind such as `FaceError`, and the credits given back.
    Error {
        /// `FaceError`, `SourceError`, `DriverError`, `LogoError`, `UnknownError`.
        kind: String,
        /// What D-ID says of it.
        description: String,
    },
    /// `rejected` by moderation. D-ID does not say whether credits come back; here they do.
    Rejected,
}

/// What will become of a talk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Statuses between `started` and the end, such as one no client knows yet.
    pub through: Vec<String>,
    /// The end.
    pub ending: Ending,
}

impl Outcome {
    /// Ends in `error` of this kind.
    #[must_use]
    pub fn error(kind: &str, description: &str) -> Outcome {
        Outcome {
            through: Vec::new(),
            ending: Ending::Error { kind: kind.to_owned(), description: description.to_owned() },
        }
    }
}

/// What is known of a talk from outside the API.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TalkRecord {
    /// `tlk_…`
    pub id: String,
    /// The status as `GET /talks/{id}` would show it.
    pub status: String,
    /// The picture asked for, or D-ID's sample picture where none was.
    pub source_url: String,
    /// Credits taken when it was created.
    pub credits: u32,
    /// Whether they were given back.
    pub refunded: bool,
    /// Whether it was removed by `DELETE /talks/{id}`.
    pub deleted: bool,
}

#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) id: String,
    pub(crate) body: TalkBody,
    pub(crate) outcome: Outcome,
    pub(crate) created: Duration,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) polls: u32,
    pub(crate) ended: Option<Duration>,
    pub(crate) credits: u32,
    pub(crate) refunded: bool,
    pub(crate) deleted: bool,
    pub(crate) seconds: f64,
    /// The secret part of the result's links.
    pub(crate) signature: String,
    /// The picture, where it was uploaded here.
    pub(crate) picture: Option<Bytes>,
    /// The video, once it has been asked for.
    pub(crate) video: Option<Bytes>,
}

impl Talk {
    fn steps(&self) -> u32 {
        2 + u32::try_from(self.outcome.through.len()).unwrap_or(u32::MAX - 2)
    }

    /// Moves on.
    pub(crate) fn settle(&mut self, pace: Pace, now: Duration) {
        let end = match pace {
            Pace::Time(total) => Some(self.created + total).filter(|end| *end <= now),
            Pace::Polls(each) => (self.polls >= each.saturating_mul(self.steps())).then_some(now),
        };
        self.ended = self.ended.or(end);
    }

    /// The signature of a link that works until this second.
    pub(crate) fn signed(&self, expires: u64) -> String {
        format!("{}{expires:x}", self.signature)
    }

    /// Ends whatever its pace.
    pub(crate) fn end_now(&mut self, now: Duration) {
        self.ended.get_or_insert(now);
    }

    pub(crate) fn status(&self, pace: Pace, now: Duration) -> &str {
        if self.ended.is_some() {
            return match &self.outcome.ending {
                Ending::Done => "done",
                Ending::Error { .. } => "error",
                Ending::Rejected => "rejected",
            };
        }
        let step = match pace {
            Pace::Time(total) if total.is_zero() => 0,
            Pace::Time(total) => {
                let share = (now.saturating_sub(self.created)).as_secs_f64() / total.as_secs_f64();
                (share * f64::from(self.steps())) as usize
            }
            Pace::Polls(each) => (self.polls / each.max(1)) as usize,
        };
        match step {
            0 => "created",
            1 => "started",
            later => self.outcome.through.get(later - 2).map_or("started", String::as_str),
        }
    }

    /// The answer to its creation.
    pub(crate) fn created_json(&self, owner: &str) -> Value {
        json!({
            "id": self.id,
            "object": "talk",
            "created_by": owner,
            "created_at": stamp(self.created_at),
            "status": "created",
        })
    }

    /// The talk object of `GET`, of a list, and of `DELETE`. `error`, `user_data`, `name` and
    /// `duration` are in the vendor's guides though not in its OpenAPI description.
    pub(crate) fn json(&self, owner: &str, status: &str, result_url: Option<String>) -> Value {
        let ended = self.ended.map(|at| self.created_at + (at.saturating_sub(self.created)));
        let mut talk = json!({
            "id": self.id,
            "user_id": owner,
            "created_by": owner,
            "source_url": self.body.source_url,
            "created_at": stamp(self.created_at),
            "modified_at": stamp(ended.unwrap_or(self.created_at)),
            "status": status,
        });
        if status != "created" {
            talk["started_at"] = stamp(self.created_at).into();
        }
        let optional = [
            ("audio_url", self.body.audio_url.clone()),
            ("webhook", self.body.webhook.clone()),
            ("user_data", self.body.user_data.clone()),
            ("name", self.body.name.clone()),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                talk[name] = value.into();
            }
        }
        if let Some(config) = &self.body.config {
            talk["config"] = config.clone();
        }
        match (&self.outcome.ending, self.ended) {
            (Ending::Done, Some(_)) => {
                talk["duration"] = self.seconds.into();
                talk["metadata"] = json!({ "num_faces": 1, "resolution": [256, 256] });
                if let Some(url) = result_url {
                    talk["result_url"] = url.into();
                }
            }
            (Ending::Error { kind, description }, Some(_)) => {
                talk["error"] = json!({ "kind": kind, "description": description });
            }
            _ => {}
        }
        talk
    }
}
