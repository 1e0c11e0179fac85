//! The hub's HTTP interface, as far as one file needs it: what is it, and give me its bytes from here on.
//!
//! `HEAD` and `GET` of `<endpoint>/<owner>/<name>/resolve/<revision>/<file>`. The hub answers small files itself and
//! redirects to a content delivery network for large ones; size and digest of the large file are in the headers
//! `X-Linked-Size` and `X-Linked-ETag` of the redirect, the commit in `X-Repo-Commit`.
//!
//! The crate `hf-hub` speaks the same protocol, but not by our rules: docs/architecture.md says which, and which test shows
//! it. Its layout on disk is used, see `cache`.

use std::time::Duration;

use portrait_http::{ClientFault, ClientSettings};
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, LOCATION, RANGE,
    RETRY_AFTER,
};
use reqwest::{Client, Method, Response, StatusCode};
use secrecy::ExposeSecret;
use url::Url;

use crate::digest::is_sha256;
use crate::error::{Error, Result};
use crate::manifest::Source;
use crate::settings::Download;

const LONGEST_CHAIN: usize = 10;

/// What the hub says about a file.
#[derive(Debug)]
pub(crate) struct RemoteFile {
    /// Names the content; fit to be a file's name.
    pub(crate) etag: String,
    /// The commit the revision stands at; fit to be a file's name.
    pub(crate) commit: String,
    pub(crate) size: Option<u64>,
    /// Digest of the content, where the hub states one (it does for large files).
    pub(crate) sha256: Option<String>,
}

/// A body that begins at `from`.
pub(crate) struct Body {
    pub(crate) from: u64,
    response: Response,
    url: Url,
}

/// One hub.
pub(crate) struct Hub<'a> {
    client: Client,
    settings: &'a Download,
    authorization: Option<HeaderValue>,
}

impl<'a> Hub<'a> {
    pub(crate) fn new(settings: &'a Download) -> Result<Self> {
        let unusable = |problem: String| Error::Network {
            url: settings.endpoint.to_string(),
            problem,
            source: None,
        };
        let client = ClientSettings {
            connect_timeout: settings.connect_timeout,
            read_timeout: Some(settings.stall_timeout),
            proxy: settings.proxy.clone().map(Into::into),
            ..ClientSettings::new(concat!("portrait/", env!("CARGO_PKG_VERSION")))
        };
        let client = client.build().map_err(|fault| match fault {
            ClientFault::Proxy => unusable(format!("cannot use the proxy: {fault}")),
            fault => unusable(fault.to_string()),
        })?;
        Ok(Self { client, settings, authorization: authorization(settings)? })
    }

    /// Address of a file at a revision.
    pub(crate) fn url(&self, source: &Source, revision: &str) -> Result<Url> {
        let mut url = self.settings.endpoint.clone();
        let no_base = || Error::HubAnswer {
            url: self.settings.endpoint.to_string(),
            problem: "the endpoint must begin with http:// or https://".into(),
        };
        url.path_segments_mut()
            .map_err(|()| no_base())?
            .pop_if_empty()
            .extend(source.repository.split('/'))
            .push("resolve")
            .push(revision) // A `/` within it is encoded, as the hub wants it.
            .extend(source.file.split('/'));
        Ok(url)
    }

    /// Asks what a file is.
    pub(crate) async fn head(&self, url: &Url) -> Result<RemoteFile> {
        let (url, response) = self.follow(Method::HEAD, url, 0).await?;
        let headers = response.headers();
        let lacks = |what: &str| Error::HubAnswer {
            url: url.to_string(),
            problem: format!("no usable {what} in the headers, so it is no Hugging Face hub"),
        };
        let etag =
            stated_etag(headers).filter(|etag| is_file_name(etag)).ok_or_else(|| lacks("ETag"))?;
        let commit = text(headers, "x-repo-commit");
        let commit =
            commit.filter(|commit| is_file_name(commit)).ok_or_else(|| lacks("X-Repo-Commit"))?;
        // The length of a redirect is that of its own short body.
        let own_length =
            || text(headers, CONTENT_LENGTH.as_str()).filter(|_| response.status().is_success());
        let size =
            text(headers, "x-linked-size").or_else(own_length).and_then(|size| size.parse().ok());
        // The hub's ETag of a large file is its SHA-256 and that of a small one a Git hash of 40 digits.
        // Xet's own hash is as long as a SHA-256 but is none.
        let is_digest = is_sha256(etag) && text(headers, "x-xet-hash") != Some(etag);
        Ok(RemoteFile {
            etag: etag.into(),
            commit: commit.into(),
            size,
            sha256: is_digest.then(|| etag.into()),
        })
    }

    /// Asks for the bytes from `from` on; the hub may ignore that and send all of them.
    pub(crate) async fn get(&self, url: &Url, from: u64) -> Result<Body> {
        let (mut url, mut response) = self.follow(Method::GET, url, from).await?;
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE && from > 0 {
            (url, response) = self.follow(Method::GET, &url, 0).await?;
        }
        let start = match response.status() {
            StatusCode::OK => Some(0),
            StatusCode::PARTIAL_CONTENT => {
                text(response.headers(), CONTENT_RANGE.as_str()).and_then(range_start)
            }
            _ => None,
        };
        match start {
            Some(start) if start == from || start == 0 => Ok(Body { from: start, response, url }),
            _ => Err(Error::HubAnswer {
                url: url.to_string(),
                problem: format!("bytes from {from} on were asked for and others came"),
            }),
        }
    }

    /// Sends a request and follows redirects, but for `HEAD` only up to the first that carries what it asks for: the hub's
    /// redirect to the content delivery network does, its redirect from an old name of a repository does not.
    /// The token goes to the endpoint alone.
    async fn follow(&self, method: Method, url: &Url, from: u64) -> Result<(Url, Response)> {
        let mut url = url.clone();
        for _ in 0..LONGEST_CHAIN {
            let mut request = self.client.request(method.clone(), url.clone());
            let home = url.origin() == self.settings.endpoint.origin();
            if let Some(authorization) = self.authorization.as_ref().filter(|_| home) {
                request = request.header(AUTHORIZATION, authorization.clone());
            }
            if from > 0 {
                request = request.header(RANGE, format!("bytes={from}-"));
            }
            let response =
                request.send().await.map_err(|e| network(&url, "cannot reach the hub", e))?;
            if !response.status().is_redirection() {
                return self.checked(url, response).await;
            }
            if method == Method::HEAD && stated_etag(response.headers()).is_some() {
                return Ok((url, response));
            }
            let next = text(response.headers(), LOCATION.as_str()).and_then(|to| url.join(to).ok());
            let next =
                next.filter(|next| matches!(next.scheme(), "http" | "https")).ok_or_else(|| {
                    Error::HubAnswer {
                        url: url.to_string(),
                        problem: "a redirect without an address".into(),
                    }
                })?;
            if url.scheme() == "https" && next.scheme() == "http" {
                let problem = format!("a redirect to the unencrypted {}", without_query(&next));
                return Err(Error::HubAnswer { url: url.to_string(), problem });
            }
            url = next;
        }
        Err(Error::HubAnswer { url: url.to_string(), problem: "too many redirects".into() })
    }

    /// Turns a refusal into its error, but for "no such range", which `get` answers itself.
    async fn checked(&self, url: Url, response: Response) -> Result<(Url, Response)> {
        let status = response.status();
        if status.is_success() || status == StatusCode::RANGE_NOT_SATISFIABLE {
            return Ok((url, response));
        }
        let message = text(response.headers(), "x-error-message")
            .map(|text| text.chars().take(200).collect());
        let url = without_query(&url);
        Err(match status {
            StatusCode::NOT_FOUND => Error::HubNotFound { url, message },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::HubRefused {
                url,
                status: status.as_u16(),
                message,
                with_token: self.authorization.is_some(),
            },
            StatusCode::TOO_MANY_REQUESTS => {
                Error::HubRateLimited { url, retry_after: retry_after(response.headers()) }
            }
            status if status.is_server_error() => Error::HubFailed { url, status: status.as_u16() },
            _ => {
                let message = message.map(|text: String| format!(": {text}")).unwrap_or_default();
                Error::HubAnswer { url, problem: format!("HTTP {status}{message}") }
            }
        })
    }
}

impl Body {
    /// The next bytes; `None` at the end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<impl AsRef<[u8]> + use<>>> {
        self.response.chunk().await.map_err(|e| network(&self.url, "the connection broke", e))
    }

    /// The address the bytes come from, without its signature.
    pub(crate) fn url(&self) -> String {
        without_query(&self.url)
    }
}

/// The header that carries the token; none where the token is empty.
fn authorization(settings: &Download) -> Result<Option<HeaderValue>> {
    let token = settings.token.as_ref().map(|token| token.expose_secret().trim());
    let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| Error::InvalidToken { url: settings.endpoint.to_string() })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn network(url: &Url, problem: &str, source: reqwest::Error) -> Error {
    let problem =
        if source.is_timeout() { format!("{problem}: timed out") } else { problem.into() };
    // The address of a content delivery network carries a signature, which must not end up in a log.
    Error::Network {
        url: without_query(url),
        problem,
        source: Some(Box::new(source.without_url())),
    }
}

fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.into()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// The ETag of the file itself, without quotes and the mark of a weak one.
fn stated_etag(headers: &HeaderMap) -> Option<&str> {
    let etag = text(headers, "x-linked-etag").or_else(|| text(headers, ETAG.as_str()))?;
    Some(etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"'))
}

/// What a server sends becomes a path, so it must not lead elsewhere.
fn is_file_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= 200 && !name.starts_with('.') && name.chars().all(plain)
}

/// The first byte of `bytes 100-199/200`.
fn range_start(content_range: &str) -> Option<u64> {
    content_range.strip_prefix("bytes ")?.split_once('-')?.0.trim().parse().ok()
}

/// `Retry-After` in seconds, or the seconds until the limit is reset (`t=`) of the `RateLimit` header.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = text(headers, RETRY_AFTER.as_str()).and_then(|value| value.trim().parse().ok());
    let reset = || {
        let parameters = text(headers, "ratelimit")?.split([';', ',']);
        parameters.filter_map(|p| p.trim().strip_prefix("t=")).find_map(|t| t.parse().ok())
    };
    seconds.or_else(reset).map(Duration::from_secs)
}
