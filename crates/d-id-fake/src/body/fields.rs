//! Fields of a body, checked one by one.

use serde_json::{Map, Value};

use crate::envelope::ApiError;

/// How bodies are checked.
pub(crate) struct Rules<'a> {
    /// Refuse fields the description does not list.
    pub(crate) strict: bool,
    /// The server's own address: its `http` URLs pass where D-ID wants `https` or `s3`.
    pub(crate) own: &'a str,
}

pub(super) type Checked<T> = Result<T, ApiError>;

pub(super) fn refuse<T>(what: impl Into<String>) -> Checked<T> {
    Err(ApiError::bad_request(what))
}

pub(super) fn known(
    fields: &Map<String, Value>,
    what: &str,
    rules: &Rules<'_>,
    allowed: &[&str],
) -> Checked<()> {
    match fields.keys().find(|name| !allowed.contains(&name.as_str())) {
        Some(unknown) if rules.strict => refuse(format!("\"{unknown}\" is not allowed in {what}")),
        _ => Ok(()),
    }
}

pub(super) fn text(fields: &Map<String, Value>, name: &str) -> Checked<Option<String>> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => refuse(format!("\"{name}\" must be a string")),
    }
}

pub(super) fn flag(fields: &Map<String, Value>, name: &str) -> Checked<bool> {
    match fields.get(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => refuse(format!("\"{name}\" must be a boolean")),
    }
}
