//! How to download.

use std::fmt;
use std::time::Duration;

use portrait_http::RetryPolicy;
use secrecy::SecretString;
use url::Url;

use crate::progress::OnProgress;

/// The hub everybody means.
pub const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// How to download from a hub.
#[derive(Clone)]
pub struct Download {
    /// Address of the hub or of a mirror of it; may have a path.
    pub endpoint: Url,
    /// Access token, for gated and private repositories. Sent to the endpoint alone, never to where
    /// it redirects. Space and line ends around it, as a file has them, are left out.
    pub token: Option<SecretString>,
    /// Proxy for all requests (http, https, socks5). The environment's proxies are not used unless
    /// they are given here.
    pub proxy: Option<Url>,
    /// Time to make a connection.
    pub connect_timeout: Duration,
    /// Time without a byte after which a connection counts as broken.
    pub stall_timeout: Duration,
    /// How a broken connection or a server error (5xx) is tried again. A download is resumed where
    /// it broke off, and one that has got on counts its tries anew.
    pub retry: RetryPolicy,
    /// Told how far the download is.
    pub on_progress: OnProgress,
}

impl Default for Download {
    /// huggingface.co without a token or proxy, 10 s to connect, 30 s without a byte, and the
    /// default [`RetryPolicy`]: 4 tries with pauses from 500 ms on.
    fn default() -> Self {
        Self {
            endpoint: Url::parse(DEFAULT_ENDPOINT).expect("the constant is a URL"),
            token: None,
            proxy: None,
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(30),
            retry: RetryPolicy::default(),
            on_progress: OnProgress::default(),
        }
    }
}

impl fmt::Debug for Download {
    /// Without the token, and of the proxy only that there is one: its address may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("endpoint", &self.endpoint.as_str())
            .field("token", &self.token.is_some())
            .field("proxy", &self.proxy.is_some())
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
