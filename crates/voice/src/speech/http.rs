use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use portrait_http::{last_cause, one_line, retry_after_of};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::request::{Speech, SpeechRequest};
use super::settings::Settings;
use super::wire::Body;
use crate::error::Error;
use crate::sniff::sniff;

/// Characters of an answer that are quoted in an error.
const QUOTED: usize = 256;
/// Bytes of an error's answer that are read.
const MAX_REFUSAL: usize = 64 << 10;

/// A speech service by HTTP: OpenAI's `POST /audio/speech`, which servers around OpenVoice and
/// other engines offer too, with a few fields more. The project's `docs/voice.md` states request
/// and response.
///
/// Nothing is read from the environment, no redirect is followed, and the key is never shown.
/// Clones share connections.
///
/// ```
/// use portrait_voice::HttpSpeech;
///
/// let speech = HttpSpeech::builder("http://localhost:8000/v1".parse()?).voice("anna").build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct HttpSpeech {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) client: reqwest::Client,
    pub(super) address: Url,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) key: Option<SecretString>,
    pub(super) settings: Settings,
}

impl HttpSpeech {
    /// Sends once.
    async fn once(&self, request: &SpeechRequest) -> Result<Bytes, Failure> {
        let Inner { client, address, settings, .. } = &*self.inner;
        let voice = settings.voice.as_deref();
        let body = Body::new(request, &settings.model, voice, settings.standard);
        let mut sent = client.post(address.clone()).timeout(settings.timeout).json(&body);
        if let Some(authorization) = &self.inner.authorization {
            sent = sent.header(AUTHORIZATION, authorization.clone());
        }
        let sent = sent.header(ACCEPT, "audio/*, application/octet-stream");
        let response = sent.send().await.map_err(|error| self.lost(&error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.refused(status, response).await);
        }
        Ok(self.sound(response).await?)
    }

    async fn sound(&self, response: Response) -> Result<Bytes, Error> {
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or_default().to_ascii_lowercase();
        let max = self.inner.settings.max_bytes;
        if media_type.starts_with("text/") || media_type.starts_with("application/json") {
            let body = self.body(response, MAX_REFUSAL).await.unwrap_or_default();
            return Err(answer(format!("it is {media_type}: {}", self.quoted(&body))));
        }
        let too_large = || answer(format!("it has more than the {max} bytes allowed"));
        if response.content_length().is_some_and(|length| length > max as u64) {
            return Err(too_large());
        }
        // One byte more than allowed tells that there are more.
        let body = self.body(response, max.saturating_add(1)).await?;
        if body.len() > max {
            return Err(too_large());
        }
        match sniff(&body) {
            Ok(_) => Ok(body),
            Err(Error::Unsupported { what }) => Err(answer(what)),
            Err(error) => Err(error),
        }
    }

    /// The body, up to so many bytes.
    async fn body(&self, mut response: Response, most: usize) -> Result<Bytes, Error> {
        let mut body = BytesMut::new();
        while body.len() < most {
            let piece = response.chunk().await.map_err(|error| self.lost(&error).error)?;
            let Some(piece) = piece else { break };
            body.extend_from_slice(&piece[..piece.len().min(most - body.len())]);
        }
        Ok(body.freeze())
    }

    /// What an answer that is no success means.
    async fn refused(&self, status: StatusCode, response: Response) -> Failure {
        let retry_after = retry_after_of(response.headers(), SystemTime::now());
        // The status says enough even when the rest of the answer is lost.
        let body = self.body(response, MAX_REFUSAL).await.unwrap_or_default();
        let (code, reason) = (status.as_u16(), self.quoted(&body));
        match code {
            401 | 403 => Error::SpeechUnauthorised { status: code, reason }.into(),
            408 | 429 | 500.. => Failure {
                error: Error::SpeechUnavailable {
                    reason: format!("status {code} ({reason})"),
                    retry_after,
                },
                not_done: matches!(code, 429 | 503),
            },
            400..=499 => Error::SpeechRefused { status: code, reason }.into(),
            _ => answer(format!("status {code}, which is neither success nor error")).into(),
        }
    }

    /// The error of an exchange that broke off.
    fn lost(&self, error: &reqwest::Error) -> Failure {
        if error.is_timeout() && !error.is_connect() {
            return Error::SpeechTimeout { after: self.inner.settings.timeout }.into();
        }
        let what = if error.is_connect() { "cannot connect" } else { "connection lost" };
        let reason = format!("{what}: {}", self.cleaned(&last_cause(error)));
        Failure {
            error: Error::SpeechUnavailable { reason, retry_after: None },
            not_done: error.is_connect(),
        }
    }

    /// What a service says of an error, in one line: OpenAI's `error.message`, FastAPI's `detail`,
    /// or the start of what there is.
    fn quoted(&self, body: &[u8]) -> String {
        let said = serde_json::from_slice::<serde_json::Value>(body).ok().and_then(|json| {
            let places = ["/error/message", "/detail", "/message", "/error"];
            places.iter().find_map(|place| match json.pointer(place)? {
                serde_json::Value::String(text) => Some(text.clone()),
                serde_json::Value::Null => None,
                other => Some(other.to_string()),
            })
        });
        match said {
            Some(said) => self.cleaned(&said),
            None if body.is_empty() => "no reason given".to_owned(),
            None => self.cleaned(&String::from_utf8_lossy(body)),
        }
    }

    /// In one line, short, and without the key.
    fn cleaned(&self, text: &str) -> String {
        let key = self.inner.key.as_ref().map(ExposeSecret::expose_secret);
        one_line(text, key, "[key]", QUOTED)
    }
}

#[async_trait]
impl Speech for HttpSpeech {
    async fn speak(&self, request: &SpeechRequest) -> Result<Bytes, Error> {
        let mut tries = self.inner.settings.retry.tries();
        loop {
            let Failure { error, not_done } = match self.once(request).await {
                Ok(sound) => return Ok(sound),
                Err(failure) => failure,
            };
            let asked = error.retry_after();
            tries.wait_after(error, not_done, asked).await?;
        }
    }
}

impl fmt::Debug for HttpSpeech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSpeech")
            .field("address", &self.inner.address.as_str())
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}

struct Failure {
    error: Error,
    /// The request was certainly not carried out.
    not_done: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { error, not_done: false }
    }
}

fn answer(reason: String) -> Error {
    Error::SpeechAnswer { reason }
}
