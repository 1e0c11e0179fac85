//! D-ID's error envelope and JSON answers.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

/// A refusal in D-ID's form: `{kind, description, details?}` under a status
/// (schema `JsonError` of the OpenAPI description).
#[derive(Debug)]
pub(crate) struct ApiError {
    status: u16,
    kind: &'static str,
    description: String,
    details: Option<Value>,
}

pub(crate) type ApiResult = Result<Response, ApiError>;

impl ApiError {
    fn new(status: u16, kind: &'static str, description: impl Into<String>) -> ApiError {
        ApiError { status, kind, description: description.into(), details: None }
    }

    pub(crate) fn bad_request(description: impl Into<String>) -> ApiError {
        ApiError::new(400, "BadRequestError", description)
    }

    /// One of the 400 kinds of their own, such as `InvalidFileSizeError`.
    pub(crate) fn invalid(kind: &'static str, description: impl Into<String>) -> ApiError {
        ApiError::new(400, kind, description)
    }

    pub(crate) fn unauthenticated() -> ApiError {
        ApiError::new(401, "AuthorizationError", "user unauthenticated")
    }

    pub(crate) fn no_credits() -> ApiError {
        ApiError::new(402, "InsufficientCreditsError", "not enough credits")
    }

    pub(crate) fn no_permission(what: &str) -> ApiError {
        ApiError::new(403, "PermissionError", format!("user has no permission for {what}"))
    }

    pub(crate) fn not_found(description: impl Into<String>) -> ApiError {
        ApiError::new(404, "NotFoundError", description)
    }

    pub(crate) fn not_ready() -> ApiError {
        ApiError::new(409, "NotReadyError", "talk is in process, try again later")
    }

    pub(crate) fn unsupported(received: &str, supported: &[&str]) -> ApiError {
        let mut error = ApiError::new(
            415,
            "UnsupportedMimeTypeError",
            "The provided mime type is not supported",
        );
        error.details = Some(json!({ "received": received, "supported": supported }));
        error
    }

    pub(crate) fn into_response(self) -> Response {
        let mut body = json!({ "kind": self.kind, "description": self.description });
        if let Some(details) = self.details {
            body["details"] = details;
        }
        json_response(self.status, &body)
    }
}

/// A JSON answer; an impossible status becomes 500.
pub(crate) fn json_response(status: u16, body: &Value) -> Response {
    bytes_response(status, "application/json", body.to_string())
}

/// An answer with a body of any type.
pub(crate) fn bytes_response(
    status: u16,
    content_type: &'static str,
    body: impl Into<Body>,
) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}

/// The answer of a successful removal.
pub(crate) fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
