use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::error::Error;

/// An API key: `user:password` as D-ID's studio shows it, or the base64 of it. It is never shown.
///
/// A key with a colon is encoded once, as RFC 7617 asks; a key without one counts as encoded
/// already and is sent as it is.
#[derive(Clone)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// Takes a key; it is checked when the client is built.
    #[must_use]
    pub fn new(key: impl Into<SecretString>) -> ApiKey {
        ApiKey(key.into())
    }

    /// What goes behind `Basic `, and its secrets for redaction.
    pub(crate) fn credential(&self) -> Result<(HeaderValue, Redactor), Error> {
        let invalid = |reason: &str| Error::invalid("key", reason);
        let key = self.0.expose_secret().trim();
        if key.is_empty() {
            return Err(invalid("it is empty; give the API key of the D-ID account"));
        }
        if key.contains(|c: char| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
            return Err(invalid(
                "it holds spaces or unusual characters; give the key alone, without \"Basic\"",
            ));
        }
        let credential = match key.split_once(':') {
            None => key.to_owned(),
            // base64 of "key:" is a common mistake, and D-ID refuses it.
            Some(("", _) | (_, "")) => {
                return Err(invalid("a part is empty; give user:password"));
            }
            Some(_) => STANDARD.encode(key),
        };
        let mut header = HeaderValue::from_str(&format!("Basic {credential}"))
            .map_err(|_| invalid("it cannot be sent in a header"))?;
        header.set_sensitive(true);
        Ok((header, Redactor::of(key, &credential)))
    }
}

impl From<SecretString> for ApiKey {
    fn from(key: SecretString) -> ApiKey {
        ApiKey(key)
    }
}

impl From<String> for ApiKey {
    fn from(key: String) -> ApiKey {
        ApiKey::new(key)
    }
}

impl From<&str> for ApiKey {
    fn from(key: &str) -> ApiKey {
        ApiKey::new(key)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey([redacted])")
    }
}

/// Keeps the key out of what servers echo.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    secrets: Vec<SecretString>,
}

impl Redactor {
    /// Knows the key in every form: as given, as sent, decoded, and its password alone.
    fn of(key: &str, credential: &str) -> Redactor {
        let decoded = STANDARD.decode(credential).ok().and_then(|raw| String::from_utf8(raw).ok());
        let mut secrets = vec![key.to_owned(), credential.to_owned()];
        if let Some(decoded) = decoded {
            // Shorter ones are no secrets, and would blot out ordinary words.
            let password = decoded.split_once(':').map(|(_, password)| password.to_owned());
            secrets.extend(password.filter(|password| password.len() >= 8));
            secrets.insert(0, decoded);
        }
        Redactor { secrets: secrets.into_iter().map(SecretString::from).collect() }
    }

    /// Text from elsewhere, fit for a message: one line, without the key, at most `limit`
    /// characters.
    pub(crate) fn clean(&self, text: &str, limit: usize) -> String {
        let secrets = self.secrets.iter().map(ExposeSecret::expose_secret);
        portrait_http::one_line(text, secrets, "[redacted]", limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(key: &str) -> Result<String, Error> {
        let (value, _) = ApiKey::from(key).credential()?;
        assert!(value.is_sensitive());
        Ok(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_key_with_a_colon_is_encoded_once_and_one_without_is_left() {
        assert_eq!(header("user:pass").unwrap(), "Basic dXNlcjpwYXNz");
        assert_eq!(header(" user:pass\n").unwrap(), "Basic dXNlcjpwYXNz");
        assert_eq!(header("dXNlcjpwYXNz").unwrap(), "Basic dXNlcjpwYXNz");
    }

    #[test]
    fn unusable_keys_are_refused_without_being_shown() {
        for key in ["", "  ", "dXNlcg:", ":dXNlcg", "Basic dXNlcg", "clé:dXNlcg", "dXNl\ncg:x"] {
            let error = header(key).unwrap_err();
            assert!(matches!(error, Error::InvalidRequest { field: "key", .. }), "{key}");
            assert!(!error.to_string().contains("dXNlcg"));
        }
        assert_eq!(format!("{:?}", ApiKey::from("user:pass")), "ApiKey([redacted])");
    }

    #[test]
    fn echoed_keys_are_redacted() {
        let (_, redactor) = ApiKey::from("user:pass").credential().unwrap();
        let echoed = "you sent\n Basic dXNlcjpwYXNz, that is user:pass";
        let cleaned = "you sent Basic [redacted], that is [redacted]";
        assert_eq!(redactor.clean(echoed, 256), cleaned);
        assert_eq!(redactor.clean("ééé", 2), "éé");
    }
}
