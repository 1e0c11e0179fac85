//! What D-ID posts when a talk has ended.
//!
//! D-ID's description and guides name no signature, so a message proves nothing by itself. Two
//! things make it safe: a secret in the address, which only D-ID knows, and that only the talk's id
//! is taken from the body. The talk itself is fetched again.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;
use url::Url;

use crate::client::Client;
use crate::error::Error;
use crate::ids::TalkId;
use crate::lenient;
use crate::talk::{Talk, TalkStatus};

/// Fewest characters of a secret: 128 bits in base64url without padding.
const SHORTEST: usize = 22;

/// Larger bodies are not talks.
const MAX_BODY: usize = 1024 * 1024;

/// The secret part of a webhook's address. It is never shown.
///
/// ```
/// use portrait_d_id::WebhookSecret;
///
/// // From your configuration: at least 22 random characters that need no escaping.
/// let secret = WebhookSecret::new("Jl7vWq0Zx2h9TnB4cRk8sD")?;
/// let address = secret.address(&"https://example.com/hooks/d-id/".parse()?)?;
/// assert!(address.as_str().ends_with("/hooks/d-id/Jl7vWq0Zx2h9TnB4cRk8sD"));
///
/// // Where the message arrives, with the last part of the path:
/// assert!(secret.admits("Jl7vWq0Zx2h9TnB4cRk8sD"));
/// assert!(!secret.admits("Jl7vWq0Zx2h9TnB4cRk8sE"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct WebhookSecret(SecretString);

impl WebhookSecret {
    /// Takes a secret of at least 22 characters of `a-z A-Z 0-9 - _`.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for one that is shorter or has other characters.
    pub fn new(secret: impl Into<SecretString>) -> Result<WebhookSecret, Error> {
        let secret = secret.into();
        let text = secret.expose_secret();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if text.len() < SHORTEST || !text.chars().all(plain) {
            let reason = "it must have at least 22 random characters of a-z A-Z 0-9 - _";
            return Err(Error::invalid("webhook secret", reason));
        }
        Ok(WebhookSecret(secret))
    }

    /// The address for [`CreateTalk::webhook`](crate::CreateTalk::webhook): `base` with the secret
    /// as the last part of its path.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for a base that has no path, or a query.
    pub fn address(&self, base: &Url) -> Result<Url, Error> {
        let invalid = || Error::invalid("webhook", "it must be an https address without a query");
        if base.query().is_some() || base.fragment().is_some() {
            return Err(invalid());
        }
        let mut url = base.clone();
        url.path_segments_mut()
            .map_err(|()| invalid())?
            .pop_if_empty()
            .push(self.0.expose_secret());
        Ok(url)
    }

    /// Whether this is the secret; takes the same time wherever the two differ.
    #[must_use]
    pub fn admits(&self, given: &str) -> bool {
        self.0.expose_secret().as_bytes().ct_eq(given.as_bytes()).into()
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret([redacted])")
    }
}

/// What a message says happened. Anybody can send one, and D-ID may send one twice, late, or out
/// of order: take it as a hint to look ([`WebhookEvent::fetch`]).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct WebhookEvent {
    /// The talk.
    pub id: TalkId,
    /// The status it claims.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub status: Option<TalkStatus>,
    /// What was given at the talk's creation.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub user_data: Option<String>,
}

impl WebhookEvent {
    /// Reads the body of a message: a talk, as `GET /talks/{id}` would show it.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] for a body that is no talk, is larger than 1 MiB, or whose id is
    /// no id.
    pub fn parse(body: &[u8]) -> Result<WebhookEvent, Error> {
        let invalid = |reason: &str| Error::invalid("webhook body", reason);
        if body.len() > MAX_BODY {
            return Err(invalid("it is larger than 1 MiB; it is not from D-ID"));
        }
        let event: WebhookEvent = serde_json::from_slice(body)
            .map_err(|_| invalid("it is no talk in JSON; it is not from D-ID"))?;
        let id = event.id.as_str();
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        if id.is_empty() || id.len() > 100 || !id.chars().all(plain) {
            return Err(invalid("its id is no id of D-ID; it is not from D-ID"));
        }
        Ok(event)
    }

    /// The talk itself, from D-ID (`GET /talks/{id}`): the message is not trusted.
    ///
    /// # Errors
    /// As [`Talks::get`](crate::Talks::get).
    pub async fn fetch(&self, client: &Client) -> Result<Talk, Error> {
        client.talks().get(&self.id).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "Jl7vWq0Zx2h9TnB4cRk8sD";

    #[test]
    fn secrets_are_long_plain_and_hidden() {
        let secret = WebhookSecret::new(SECRET).unwrap();
        assert!(secret.admits(SECRET));
        for wrong in ["", "Jl7v", "jl7vWq0Zx2h9TnB4cRk8sD", "Jl7vWq0Zx2h9TnB4cRk8sDD"] {
            assert!(!secret.admits(wrong), "{wrong}");
        }
        assert_eq!(format!("{secret:?}"), "WebhookSecret([redacted])");
        for bad in ["", "short", "Jl7vWq0Zx2h9TnB4cRk8s/", "Jl7vWq0Zx2h9TnB4cRk8s?a=1"] {
            let error = WebhookSecret::new(bad).unwrap_err().to_string();
            assert!(bad.is_empty() || !error.contains(bad), "{error}");
        }
        let bases = ["https://host/hooks", "https://host/hooks/"];
        for base in bases {
            let address = secret.address(&base.parse().unwrap()).unwrap();
            assert_eq!(address.as_str(), format!("https://host/hooks/{SECRET}"));
        }
        assert!(secret.address(&"https://host/hooks?x=1".parse().unwrap()).is_err());
    }

    #[test]
    fn only_the_id_is_needed_and_it_must_be_one() {
        let parse = |text: &str| WebhookEvent::parse(text.as_bytes());
        let event = parse(r#"{"id":"tlk_1","status":"moonlit","new":{"a":1}}"#).unwrap();
        assert_eq!(event.id, TalkId::from("tlk_1"));
        assert_eq!(event.status, Some(TalkStatus::Other("moonlit".into())));
        assert!(parse(r#"{"id":"tlk_1","status":7}"#).unwrap().status.is_none());
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"id":""}"#,
            r#"{"id":7}"#,
            r#"{"id":"../credits"}"#,
            r#"{"id":"tlk_1?x"}"#,
        ] {
            assert!(matches!(parse(bad), Err(Error::InvalidRequest { .. })), "{bad}");
        }
        assert!(WebhookEvent::parse(&vec![b' '; MAX_BODY + 1]).is_err());
    }
}
