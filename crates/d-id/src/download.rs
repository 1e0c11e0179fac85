//! Fetching a video from its presigned link: no key, a check of the length, and going on where a
//! connection broke off.

use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use futures::{Stream, StreamExt, stream};
use portrait_http::is_loopback;
use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use url::Url;

use crate::error::Error;
use crate::operation::Operation;
use crate::transport::{Transport, wait_or_return};

/// Bytes that make a connection count as having got on: tries are then counted anew.
const PROGRESS: u64 = 64 * 1024;

enum State {
    Start(String),
    Running(Box<Download>),
    End,
}

/// A file on its way.
struct Download {
    url: Url,
    response: Option<Response>,
    /// The whole length, where the server announced one.
    expected: Option<u64>,
    /// What tells this file from another at the same address.
    tag: Option<HeaderValue>,
    received: u64,
    /// Bytes at the front of the present answer that have been passed on before.
    skip: u64,
    /// Tries so far, and what had been received when they were last counted anew.
    attempt: u32,
    counted_at: u64,
    /// The place among the downloads under way.
    _place: OwnedSemaphorePermit,
}

pub(crate) fn stream(
    transport: Arc<Transport>,
    url: &str,
) -> impl Stream<Item = Result<Bytes, Error>> + Send + Unpin + use<> {
    let state = (transport, State::Start(url.to_owned()));
    stream::unfold(state, |(transport, state)| async move {
        let (item, state) = match step(&transport, state).await {
            Ok(Some((piece, next))) => (Ok(piece), State::Running(next)),
            Ok(None) => return None,
            Err(error) => (Err(error), State::End),
        };
        Some((item, (transport, state)))
    })
    .boxed()
}

async fn step(
    transport: &Transport,
    state: State,
) -> Result<Option<(Bytes, Box<Download>)>, Error> {
    let mut download = match state {
        State::End => return Ok(None),
        State::Start(url) => {
            let url = checked(transport, &url)?;
            let Ok(place) = Arc::clone(&transport.downloads).acquire_owned().await else {
                unreachable!("the semaphore is never closed");
            };
            Box::new(Download {
                url,
                response: None,
                expected: None,
                tag: None,
                received: 0,
                skip: 0,
                attempt: 1,
                counted_at: 0,
                _place: place,
            })
        }
        State::Running(download) => download,
    };
    loop {
        let error = match download.piece(transport).await {
            Ok(piece) => return Ok(piece.map(|piece| (piece, download))),
            Err(error) => error,
        };
        download.response = None;
        if download.received >= download.counted_at + PROGRESS {
            (download.attempt, download.counted_at) = (1, download.received);
        }
        let mut tries = transport.retry.tries_from(download.attempt);
        wait_or_return(&mut tries, error).await?;
        download.attempt = tries.attempt();
    }
}

impl Download {
    /// The next piece, from a connection that is opened where there is none; `None` at the end.
    async fn piece(&mut self, transport: &Transport) -> Result<Option<Bytes>, Error> {
        let mut response = match self.response.take() {
            Some(response) => response,
            None => match self.open(transport).await? {
                Some(response) => response,
                None => return Ok(None),
            },
        };
        loop {
            match response.chunk().await {
                Ok(Some(mut piece)) => {
                    let known = self.skip.min(piece.len() as u64);
                    self.skip -= known;
                    piece.advance(known as usize);
                    if piece.is_empty() {
                        continue;
                    }
                    self.received += piece.len() as u64;
                    self.response = Some(response);
                    return Ok(Some(piece));
                }
                Ok(None) => {
                    let received = self.received;
                    return match self.expected {
                        Some(expected) if expected != received => {
                            Err(Error::Truncated { expected, received })
                        }
                        None if self.skip > 0 => Err(Error::Truncated {
                            expected: received,
                            received: received - self.skip,
                        }),
                        _ => Ok(None),
                    };
                }
                Err(error) => {
                    let received = self.received;
                    return Err(match self.expected {
                        Some(expected) if received < expected && !error.is_timeout() => {
                            Error::Truncated { expected, received }
                        }
                        _ => transport.lost(Operation::Download, error),
                    });
                }
            }
        }
    }

    /// Asks for the file, or for what is missing of it; `None` when nothing is.
    async fn open(&mut self, transport: &Transport) -> Result<Option<Response>, Error> {
        let mut request = transport.files.get(self.url.clone());
        if self.received > 0 {
            if self.expected == Some(self.received) {
                return Ok(None);
            }
            request = request.header(RANGE, format!("bytes={}-", self.received));
            // Another file at the same address is then sent from its beginning.
            if let Some(tag) = &self.tag {
                request = request.header(IF_RANGE, tag.clone());
            }
        }
        let response = transport.file(self.attempt, request).await?;
        self.skip = 0;
        if self.received == 0 {
            self.expected = response.content_length();
            self.tag = strong_tag(response.headers());
            return Ok(Some(response));
        }
        self.skip = self.already_there(&response)?;
        Ok(Some(response))
    }

    /// How much of a second answer has been passed on before: nothing of the part asked for, what
    /// was received of the whole file, which servers without ranges send.
    fn already_there(&self, response: &Response) -> Result<u64, Error> {
        let changed = |reason: &str| Error::Protocol {
            operation: Operation::Download,
            status: response.status().as_u16(),
            reason: reason.to_owned(),
            body: String::new(),
        };
        if response.status() == StatusCode::PARTIAL_CONTENT {
            let (from, total) = content_range(response.headers())
                .ok_or_else(|| changed("a part of the file without a usable Content-Range"))?;
            let same = total.is_none() || self.expected.is_none() || total == self.expected;
            if from != self.received || !same {
                return Err(changed(
                    "another part of the file, or of another file, than asked for",
                ));
            }
            return Ok(0);
        }
        if response.content_length() != self.expected || strong_tag(response.headers()) != self.tag
        {
            return Err(changed("the file changed while it was being fetched"));
        }
        Ok(self.received)
    }
}

/// A validator that names these very bytes (RFC 9110, section 8.8.3); weak ones do not.
fn strong_tag(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/")).cloned()
}

/// Where a part begins, and how long the whole is (RFC 9110, section 14.4).
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let value = headers.get(CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?;
    let (range, total) = value.split_once('/')?;
    let (from, _) = range.split_once('-')?;
    Some((from.parse().ok()?, total.parse().ok()))
}

fn checked(transport: &Transport, link: &str) -> Result<Url, Error> {
    let url = Url::parse(link).map_err(|_| Error::invalid("url", "it is no address"))?;
    let local = transport.base.scheme() == "http"
        && (is_loopback(&url) || url.host() == transport.base.host());
    match url.scheme() {
        "https" => Ok(url),
        "http" if local => Ok(url),
        "s3" => Err(Error::invalid(
            "url",
            "an s3 address cannot be downloaded without the bucket's credentials",
        )),
        _ => Err(Error::invalid("url", "it must be an https address")),
    }
}
