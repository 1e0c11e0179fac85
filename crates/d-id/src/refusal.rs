//! From an HTTP answer that is no success to a typed error.

use std::time::Duration;

use serde_json::Value;

use crate::error::{Error, ImageFault, ModerationKind, Refusal};
use crate::key::Redactor;
use crate::operation::Operation;

/// Unparsed bodies are quoted up to this many characters.
const MAX_BODY: usize = 256;
/// D-ID's own descriptions are quoted up to this many.
pub(crate) const MAX_DESCRIPTION: usize = 1024;
/// D-ID's words for kinds and states, up to this many.
pub(crate) const MAX_KIND: usize = 256;

/// An answer's status, body and what `Retry-After` asks.
pub(crate) struct Refused<'a> {
    pub(crate) operation: Operation,
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
    pub(crate) retry_after: Option<Duration>,
}

impl Refused<'_> {
    pub(crate) fn into_error(self, redactor: &Redactor) -> Error {
        let parsed: Option<Value> = serde_json::from_slice(self.body).ok();
        let field = |name: &str| parsed.as_ref().and_then(|body| body.get(name));
        let string = |name: &str| field(name).and_then(Value::as_str);
        let (kind, description) = match (string("kind"), string("message")) {
            (Some(kind), message) => {
                let said = string("description").or(message).unwrap_or_default();
                (redactor.clean(kind, MAX_KIND), redactor.clean(said, MAX_DESCRIPTION))
            }
            (None, Some(message)) => {
                ("HttpError".to_owned(), redactor.clean(message, MAX_DESCRIPTION))
            }
            (None, None) => ("HttpError".to_owned(), quoted(self.body, redactor)),
        };
        let refusal = Refusal { operation: self.operation, status: self.status, kind, description };
        if self.operation == Operation::Download && matches!(self.status, 403 | 404 | 410) {
            return Error::LinkExpired { refusal };
        }
        let retry_after = self.retry_after;
        match self.status {
            300..=399 => Error::Protocol {
                operation: self.operation,
                status: self.status,
                reason: "redirects are not followed, they could carry the key elsewhere".to_owned(),
                body: quoted(self.body, redactor),
            },
            401 => Error::Unauthorised { refusal },
            402 => Error::InsufficientCredits { refusal },
            403 => Error::Permission { refusal },
            404 => Error::NotFound { refusal },
            409 => Error::NotReady { refusal },
            415 => {
                let details = field("details");
                let text =
                    |value: &Value| redactor.clean(value.as_str().unwrap_or_default(), MAX_BODY);
                let supported = details
                    .and_then(|details| details.get("supported"))
                    .and_then(Value::as_array)
                    .map(|all| all.iter().map(text).collect())
                    .unwrap_or_default();
                Error::UnsupportedMediaType {
                    received: details.and_then(|details| details.get("received")).map(text),
                    supported,
                    refusal,
                }
            }
            429 => Error::RateLimited { retry_after, refusal },
            451 => Error::Moderation { kind: moderation(&refusal.kind), refusal },
            status @ (408 | 500..) => Error::Server { status, retry_after, refusal },
            _ => by_kind(refusal),
        }
    }
}

/// 400 and its like: the kind says more than the status.
fn by_kind(refusal: Refusal) -> Error {
    let audio = refusal.operation.is_audio();
    let fault = match refusal.kind.as_str() {
        "InvalidFileSizeError" if !audio => Some(ImageFault::FileSize),
        "InvalidImageResolutionError" => Some(ImageFault::Resolution),
        "InvalidFaceError" => Some(ImageFault::Face),
        "BadRequestError" | "BadRequest" if refusal.description == "invalid image" => {
            Some(ImageFault::Unreadable)
        }
        _ => None,
    };
    match (fault, moderation(&refusal.kind)) {
        (Some(fault), _) => Error::InvalidImage { fault, refusal },
        (None, ModerationKind::Other(_)) => Error::BadRequest { refusal },
        (None, kind) => Error::Moderation { kind, refusal },
    }
}

fn moderation(kind: &str) -> ModerationKind {
    match kind {
        "ImageModerationError" => ModerationKind::Image,
        "TextModerationError" => ModerationKind::Text,
        "AudioModerationError" => ModerationKind::Audio,
        "CelebrityRecognizedError" => ModerationKind::Celebrity,
        other => ModerationKind::Other(other.to_owned()),
    }
}

/// The start of a body for a message: one line, at most 256 characters, no key.
pub(crate) fn quoted(body: &[u8], redactor: &Redactor) -> String {
    // Enough for 256 characters however many bytes each takes.
    let start = &body[..body.len().min(64 * 1024)];
    redactor.clean(&String::from_utf8_lossy(start), MAX_BODY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(operation: Operation, status: u16, body: &str) -> Error {
        let refused = Refused { operation, status, body: body.as_bytes(), retry_after: None };
        refused.into_error(&Redactor::default())
    }

    #[test]
    fn envelope_gateway_and_html_bodies_are_all_read() {
        let envelope =
            r#"{"kind":"PermissionError","description":"user has no permission for stitch"}"#;
        let Error::Permission { refusal } = error(Operation::CreateTalk, 403, envelope) else {
            panic!("not a permission error");
        };
        assert_eq!(refusal.kind, "PermissionError");
        assert_eq!(
            refusal.to_string(),
            "POST /talks: 403 PermissionError: user has no permission for stitch"
        );
        let gateway = r#"{"message":"Endpoint request timed out"}"#;
        let Error::Server { status: 504, refusal, .. } = error(Operation::CreateTalk, 504, gateway)
        else {
            panic!("not a server error");
        };
        assert_eq!(refusal.kind, "HttpError");
        assert_eq!(refusal.description, "Endpoint request timed out");
        let html = format!("<html>\n<h1>Bad  gateway</h1>{}</html>", "x".repeat(1000));
        let Error::Server { refusal, .. } = error(Operation::Credits, 502, &html) else {
            panic!("not a server error");
        };
        assert!(refusal.description.starts_with("<html> <h1>Bad gateway</h1>"));
        assert_eq!(refusal.description.chars().count(), 256);
    }

    #[test]
    fn kinds_of_400_are_told_apart() {
        let body = |kind: &str| format!(r#"{{"kind":"{kind}","description":"no"}}"#);
        assert!(matches!(
            error(Operation::UploadImage, 400, &body("InvalidFileSizeError")),
            Error::InvalidImage { fault: ImageFault::FileSize, .. }
        ));
        assert!(matches!(
            error(Operation::UploadAudio, 400, &body("InvalidFileSizeError")),
            Error::BadRequest { .. }
        ));
        assert!(matches!(
            error(Operation::CreateTalk, 400, &body("BadRequest")),
            Error::BadRequest { .. }
        ));
        assert!(matches!(
            error(Operation::GetTalk, 404, &body("NotFound")),
            Error::NotFound { .. }
        ));
        assert!(matches!(error(Operation::GetTalk, 302, ""), Error::Protocol { status: 302, .. }));
    }

    #[test]
    fn the_types_of_a_415_are_kept() {
        let body = r#"{"kind":"UnsupportedMimeTypeError","description":"no",
            "details":{"received":"image/gif","supported":["image/jpeg","image/png"]}}"#;
        let error = error(Operation::UploadImage, 415, body);
        assert!(error.to_string().ends_with("supported: image/jpeg, image/png"));
        let Error::UnsupportedMediaType { received, .. } = error else {
            panic!("not a media type error");
        };
        assert_eq!(received.as_deref(), Some("image/gif"));
    }
}
