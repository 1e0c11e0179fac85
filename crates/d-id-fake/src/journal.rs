use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::route::Route;
use crate::sync::locked;

/// One request as the server saw it. Headers are not kept, so the key never is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// When the request's head arrived, since the server started, by the runtime's clock.
    pub at: Duration,
    /// What it was for.
    pub route: Route,
    /// The method, such as `POST`.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query as sent, without the question mark.
    pub query: Option<String>,
    /// Whether it carried credentials the server accepts.
    pub authorised: bool,
    /// Whether it carried an `Authorization` header at all.
    pub has_authorization: bool,
    /// Bytes of the request's body; 0 until it has arrived.
    pub request_bytes: usize,
    /// The request's body, where it is JSON.
    pub json: Option<Value>,
    /// The status answered; `None` while under way, after a dropped connection, or when the
    /// caller left first.
    pub status: Option<u16>,
    /// Requests to the API under way when this one arrived, itself included.
    pub in_flight: usize,
}

/// Every request since the start.
#[derive(Debug)]
pub(crate) struct Journal {
    start: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: Vec<Entry>,
    in_flight: usize,
    max_in_flight: usize,
    events: u64,
}

impl Journal {
    pub(crate) fn new() -> Journal {
        Journal { start: Instant::now(), inner: Mutex::default() }
    }

    /// Notes an arrival. What is returned ends the request when it is dropped.
    pub(crate) fn begin(&self, route: Route, method: &str, uri: &axum::http::Uri) -> Visit<'_> {
        let mut inner = locked(&self.inner);
        inner.events += 1;
        if route.needs_key() {
            inner.in_flight += 1;
            inner.max_in_flight = inner.max_in_flight.max(inner.in_flight);
        }
        let entry = Entry {
            at: self.start.elapsed(),
            route,
            method: method.to_owned(),
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
            authorised: false,
            has_authorization: false,
            request_bytes: 0,
            json: None,
            status: None,
            in_flight: inner.in_flight,
        };
        inner.entries.push(entry);
        Visit { journal: self, index: inner.entries.len() - 1, counted: route.needs_key() }
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        locked(&self.inner).entries.clone()
    }

    pub(crate) fn max_in_flight(&self) -> usize {
        locked(&self.inner).max_in_flight
    }

    pub(crate) fn events(&self) -> u64 {
        locked(&self.inner).events
    }

    pub(crate) fn in_flight(&self) -> usize {
        locked(&self.inner).in_flight
    }
}

/// A request under way.
pub(crate) struct Visit<'a> {
    journal: &'a Journal,
    index: usize,
    counted: bool,
}

impl Visit<'_> {
    pub(crate) fn note(&self, change: impl FnOnce(&mut Entry)) {
        let mut inner = locked(&self.journal.inner);
        inner.events += 1;
        change(&mut inner.entries[self.index]);
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        let mut inner = locked(&self.journal.inner);
        inner.events += 1;
        if self.counted {
            inner.in_flight -= 1;
        }
    }
}
