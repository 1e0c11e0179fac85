//! One request and its answer, and the same tried again.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use portrait_http::{RetryPolicy, Tries, last_cause, retry_after_of};
use reqwest::header::{AUTHORIZATION, DATE, HeaderValue};
use reqwest::{Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use crate::call::{Observers, Watch};
use crate::check::Local;
use crate::clock::Clock;
use crate::error::Error;
use crate::key::Redactor;
use crate::operation::Operation;
use crate::recovery::CreateRecovery;
use crate::refusal::{Refused, quoted};

/// Answers of the API are lists of talks at most: anything bigger is none of its.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// What all requests of a client share. A clone shares connections and bounds too.
#[derive(Clone)]
pub(crate) struct Transport {
    pub(crate) api: reqwest::Client,
    pub(crate) files: reqwest::Client,
    pub(crate) base: Url,
    pub(crate) local: Local,
    pub(crate) authorization: HeaderValue,
    pub(crate) redactor: Redactor,
    pub(crate) clock: Clock,
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) downloads: Arc<Semaphore>,
    pub(crate) timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) create_recovery: CreateRecovery,
    pub(crate) observers: Observers,
}

/// A successful answer.
pub(crate) struct Reply {
    operation: Operation,
    status: u16,
    /// The server's clock.
    pub(crate) date: Option<SystemTime>,
    body: Bytes,
}

impl Transport {
    /// A request to the API without a body; the path is given in parts, which are escaped.
    pub(crate) fn request(&self, method: Method, path: &[&str]) -> Result<RequestBuilder, Error> {
        // An empty id, or one of dots, would address the collection instead of the item.
        if path.iter().any(|part| matches!(*part, "" | "." | "..")) {
            return Err(Error::invalid("id", "it is empty or made of dots; give the id D-ID gave"));
        }
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Error::invalid("base_url", "it cannot have a path"))?
            .pop_if_empty()
            .extend(path);
        Ok(self.api.request(method, url))
    }

    /// A place among the requests under way.
    pub(crate) async fn permit(&self) -> SemaphorePermit<'_> {
        let Ok(permit) = self.permits.acquire().await else {
            unreachable!("the semaphore is never closed");
        };
        permit
    }

    /// Sends once, as the `attempt`th try. The answer's body has been read when it returns.
    pub(crate) async fn once(
        &self,
        operation: Operation,
        attempt: u32,
        request: RequestBuilder,
    ) -> Result<Reply, Error> {
        self.permitted(self.permit().await, operation, attempt, request).await
    }

    /// [`Self::once`] for who has a place already.
    pub(crate) async fn permitted(
        &self,
        _permit: SemaphorePermit<'_>,
        operation: Operation,
        attempt: u32,
        request: RequestBuilder,
    ) -> Result<Reply, Error> {
        let mut watch = self.observers.watch(operation, attempt);
        let result = self.exchange(operation, request, &mut watch).await;
        watch.end(&result);
        result
    }

    async fn exchange(
        &self,
        operation: Operation,
        request: RequestBuilder,
        watch: &mut Watch<'_>,
    ) -> Result<Reply, Error> {
        let response = request
            .header(AUTHORIZATION, self.authorization.clone())
            .timeout(self.timeout)
            .send()
            .await
            .map_err(|error| self.lost(operation, error))?;
        watch.answered(response.status().as_u16());
        if !response.status().is_success() {
            return Err(self.refused(operation, response).await);
        }
        let status = response.status().as_u16();
        let date = response
            .headers()
            .get(DATE)
            .and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        let body = self.body(operation, response).await?;
        Ok(Reply { operation, status, date, body })
    }

    /// Sends a request for a video to its file server, without the key. Only the head of the answer
    /// has been read when it returns.
    pub(crate) async fn file(
        &self,
        attempt: u32,
        request: RequestBuilder,
    ) -> Result<Response, Error> {
        let operation = Operation::Download;
        let mut watch = self.observers.watch(operation, attempt);
        let result = match request.send().await {
            Err(error) => Err(self.lost(operation, error)),
            Ok(response) => {
                watch.answered(response.status().as_u16());
                match response.status().is_success() {
                    true => Ok(response),
                    false => Err(self.refused(operation, response).await),
                }
            }
        };
        watch.end(&result);
        result
    }

    /// Sends until it succeeds, fails for good, or the policy's tries are used up. Only for
    /// requests that may be carried out twice.
    pub(crate) async fn retried(
        &self,
        operation: Operation,
        make: impl Fn() -> Result<RequestBuilder, Error>,
    ) -> Result<Reply, Error> {
        let mut tries = self.retry.tries();
        loop {
            let error = match self.once(operation, tries.attempt(), make()?).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            wait_or_return(&mut tries, error).await?;
        }
    }

    /// [`Self::retried`] for a removal: what an earlier try may have removed and is found no more
    /// is removed. `None` then, since the answer is lost.
    pub(crate) async fn removed(
        &self,
        operation: Operation,
        make: impl Fn() -> Result<RequestBuilder, Error>,
    ) -> Result<Option<Reply>, Error> {
        let (mut tries, mut lost) = (self.retry.tries(), false);
        loop {
            let error = match self.once(operation, tries.attempt(), make()?).await {
                Ok(reply) => return Ok(Some(reply)),
                Err(Error::NotFound { .. }) if lost => return Ok(None),
                Err(error) => error,
            };
            lost |= !error.was_refused();
            wait_or_return(&mut tries, error).await?;
        }
    }

    /// The error of an answer that is no success.
    pub(crate) async fn refused(&self, operation: Operation, response: Response) -> Error {
        let status = response.status().as_u16();
        let retry_after = retry_after_of(response.headers(), SystemTime::now());
        // The status says enough even when the rest of the body is lost.
        let body = self.body(operation, response).await.unwrap_or_default();
        Refused { operation, status, body: &body, retry_after }.into_error(&self.redactor)
    }

    async fn body(&self, operation: Operation, mut response: Response) -> Result<Bytes, Error> {
        let status = response.status().as_u16();
        let mut body = BytesMut::new();
        loop {
            let piece = response.chunk().await.map_err(|error| self.lost(operation, error))?;
            match piece {
                None => return Ok(body.freeze()),
                Some(piece) if body.len() + piece.len() > MAX_ANSWER => {
                    return Err(Error::Protocol {
                        operation,
                        status,
                        reason: format!("it is longer than {MAX_ANSWER} bytes"),
                        body: quoted(&body, &self.redactor),
                    });
                }
                Some(piece) => body.extend_from_slice(&piece),
            }
        }
    }

    /// The error of an exchange that broke off.
    pub(crate) fn lost(&self, operation: Operation, error: reqwest::Error) -> Error {
        // Links carry signatures: keep them out of messages.
        let error = error.without_url();
        if error.is_builder() {
            return Error::invalid("request", format!("it cannot be built: {error}"));
        }
        if error.is_timeout() && !error.is_connect() {
            return Error::Timeout { operation, after: self.timeout, last_status: None };
        }
        Error::Network {
            operation,
            connected: !error.is_connect(),
            reason: self.redactor.clean(&last_cause(&error), 256),
            source: Box::new(error),
        }
    }
}

/// Waits before another try, or hands the error back when there is to be none.
pub(crate) async fn wait_or_return(tries: &mut Tries<'_>, error: Error) -> Result<(), Error> {
    let (may_repeat, asked) = (error.is_retryable(), error.retry_after());
    tries.wait_after(error, may_repeat, asked).await
}

impl Reply {
    /// The body as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, redactor: &Redactor) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| Error::Protocol {
            operation: self.operation,
            status: self.status,
            // What serde quotes from the body goes through the redactor too.
            reason: redactor.clean(&error.to_string(), 256),
            body: quoted(&self.body, redactor),
        })
    }
}
