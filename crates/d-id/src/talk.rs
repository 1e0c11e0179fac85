use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::ids::TalkId;
use crate::lenient;

/// A talk as D-ID describes it. Only the id and the status are sure: what else is missing, or of
/// another type than documented, is `None`, and fields this client does not know are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Talk {
    /// The id.
    pub id: TalkId,
    /// How far it is.
    pub status: TalkStatus,
    /// The picture.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub source_url: Option<String>,
    /// The sound, where it was given or has been made.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub audio_url: Option<String>,
    /// The link to the video of a talk that is done. It works for about a day: download at once.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub result_url: Option<String>,
    /// Why it failed.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub error: Option<TalkError>,
    /// Length of the video in seconds.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub duration: Option<f64>,
    /// When it was created, ISO 8601.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub created_at: Option<String>,
    /// When the work began, ISO 8601.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub started_at: Option<String>,
    /// When it last changed, ISO 8601.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub modified_at: Option<String>,
    /// The account.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub user_id: Option<String>,
    /// The account that created it.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub created_by: Option<String>,
    /// What was given at its creation. Lists may leave it out.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub user_data: Option<String>,
    /// The video's name.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub name: Option<String>,
    /// Where its end is posted to.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub webhook: Option<String>,
    /// The options it is made with, as D-ID states them.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub config: Option<Value>,
    /// What D-ID measured on the way.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub metadata: Option<Value>,
}

/// How far a talk is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TalkStatus {
    /// Accepted.
    Created,
    /// Being made.
    Started,
    /// Finished: the video can be downloaded.
    Done,
    /// Failed; the credits are given back.
    Error,
    /// Refused by moderation.
    Rejected,
    /// A status this client does not know; taken as unfinished.
    Other(String),
}

impl TalkStatus {
    /// Whether it has ended: its status will not change any more.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self, TalkStatus::Done | TalkStatus::Error | TalkStatus::Rejected)
    }

    /// The word D-ID uses.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            TalkStatus::Created => "created",
            TalkStatus::Started => "started",
            TalkStatus::Done => "done",
            TalkStatus::Error => "error",
            TalkStatus::Rejected => "rejected",
            TalkStatus::Other(other) => other,
        }
    }
}

impl From<&str> for TalkStatus {
    fn from(status: &str) -> TalkStatus {
        match status {
            "created" => TalkStatus::Created,
            "started" => TalkStatus::Started,
            "done" => TalkStatus::Done,
            "error" => TalkStatus::Error,
            "rejected" => TalkStatus::Rejected,
            other => TalkStatus::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for TalkStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for TalkStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for TalkStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TalkStatus, D::Error> {
        String::deserialize(deserializer).map(|status| TalkStatus::from(status.as_str()))
    }
}

/// Why a talk failed after its creation (D-ID's guide on asynchronous errors).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TalkError {
    /// The kind.
    #[serde(default)]
    pub kind: TalkErrorKind,
    /// What D-ID says of it.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub description: Option<String>,
    /// Anything more.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub details: Option<Value>,
}

/// The kind of a talk's failure.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum TalkErrorKind {
    /// `FaceError`: no usable face in the picture.
    Face,
    /// `SourceError`: the picture could not be read.
    Source,
    /// `DriverError`: the movement could not be applied.
    Driver,
    /// `LogoError`: the logo could not be read.
    Logo,
    /// `UnknownError`, or no kind given.
    #[default]
    Unknown,
    /// A kind this client does not know.
    Other(String),
}

impl TalkErrorKind {
    /// The word D-ID uses.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            TalkErrorKind::Face => "FaceError",
            TalkErrorKind::Source => "SourceError",
            TalkErrorKind::Driver => "DriverError",
            TalkErrorKind::Logo => "LogoError",
            TalkErrorKind::Unknown => "UnknownError",
            TalkErrorKind::Other(other) => other,
        }
    }

    pub(crate) fn advice(&self) -> &'static str {
        match self {
            TalkErrorKind::Face => "use a picture with one clear face",
            TalkErrorKind::Source => "upload the picture again",
            TalkErrorKind::Logo => "check the logo's address",
            _ => "create it again; the credits are given back",
        }
    }
}

impl fmt::Display for TalkErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for TalkErrorKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for TalkErrorKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TalkErrorKind, D::Error> {
        let kind = String::deserialize(deserializer)?;
        Ok(match kind.as_str() {
            "FaceError" => TalkErrorKind::Face,
            "SourceError" => TalkErrorKind::Source,
            "DriverError" => TalkErrorKind::Driver,
            "LogoError" => TalkErrorKind::Logo,
            "UnknownError" => TalkErrorKind::Unknown,
            _ => TalkErrorKind::Other(kind),
        })
    }
}

/// Which talks to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListTalks {
    /// Talks a page; D-ID gives 100 where there is none.
    pub limit: Option<u32>,
    /// The token of the page before.
    pub token: Option<String>,
}

/// A page of talks.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct TalkPage {
    /// The talks; D-ID does not document their order.
    pub talks: Vec<Talk>,
    /// What asks for the next page; `None` on the last one.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub token: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unknown_missing_and_odd_fields_are_tolerated() {
        let talk: Talk = serde_json::from_value(json!({
            "id": "tlk_1",
            "status": "being-reviewed",
            "duration": "three",
            "metadata": null,
            "face": { "size": 3 },
        }))
        .unwrap();
        assert_eq!(talk.status, TalkStatus::Other("being-reviewed".into()));
        assert!(!talk.status.is_terminal());
        assert_eq!((talk.duration, talk.metadata, talk.source_url), (None, None, None));
        assert!(serde_json::from_value::<Talk>(json!({ "status": "done" })).is_err());
    }

    #[test]
    fn failures_have_a_kind_even_when_d_id_gives_none() {
        let error = |value: Value| {
            let talk = json!({ "id": "t", "status": "error", "error": value });
            serde_json::from_value::<Talk>(talk).unwrap().error
        };
        let face = error(json!({ "kind": "FaceError", "description": "No valid face detected" }));
        assert_eq!(face.unwrap().kind, TalkErrorKind::Face);
        let other = error(json!({ "kind": "MoonError", "details": [1] }));
        assert_eq!(other.unwrap().kind, TalkErrorKind::Other("MoonError".into()));
        assert_eq!(error(json!({})).unwrap().kind, TalkErrorKind::Unknown);
        assert_eq!(error(json!("broken")), None);
    }
}
