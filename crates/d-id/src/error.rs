use std::fmt;
use std::time::Duration;

use crate::ids::TalkId;
use crate::operation::Operation;
use crate::talk::{TalkErrorKind, TalkStatus};

/// What went wrong, by kind. No message holds the key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// 401: the key is wrong or missing.
    #[error("D-ID refused the key ({refusal}); check the API key")]
    Unauthorised {
        /// D-ID's answer.
        refusal: Refusal,
    },
    /// 402: the account has too few credits.
    #[error(
        "D-ID account has too few credits ({refusal}); buy credits or wait for the next period"
    )]
    InsufficientCredits {
        /// D-ID's answer.
        refusal: Refusal,
    },
    /// 403: the plan does not include what was asked, such as `stitch`.
    #[error("D-ID plan does not allow this ({refusal}); leave the option out or change the plan")]
    Permission {
        /// D-ID's answer.
        refusal: Refusal,
    },
    /// 404: no such talk, picture or sound.
    #[error("D-ID does not know it ({refusal}); check the id, it may have been deleted")]
    NotFound {
        /// D-ID's answer.
        refusal: Refusal,
    },
    /// 409: a talk in process cannot be removed, or the same request is being worked on.
    #[error("D-ID is still working on it ({refusal}); try again when the talk has ended")]
    NotReady {
        /// D-ID's answer.
        refusal: Refusal,
    },
    /// 400 and other refusals of a request as it was sent. Kinds that a caller need not tell apart
    /// are only named in the refusal and in the text: `BadRequestError`, `ConfigError`,
    /// `InvalidAudioDurationError`, `DriverNotValidError`, `RangeError`, `SessionError`,
    /// `ConsentTextSimilarityError`, and those this client does not know.
    #[error("D-ID refused the request ({refusal}); correct the request")]
    BadRequest {
        /// D-ID's answer.
        refusal: Refusal,
    },
    /// 400 because of the picture.
    #[error("D-ID cannot use the picture ({refusal}); send another picture: {fault}")]
    InvalidImage {
        /// What is wrong with it.
        fault: ImageFault,
        /// D-ID's answer.
        refusal: Refusal,
    },
    /// 451: moderation refused picture, text or sound.
    #[error("D-ID's moderation refused the {kind} ({refusal}); use another one")]
    Moderation {
        /// What was refused.
        kind: ModerationKind,
        /// D-ID's answer.
        refusal: Refusal,
    },
    /// 415: a media type D-ID does not take.
    #[error("D-ID does not take this media type ({refusal}); supported: {}", supported.join(", "))]
    UnsupportedMediaType {
        /// The type D-ID saw.
        received: Option<String>,
        /// The types it takes.
        supported: Vec<String>,
        /// D-ID's answer.
        refusal: Refusal,
    },
    /// 429: too many requests.
    #[error("D-ID's rate limit is reached ({refusal}); try again {}", Later(*retry_after))]
    RateLimited {
        /// How long D-ID asks to wait, where it says so.
        retry_after: Option<Duration>,
        /// D-ID's answer.
        refusal: Refusal,
    },
    /// 408 and 5xx: the server failed.
    #[error("D-ID failed ({refusal}); try again {}", Later(*retry_after))]
    Server {
        /// The HTTP status.
        status: u16,
        /// How long D-ID asks to wait, where it says so.
        retry_after: Option<Duration>,
        /// D-ID's answer.
        refusal: Refusal,
    },
    /// The talk ended in `error`. Its credits are given back.
    #[error("talk {id} failed: {kind}: {description}; {}", kind.advice())]
    TalkFailed {
        /// The talk.
        id: TalkId,
        /// The kind of failure.
        kind: TalkErrorKind,
        /// What D-ID says of it.
        description: String,
    },
    /// The talk ended `rejected`: moderation refused it after its creation.
    #[error("talk {id} was rejected by D-ID's moderation{}; use another picture or text", Said(description.as_deref()))]
    TalkRejected {
        /// The talk.
        id: TalkId,
        /// What D-ID says of it, where it says anything.
        description: Option<String>,
    },
    /// No answer, or no end of the talk, in time.
    #[error("{operation}: not finished after {after:?}{}; try again or allow more time", Seen(last_status.as_ref()))]
    Timeout {
        /// What was waited for.
        operation: Operation,
        /// The time allowed.
        after: Duration,
        /// The talk's last known status, when waiting for a talk.
        last_status: Option<TalkStatus>,
    },
    /// No connection, or a lost one.
    #[error("{operation}: {}: {reason}; check the network and try again",
        if *connected { "connection lost" } else { "cannot connect" })]
    Network {
        /// What was being done.
        operation: Operation,
        /// Whether a connection had been made, so that the request may have arrived.
        connected: bool,
        /// The cause, in words.
        reason: String,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A download ended before all announced bytes had come.
    #[error("video is cut off: {received} of {expected} bytes came; download it again")]
    Truncated {
        /// Bytes announced.
        expected: u64,
        /// Bytes received.
        received: u64,
    },
    /// The link to a video no longer works: links expire after about a day.
    #[error("video link does not work ({refusal}); get the talk again for a fresh link")]
    LinkExpired {
        /// The file server's answer.
        refusal: Refusal,
    },
    /// The request breaks a documented limit; nothing was sent.
    #[error("{field} is not acceptable: {reason}")]
    InvalidRequest {
        /// The field, such as `script.input`.
        field: &'static str,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// An answer the client cannot read.
    #[error(
        "{operation}: unreadable answer with status {status}: {reason}: {body:?}; is the base URL right?"
    )]
    Protocol {
        /// What was being done.
        operation: Operation,
        /// The HTTP status.
        status: u16,
        /// Why it cannot be read.
        reason: String,
        /// The start of the body, at most 256 characters.
        body: String,
    },
    /// The list of talks has more pages than
    /// [`CreateRecovery::max_pages`](crate::CreateRecovery::max_pages) allows to read, and the talk
    /// looked for is on none of those read.
    #[error(
        "GET /talks: not among the first {pages} pages, and there are more; allow more pages, or delete old talks"
    )]
    ListTooLong {
        /// Pages read.
        pages: u32,
    },
    /// What [`Talks::create_recorded`](crate::Talks::create_recorded) was to keep could not be
    /// kept, so the request was not sent.
    #[error(
        "POST /talks: not sent, because its record could not be kept: {source}; see to that first"
    )]
    NotRecorded {
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer to `POST /talks` was lost, and whether the talk exists could not be settled. It
    /// may have been made and paid: look for `source_url` among the talks
    /// ([`Talks::find_by_source`](crate::Talks::find_by_source)) before creating it again.
    #[error("POST /talks: unknown whether the talk of {source_url} was made: {cause}{}; look for it before paying again",
        Listing(listing.as_deref()))]
    CreateAmbiguous {
        /// The picture the talk would be found by.
        source_url: String,
        /// Why the answer was lost.
        cause: Box<Error>,
        /// Why listing the talks failed too; `None` when the list did not hold it (yet).
        listing: Option<Box<Error>>,
    },
}

impl Error {
    /// Whether the same call may succeed later without a change. Never true of a create whose
    /// outcome is unknown.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Error::RateLimited { .. }
                | Error::Server { .. }
                | Error::Timeout { .. }
                | Error::Network { .. }
                | Error::Truncated { .. }
        )
    }

    /// Whether it is certain that the request had no effect, because D-ID refused it or it was
    /// never sent. For a create it means that no talk was made; any other error may have made one.
    #[must_use]
    pub fn was_refused(&self) -> bool {
        match self {
            Error::Unauthorised { .. }
            | Error::InsufficientCredits { .. }
            | Error::Permission { .. }
            | Error::NotFound { .. }
            | Error::BadRequest { .. }
            | Error::InvalidImage { .. }
            | Error::Moderation { .. }
            | Error::UnsupportedMediaType { .. }
            | Error::RateLimited { .. }
            | Error::InvalidRequest { .. } => true,
            Error::Network { connected, .. } => !connected,
            // After 409, "the same request is in process", another try may have succeeded. A
            // request that could not be recorded may repeat one that was sent before.
            _ => false,
        }
    }

    /// How long the server asks to wait before another try, where it says so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::RateLimited { retry_after, .. } | Error::Server { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    pub(crate) fn invalid(field: &'static str, reason: impl Into<String>) -> Error {
        Error::InvalidRequest { field, reason: reason.into() }
    }
}

/// An answer that refuses: D-ID's envelope `{kind, description}`, a gateway's `{message}`, or
/// what could be read of another body.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// What was being done.
    pub operation: Operation,
    /// The HTTP status.
    pub status: u16,
    /// D-ID's kind, such as `BadRequestError`; `HttpError` where the body is no envelope.
    pub kind: String,
    /// D-ID's description or the start of the body, in one line.
    pub description: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.operation, self.status, self.kind)?;
        if self.description.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.description)
    }
}

/// What is wrong with a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ImageFault {
    /// Too many bytes, or, at `POST /talks`, too many pixels.
    FileSize,
    /// Too few pixels.
    Resolution,
    /// No usable face.
    Face,
    /// Not readable as a picture.
    Unreadable,
}

impl fmt::Display for ImageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ImageFault::FileSize => "at most 10 MB and 10,485,760 pixels",
            ImageFault::Resolution => "at least 160 pixels a side",
            ImageFault::Face => "with one clear face",
            ImageFault::Unreadable => "a whole JPEG or PNG file",
        })
    }
}

/// What moderation refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ModerationKind {
    /// `ImageModerationError`
    Image,
    /// `TextModerationError`
    Text,
    /// `AudioModerationError`
    Audio,
    /// `CelebrityRecognizedError`: a well-known person.
    Celebrity,
    /// A kind this client does not know.
    Other(String),
}

impl fmt::Display for ModerationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ModerationKind::Image => "picture",
            ModerationKind::Text => "text",
            ModerationKind::Audio => "sound",
            ModerationKind::Celebrity => "picture of a well-known person",
            ModerationKind::Other(_) => "content",
        })
    }
}

struct Later(Option<Duration>);

impl fmt::Display for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(wait) => write!(f, "in {} s", wait.as_secs_f64().ceil()),
            None => f.write_str("later"),
        }
    }
}

struct Said<'a>(Option<&'a str>);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |said| write!(f, ": {said}"))
    }
}

struct Seen<'a>(Option<&'a TalkStatus>);

impl fmt::Display for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |status| write!(f, " (last status: {status})"))
    }
}

struct Listing<'a>(Option<&'a Error>);

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(error) => write!(f, "; listing failed too: {error}"),
            None => f.write_str("; it is not listed"),
        }
    }
}
