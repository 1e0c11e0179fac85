use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::Stream;
use portrait_http::{
    AddressFault, ClientFault, ClientSettings, ProxyAddress, Redirects, RetryPolicy, check_address,
};
use tokio::sync::Semaphore;
use url::Url;

use crate::audios::Audios;
use crate::call::{Call, Observers};
use crate::check::Local;
use crate::clock::Clock;
use crate::credits::{self, Credits};
use crate::download;
use crate::error::Error;
use crate::images::Images;
use crate::key::ApiKey;
use crate::recovery::CreateRecovery;
use crate::talks::Talks;
use crate::transport::Transport;
use crate::voices::Voices;

/// Where the API lives.
const BASE_URL: &str = "https://api.d-id.com";

/// A client of the D-ID API. Cloning is cheap, and clones share connections and the bound on
/// requests under way.
///
/// Dropping any of its futures stops what it was doing and frees its place among the requests
/// under way. A `POST /talks` that was already sent may still make a talk: find it with
/// [`Talks::find_by_source`].
#[derive(Clone)]
pub struct Client {
    pub(crate) transport: Arc<Transport>,
}

impl Client {
    /// Settings of a client; only the key is required.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Pictures in D-ID's temporary store.
    #[must_use]
    pub fn images(&self) -> Images<'_> {
        Images { transport: &self.transport }
    }

    /// Sounds in D-ID's temporary store.
    #[must_use]
    pub fn audios(&self) -> Audios<'_> {
        Audios { transport: &self.transport }
    }

    /// Talking videos.
    #[must_use]
    pub fn talks(&self) -> Talks<'_> {
        Talks { transport: &self.transport }
    }

    /// The voices texts can be read by.
    #[must_use]
    pub fn voices(&self) -> Voices<'_> {
        Voices { transport: &self.transport }
    }

    /// The account's credits (`GET /credits`); none at all where D-ID knows of none.
    ///
    /// # Errors
    /// [`Error::Unauthorised`], and what any request may fail with.
    pub async fn credits(&self) -> Result<Credits, Error> {
        credits::get(&self.transport).await
    }

    /// A clone of this client that also tells `observer` of each of its requests; see
    /// [`ClientBuilder::on_call`]. It shares connections and bounds with this client, and those
    /// who are told already are still told.
    #[must_use]
    pub fn observed(&self, observer: impl Fn(&Call) + Send + Sync + 'static) -> Client {
        let mut transport = Transport::clone(&self.transport);
        transport.observers.add(observer);
        Client { transport: Arc::new(transport) }
    }

    /// The time of day for the records of [`Talks::create_recorded`]: it does not run backwards
    /// while the client lives.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.transport.clock.now()
    }

    /// Fetches a video from [`Talk::result_url`](crate::Talk::result_url), piece by piece, without
    /// the key. Nothing is sent before the stream is first polled. It ends after its first error.
    ///
    /// The length is checked against what the file server announced. Where a connection breaks
    /// off, the stream asks for the rest (a `Range` request) and goes on, as often as the
    /// [`RetryPolicy`] allows without getting on. The time-out holds for each piece, not for the
    /// whole. Downloads have a bound of their own, [`ClientBuilder::max_downloads`]; the stream
    /// has its place from its first poll until it ends or is dropped.
    ///
    /// # Errors
    /// The stream yields [`Error::Truncated`] when bytes are missing after the last try,
    /// [`Error::Protocol`] when the file changed between two tries, [`Error::LinkExpired`] when
    /// the link no longer works, [`Error::InvalidRequest`] when it is
    /// no `https` address (an `s3` one needs the bucket's owner), and [`Error::Timeout`],
    /// [`Error::Network`] or [`Error::Server`] after the policy's tries.
    pub fn download(
        &self,
        url: &str,
    ) -> impl Stream<Item = Result<Bytes, Error>> + Send + Unpin + use<> {
        download::stream(Arc::clone(&self.transport), url)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.transport.base.as_str())
            .field("timeout", &self.transport.timeout)
            .field("retry", &self.transport.retry)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`Client`].
///
/// ```
/// use std::time::Duration;
/// use portrait_d_id::{Client, RetryPolicy};
///
/// let client = Client::builder()
///     .key("user:password")
///     .timeout(Duration::from_secs(30))
///     .max_in_flight(4)
///     .retry(RetryPolicy { max_attempts: 6, ..RetryPolicy::default() })
///     .build()?;
/// assert!(!format!("{client:?}").contains("password"));
/// # Ok::<(), portrait_d_id::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ClientBuilder {
    base_url: Option<Address>,
    key: Option<ApiKey>,
    timeout: Duration,
    max_in_flight: usize,
    max_downloads: usize,
    retry: RetryPolicy,
    create_recovery: CreateRecovery,
    http: ClientSettings,
    allow_http: bool,
    observers: Observers,
}

/// An address that was not checked yet, and may hold a password.
#[derive(Clone)]
struct Address(Url);

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0[url::Position::BeforeHost..url::Position::AfterPath])
    }
}

impl Default for ClientBuilder {
    fn default() -> ClientBuilder {
        ClientBuilder {
            base_url: None,
            key: None,
            timeout: Duration::from_secs(60),
            max_in_flight: 8,
            max_downloads: 4,
            retry: RetryPolicy::default(),
            create_recovery: CreateRecovery::default(),
            http: ClientSettings::new(concat!("portrait-d-id/", env!("CARGO_PKG_VERSION"))),
            allow_http: false,
            observers: Observers::default(),
        }
    }
}

impl ClientBuilder {
    /// The API's address; `https://api.d-id.com` by default. `http` is taken for this machine
    /// only, so that the key does not travel in the clear; see [`ClientBuilder::allow_http`].
    pub fn base_url(mut self, url: Url) -> Self {
        self.base_url = Some(Address(url));
        self
    }

    /// The API key: `user:password` as the studio shows it, or the base64 of it.
    pub fn key(mut self, key: impl Into<ApiKey>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// How long a request may take from sending to the last byte of the answer; 60 s by default.
    /// For downloads, how long each piece may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long connecting may take; 10 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.http.connect_timeout = timeout;
        self
    }

    /// Requests under way at once, at least 1; further ones wait their turn. 8 by default.
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests;
        self
    }

    /// Downloads under way at once, at least 1; further ones wait their turn. 4 by default: what a
    /// program that stores videos holds in memory is this many parts of them.
    pub fn max_downloads(mut self, downloads: usize) -> Self {
        self.max_downloads = downloads;
        self
    }

    /// How failed requests are tried again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// How a create whose answer was lost is settled.
    pub fn create_recovery(mut self, recovery: CreateRecovery) -> Self {
        self.create_recovery = recovery;
        self
    }

    /// The `User-Agent` header.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.http.user_agent = user_agent.into();
        self
    }

    /// A proxy for all requests. The environment's proxy variables are not read.
    pub fn proxy(mut self, proxy: Url) -> Self {
        self.http.proxy = Some(ProxyAddress::from(proxy));
        self
    }

    /// Allows an `http` base URL on another machine, for a stand-in in a private network. The key
    /// then travels in the clear.
    pub fn allow_http(mut self) -> Self {
        self.allow_http = true;
        self
    }

    /// Tells `observer` of each HTTP request after its end, for counters and durations. May be
    /// called several times; all are told, in that order.
    ///
    /// It is called on the task that made the request, so it must return at once. If it panics,
    /// the panic is logged and the request's result stays as it is.
    pub fn on_call(mut self, observer: impl Fn(&Call) + Send + Sync + 'static) -> Self {
        self.observers.add(observer);
        self
    }

    /// Builds the client; sends nothing.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] naming the setting that cannot be used.
    pub fn build(self) -> Result<Client, Error> {
        let base = match self.base_url {
            Some(Address(url)) => url,
            None => Url::parse(BASE_URL)
                .map_err(|error| Error::invalid("base_url", error.to_string()))?,
        };
        check_address(&base, true, self.allow_http).map_err(|fault| {
            // What is no address of the web at all is to be an https one too.
            let fault = if fault == AddressFault::NotHttp { AddressFault::Clear } else { fault };
            Error::invalid("base_url", fault.to_string())
        })?;
        let (authorization, redactor) = self
            .key
            .ok_or_else(|| Error::invalid("key", "it is missing; give the API key"))?
            .credential()?;
        let bounds = [("max_in_flight", self.max_in_flight), ("max_downloads", self.max_downloads)];
        for (field, bound) in bounds {
            if !(1..=Semaphore::MAX_PERMITS).contains(&bound) {
                return Err(Error::invalid(field, "at least 1 is needed"));
            }
        }
        if self.retry.max_attempts == 0 {
            return Err(Error::invalid("retry.max_attempts", "at least 1 is needed"));
        }
        let http = |settings: &ClientSettings| {
            settings.build().map_err(|fault| match fault {
                ClientFault::Proxy => Error::invalid("proxy", fault.to_string()),
                fault => Error::invalid("client", fault.to_string()),
            })
        };
        let files = ClientSettings {
            read_timeout: Some(self.timeout),
            redirects: Redirects::Follow(5),
            ..self.http.clone()
        };
        let transport = Transport {
            // A redirect could carry the key elsewhere, and D-ID's API does not use any.
            api: http(&self.http)?,
            files: http(&files)?,
            local: Local::of(&base),
            base,
            authorization,
            redactor,
            clock: Clock::new(),
            permits: Arc::new(Semaphore::new(self.max_in_flight)),
            downloads: Arc::new(Semaphore::new(self.max_downloads)),
            timeout: self.timeout,
            retry: self.retry,
            create_recovery: self.create_recovery,
            observers: self.observers,
        };
        Ok(Client { transport: Arc::new(transport) })
    }
}
