use std::sync::Arc;
use std::time::Duration;

use portrait_http::{ClientFault, ProxyAddress, RetryPolicy, check_address};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::http::{HttpSpeech, Inner};
use super::settings::Settings;
use crate::error::Error;

/// Settings of an [`HttpSpeech`].
#[derive(Debug, Clone)]
#[must_use]
pub struct HttpSpeechBuilder {
    address: Url,
    key: Option<SecretString>,
    allow_http: bool,
    settings: Settings,
}

impl HttpSpeech {
    /// Settings of a service. The address is the one that `/audio/speech` follows, such as
    /// `http://localhost:8000/v1`.
    pub fn builder(address: Url) -> HttpSpeechBuilder {
        HttpSpeechBuilder { address, key: None, allow_http: false, settings: Settings::default() }
    }
}

impl HttpSpeechBuilder {
    /// The API key, sent as `Authorization: Bearer`; none by default. It is sent by `https`, or
    /// within this machine; see [`allow_http`](HttpSpeechBuilder::allow_http).
    pub fn key(mut self, key: impl Into<SecretString>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The model where a voice names none; `tts-1` by default.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.settings.model = model.into();
        self
    }

    /// The voice where a message names none; the service's own default where there is none.
    pub fn voice(mut self, voice: impl Into<String>) -> Self {
        self.settings.voice = Some(voice.into());
        self
    }

    /// Sends OpenAI's own fields alone, for services that refuse others: language, style, pitch
    /// and expressiveness are left out then.
    pub fn standard_fields_only(mut self) -> Self {
        self.settings.standard = true;
        self
    }

    /// How long one try may take, to the last byte of the answer; 2 minutes by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// How long connecting may take; 10 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.http.connect_timeout = timeout;
        self
    }

    /// Most bytes of an answer; 64 MiB by default.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_bytes = bytes;
        self
    }

    /// How a request that was certainly not carried out is tried again: when no connection could
    /// be made, and after 429 and 503. What may have been carried out (another 5xx, a lost
    /// connection, a time-out) is not: a service may charge for each text. By default 3 tries in
    /// all, and a `Retry-After` of at most 30 s is waited for.
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.settings.retry = retry;
        self
    }

    /// A proxy for all requests. The environment's proxy variables are not read.
    pub fn proxy(mut self, proxy: Url) -> Self {
        self.settings.http.proxy = Some(ProxyAddress::from(proxy));
        self
    }

    /// Allows a key by `http` to another machine, in a private network. It then travels in the
    /// clear.
    pub fn allow_http(mut self) -> Self {
        self.allow_http = true;
        self
    }

    /// Builds it; sends nothing.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] naming the setting that cannot be used.
    pub fn build(self) -> Result<HttpSpeech, Error> {
        let refused = |reason: &str| Error::option("speech.address", reason);
        let mut address = self.address;
        check_address(&address, self.key.is_some(), self.allow_http)
            .map_err(|fault| refused(&fault.to_string()))?;
        address.set_query(None);
        address.set_fragment(None);
        address
            .path_segments_mut()
            .map_err(|()| refused("it cannot have a path"))?
            .pop_if_empty()
            .extend(["audio", "speech"]);
        if self.settings.retry.max_attempts == 0 {
            return Err(Error::option("speech.retry.max_attempts", "at least 1 is needed"));
        }
        let authorization = self.key.as_ref().map(|key| {
            let value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()));
            let mut value = value.map_err(|_| {
                Error::option("speech.key", "it holds characters that no header takes")
            })?;
            value.set_sensitive(true);
            Ok::<_, Error>(value)
        });
        let client = self.settings.http.build().map_err(|fault| {
            let setting = match fault {
                ClientFault::Proxy => "speech.proxy",
                _ => "speech.client",
            };
            Error::option(setting, fault.to_string())
        })?;
        let inner = Inner {
            client,
            address,
            authorization: authorization.transpose()?,
            key: self.key,
            settings: self.settings,
        };
        Ok(HttpSpeech { inner: Arc::new(inner) })
    }
}
