//! One set-up for every HTTP client of the workspace.

use std::time::Duration;

use reqwest::redirect;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// How a client connects. TLS is rustls; the environment's proxies are never read.
///
/// ```
/// use std::time::Duration;
/// use portrait_http::{ClientSettings, Redirects};
///
/// let settings = ClientSettings {
///     read_timeout: Some(Duration::from_secs(30)),
///     redirects: Redirects::Follow(5),
///     ..ClientSettings::new("my-program/1.0")
/// };
/// let client = settings.build()?;
/// # Ok::<(), portrait_http::ClientFault>(())
/// ```
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// The header `User-Agent`.
    pub user_agent: String,
    /// How long connecting may take; 10 s by default.
    pub connect_timeout: Duration,
    /// How long nothing may arrive of an answer; no limit by default.
    pub read_timeout: Option<Duration>,
    /// Proxy for all requests (http, https, socks4, socks5, socks5h); none by default.
    pub proxy: Option<ProxyAddress>,
    /// Whether redirects are followed; they are not by default.
    pub redirects: Redirects,
}

/// The address of a proxy. It is never shown, as it may hold a password.
#[derive(Debug, Clone)]
pub struct ProxyAddress(SecretString);

impl From<Url> for ProxyAddress {
    fn from(address: Url) -> Self {
        Self(SecretString::from(String::from(address)))
    }
}

/// What is done with a redirect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Redirects {
    /// It is returned as the answer, so that no key is sent elsewhere.
    #[default]
    Return,
    /// Up to so many in a row are followed.
    Follow(usize),
}

/// Why a client cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientFault {
    /// The proxy's address.
    #[error("it is no usable proxy address")]
    Proxy,
    /// Something else, such as a `User-Agent` that no header takes.
    #[error("the HTTP client cannot be built: {0}")]
    Other(String),
}

impl ClientSettings {
    /// 10 s to connect, no other limit, no proxy, redirects returned.
    pub fn new(user_agent: impl Into<String>) -> Self {
        Self {
            user_agent: user_agent.into(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: None,
            proxy: None,
            redirects: Redirects::default(),
        }
    }

    /// Builds the client; sends nothing.
    ///
    /// # Errors
    /// [`ClientFault`].
    pub fn build(&self) -> Result<reqwest::Client, ClientFault> {
        let redirects = match self.redirects {
            Redirects::Return => redirect::Policy::none(),
            Redirects::Follow(most) => redirect::Policy::limited(most),
        };
        let mut builder = reqwest::Client::builder()
            .tls_backend_rustls()
            .no_proxy()
            .user_agent(&self.user_agent)
            .connect_timeout(self.connect_timeout)
            .redirect(redirects);
        if let Some(limit) = self.read_timeout {
            builder = builder.read_timeout(limit);
        }
        if let Some(ProxyAddress(address)) = &self.proxy {
            let proxy = reqwest::Proxy::all(address.expose_secret());
            builder = builder.proxy(proxy.map_err(|_| ClientFault::Proxy)?);
        }
        builder.build().map_err(|error| ClientFault::Other(error.without_url().to_string()))
    }
}
