use std::sync::Arc;
use std::time::Duration;

use portrait_http::check_address;
use reqwest::header::HeaderValue;
use reqwest::redirect;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::http::{HttpSpeech, Inner};
use super::retry::SpeechRetry;
use crate::error::Error;

/// Settings of an [`HttpSpeech`].
#[derive(Debug, Clone)]
#[must_use]
pub struct HttpSpeechBuilder {
    address: Url,
    key: Option<SecretString>,
    /// Secret because a proxy's address may hold a password.
    proxy: Option<SecretString>,
    allow_http: bool,
    settings: Settings,
}

impl HttpSpeechBuilder {
    pub(super) fn new(address: Url) -> HttpSpeechBuilder {
        HttpSpeechBuilder {
            address,
            key: None,
            proxy: None,
            allow_http: false,
            settings: Settings {
                model: "tts-1".to_owned(),
                voice: None,
                standard: false,
                timeout: Duration::from_secs(120),
                connect_timeout: Duration::from_secs(10),
                max_bytes: 64 << 20,
                retry: SpeechRetry::default(),
            },
        }
    }

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
        self.settings.connect_timeout = timeout;
        self
    }

    /// Most bytes of an answer; 64 MiB by default.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_bytes = bytes;
        self
    }

    /// How requests are tried again.
    pub fn retry(mut self, retry: SpeechRetry) -> Self {
        self.settings.retry = retry;
        self
    }

    /// A proxy for all requests. The environment's proxy variables are not read.
    pub fn proxy(mut self, proxy: Url) -> Self {
        self.proxy = Some(SecretString::from(String::from(proxy)));
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
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(self.settings.connect_timeout)
            .user_agent(concat!("portrait-voice/", env!("CARGO_PKG_VERSION")));
        if let Some(proxy) = &self.proxy {
            let proxy = reqwest::Proxy::all(proxy.expose_secret())
                .map_err(|_| Error::option("speech.proxy", "it is no usable proxy address"))?;
            builder = builder.proxy(proxy);
        }
        let client = builder.build().map_err(|error| {
            let reason = format!("the HTTP client cannot be built: {}", error.without_url());
            Error::option("speech.client", reason)
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

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) model: String,
    pub(super) voice: Option<String>,
    pub(super) standard: bool,
    pub(super) timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) max_bytes: usize,
    pub(super) retry: SpeechRetry,
}
