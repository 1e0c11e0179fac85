use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use serde_json::{Value, json};

use crate::envelope::bytes_response;

/// Something to go wrong with the next request to a route: when, for how long, and how.
///
/// ```
/// use portrait_d_id_fake::Fault;
///
/// // The gateway gives up although the talk is made: what API Gateway sends after 29 s.
/// let lost = Fault::json(504, serde_json::json!({ "message": "Endpoint request timed out" }))
///     .after_effect();
/// // Twice "not now, in a second".
/// let busy = Fault::error(429, "TooManyRequestsError", "slow down").retry_after(1).times(2);
/// # let _ = (lost, busy);
/// ```
#[derive(Clone)]
pub struct Fault {
    pub(crate) moment: Moment,
    pub(crate) delay: Duration,
    pub(crate) action: Action,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) times: u32,
}

/// When a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before the request's body has been read.
    Receiving,
    /// When the request has been read, before anything is done.
    Before,
    /// When the request has been carried out.
    After,
}

type Edit = Arc<dyn Fn(&mut Value) + Send + Sync>;

#[derive(Clone)]
pub(crate) enum Action {
    /// Answer as usual.
    Proceed,
    /// Answer this.
    Answer { status: u16, content_type: &'static str, body: Bytes },
    /// Close the connection without an answer.
    HangUp,
    /// Announce the whole answer, send this many bytes of it, close the connection.
    Truncate(usize),
    /// Send this many bytes as if they were the whole answer.
    Shorten(usize),
    /// Send the answer in pieces of this many bytes with pauses between them.
    Drip(usize, Duration),
    /// Change the JSON answer.
    Edit(Edit),
}

impl Fault {
    fn new(moment: Moment, action: Action) -> Fault {
        Fault { moment, delay: Duration::ZERO, action, headers: Vec::new(), times: 1 }
    }

    fn answer(status: u16, content_type: &'static str, body: Bytes) -> Fault {
        let action = Action::Answer { status, content_type, body };
        Fault::new(Moment::Before, action)
    }

    /// An answer in D-ID's error envelope, instead of the effect.
    #[must_use]
    pub fn error(status: u16, kind: &str, description: &str) -> Fault {
        Fault::json(status, json!({ "kind": kind, "description": description }))
    }

    /// An answer with this JSON body, instead of the effect.
    #[must_use]
    pub fn json(status: u16, body: Value) -> Fault {
        Fault::answer(status, "application/json", body.to_string().into())
    }

    /// An answer with this HTML body, as a gateway sends it, instead of the effect.
    #[must_use]
    pub fn html(status: u16, body: &str) -> Fault {
        Fault::answer(status, "text/html", Bytes::copy_from_slice(body.as_bytes()))
    }

    /// The usual answer, this much later. The request is carried out after the delay even if the
    /// caller has left by then; with [`Fault::after_effect`] it is carried out at once.
    #[must_use]
    pub fn delay(delay: Duration) -> Fault {
        Fault::new(Moment::Before, Action::Proceed).delayed(delay)
    }

    /// The connection closes without an answer and without the effect.
    #[must_use]
    pub fn hang_up() -> Fault {
        Fault::new(Moment::Before, Action::HangUp)
    }

    /// The whole answer is announced, but the connection closes after this many bytes of the body.
    #[must_use]
    pub fn truncate(bytes: usize) -> Fault {
        Fault::new(Moment::After, Action::Truncate(bytes))
    }

    /// Only this many bytes of the body, announced as the whole: a file that was cut off before it
    /// was stored.
    #[must_use]
    pub fn shorten(bytes: usize) -> Fault {
        Fault::new(Moment::After, Action::Shorten(bytes))
    }

    /// 451, as moderation answers: `ImageModerationError`, `TextModerationError`,
    /// `AudioModerationError` or `CelebrityRecognizedError`.
    #[must_use]
    pub fn moderation(kind: &str) -> Fault {
        Fault::error(451, kind, "inappropriate content")
    }

    /// The answer's body comes in pieces of this many bytes, with a pause before each.
    #[must_use]
    pub fn drip(piece: usize, pause: Duration) -> Fault {
        Fault::new(Moment::After, Action::Drip(piece.max(1), pause))
    }

    /// The usual answer, with its JSON changed: fields removed, added or given another form.
    #[must_use]
    pub fn edit(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Fault {
        Fault::new(Moment::After, Action::Edit(Arc::new(change)))
    }

    /// Lets the request take effect first: the talk is made, the picture is kept.
    #[must_use]
    pub fn after_effect(mut self) -> Fault {
        self.moment = Moment::After;
        self
    }

    /// Strikes before the request's body has been read.
    #[must_use]
    pub fn while_receiving(mut self) -> Fault {
        self.moment = Moment::Receiving;
        self
    }

    /// Waits this long before it strikes.
    #[must_use]
    pub fn delayed(mut self, delay: Duration) -> Fault {
        self.delay = delay;
        self
    }

    /// Adds `Retry-After` in seconds to the answer.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Fault {
        self.header("retry-after", &seconds.to_string())
    }

    /// Adds a header to the answer; a name or value HTTP does not allow is left out.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Fault {
        if let (Ok(name), Ok(value)) = (name.parse(), HeaderValue::from_str(value)) {
            self.headers.push((name, value));
        }
        self
    }

    /// Strikes this many requests in a row instead of one.
    #[must_use]
    pub fn times(mut self, times: u32) -> Fault {
        self.times = times;
        self
    }

    /// Whether the usual answer is replaced by one of the fault's own.
    pub(crate) fn replaces(&self) -> bool {
        matches!(self.action, Action::Answer { .. } | Action::HangUp)
    }

    /// The answer to send in place of `usual`; `None` closes the connection.
    pub(crate) async fn apply(&self, usual: Option<Response>) -> Option<Response> {
        let mut response = match &self.action {
            Action::HangUp => return None,
            Action::Answer { status, content_type, body } => {
                bytes_response(*status, content_type, body.clone())
            }
            Action::Proceed => usual?,
            Action::Truncate(bytes) => cut(usual?, *bytes).await,
            Action::Shorten(bytes) => shortened(usual?, *bytes).await,
            Action::Drip(piece, pause) => dripped(usual?, *piece, *pause).await,
            Action::Edit(change) => edited(usual?, change).await,
        };
        for (name, value) in &self.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        Some(response)
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = match &self.action {
            Action::Proceed => "proceed".to_owned(),
            Action::Answer { status, .. } => format!("answer {status}"),
            Action::HangUp => "hang up".to_owned(),
            Action::Truncate(bytes) => format!("truncate after {bytes} bytes"),
            Action::Shorten(bytes) => format!("shorten to {bytes} bytes"),
            Action::Drip(piece, pause) => format!("{piece} bytes every {pause:?}"),
            Action::Edit(_) => "edit".to_owned(),
        };
        f.debug_struct("Fault")
            .field("moment", &self.moment)
            .field("delay", &self.delay)
            .field("action", &action)
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}

/// Long enough for what was written to leave before the connection is closed.
const FLUSH: Duration = Duration::from_millis(20);

/// The whole body of an answer made here: always in memory, so reading it cannot fail.
async fn whole(response: Response) -> (axum::http::response::Parts, Bytes) {
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    (parts, bytes)
}

async fn cut(response: Response, bytes: usize) -> Response {
    let (mut parts, body) = whole(response).await;
    parts.headers.insert("content-length", HeaderValue::from(body.len()));
    let sent = body.slice(..bytes.min(body.len()));
    let pieces = stream::unfold(0, move |step| {
        let sent = sent.clone();
        async move {
            match step {
                0 => Some((Ok(sent), 1)),
                1 => {
                    tokio::time::sleep(FLUSH).await;
                    let lost = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                    Some((Err(lost), 2))
                }
                _ => None,
            }
        }
    });
    Response::from_parts(parts, Body::from_stream(pieces))
}

async fn shortened(response: Response, bytes: usize) -> Response {
    let (mut parts, body) = whole(response).await;
    let body = body.slice(..bytes.min(body.len()));
    parts.headers.insert("content-length", HeaderValue::from(body.len()));
    Response::from_parts(parts, Body::from(body))
}

async fn dripped(response: Response, piece: usize, pause: Duration) -> Response {
    let (mut parts, body) = whole(response).await;
    parts.headers.insert("content-length", HeaderValue::from(body.len()));
    let pieces = stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let next = rest.split_to(piece.min(rest.len()));
        Some((Ok::<_, std::io::Error>(next), rest))
    });
    Response::from_parts(parts, Body::from_stream(pieces))
}

async fn edited(response: Response, change: &Edit) -> Response {
    let (parts, body) = whole(response).await;
    let body = match serde_json::from_slice::<Value>(&body) {
        Ok(mut json) => {
            change(&mut json);
            Bytes::from(json.to_string())
        }
        Err(_) => body,
    };
    Response::from_parts(parts, Body::from(body))
}
