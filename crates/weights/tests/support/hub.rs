//! A stand-in for the hub: the hub itself and the content delivery network it redirects to, each on a port of its own.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use portrait_weights::Url;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::sha256;

pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub(crate) const PATH: &str = "owner/name/resolve/main/model.safetensors";

/// What the hub does.
#[derive(Clone)]
pub(crate) struct Behaviour {
    /// The file it serves.
    pub(crate) content: Vec<u8>,
    /// The digest it states; that of the content if `None`.
    pub(crate) etag: Option<String>,
    /// Redirect to the other port, as for large files.
    pub(crate) delivery: bool,
    /// Store in Xet: the header a client may take as an invitation to leave for the storage's own servers.
    pub(crate) xet: bool,
    /// Answer every request to the hub with this.
    pub(crate) refuse: Option<(StatusCode, Vec<(&'static str, &'static str)>)>,
    /// The token it wants.
    pub(crate) token: Option<&'static str>,
    /// What happens to the next `GET`s of the content, first one first.
    pub(crate) accidents: Vec<Accident>,
    /// Answer ranges with the whole file.
    pub(crate) no_ranges: bool,
    /// State no length anywhere.
    pub(crate) no_length: bool,
    /// Answer the repository's old name with a relative redirect to the new one.
    pub(crate) renamed: bool,
}

#[derive(Clone, Copy)]
pub(crate) enum Accident {
    /// The connection breaks after so many bytes.
    Break(usize),
    /// The body ends in good order after so many bytes.
    End(usize),
    /// Nothing comes after so many bytes.
    Stall(usize),
    /// This status instead of the file, with an HTML page.
    Status(u16),
}

impl Behaviour {
    /// As the hub does it for a large file.
    pub(crate) fn new(content: Vec<u8>) -> Self {
        Self {
            content,
            etag: None,
            delivery: true,
            xet: true,
            refuse: None,
            token: None,
            accidents: Vec::new(),
            no_ranges: false,
            no_length: false,
            renamed: false,
        }
    }
}

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// "hub" or "delivery".
    pub(crate) server: &'static str,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) range: Option<String>,
}

struct Shared {
    behaviour: Mutex<Behaviour>,
    seen: Mutex<Vec<Seen>>,
    delivery: String,
}

/// A running stand-in; stops when dropped.
pub(crate) struct FakeHub {
    shared: Arc<Shared>,
    pub(crate) endpoint: Url,
    servers: Vec<JoinHandle<()>>,
}

impl FakeHub {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let (hub, endpoint) = bind().await;
        let (delivery, delivery_url) = bind().await;
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(behaviour),
            seen: Mutex::default(),
            delivery: delivery_url.into(),
        });
        let serve = |listener, router: Router| {
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() })
        };
        let servers = vec![
            serve(hub, Router::new().fallback(hub_answer).with_state(shared.clone())),
            serve(delivery, Router::new().fallback(delivery_answer).with_state(shared.clone())),
        ];
        Self { shared, endpoint, servers }
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The methods and servers of the requests so far.
    pub(crate) fn steps(&self) -> Vec<String> {
        self.seen().iter().map(|seen| format!("{} {}", seen.method, seen.server)).collect()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.shared.behaviour.lock().unwrap());
    }
}

impl Drop for FakeHub {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

/// An address where nobody listens.
pub(crate) async fn nowhere() -> Url {
    bind().await.1
}

async fn bind() -> (TcpListener, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, Url::parse(&url).unwrap())
}

fn note(shared: &Shared, server: &'static str, request: &Request) -> Behaviour {
    let text = |name| request.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
    shared.seen.lock().unwrap().push(Seen {
        server,
        method: request.method().clone(),
        path: request.uri().path().trim_start_matches('/').into(),
        authorization: text(header::AUTHORIZATION),
        range: text(header::RANGE),
    });
    shared.behaviour.lock().unwrap().clone()
}

async fn hub_answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let behaviour = note(&shared, "hub", &request);
    let path = request.uri().path().trim_start_matches('/');
    if let Some((status, headers)) = behaviour.refuse {
        let mut response = (status, "refused").into_response();
        for (name, value) in headers {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        return response;
    }
    let wanted = behaviour.token.map(|token| format!("Bearer {token}"));
    let given = request.headers().get(header::AUTHORIZATION).map(|v| v.to_str().unwrap());
    if wanted.is_some() && wanted.as_deref() != given {
        let code = [
            ("x-error-code", "GatedRepo"),
            ("x-error-message", "Access to this model is restricted"),
        ];
        return (StatusCode::UNAUTHORIZED, code).into_response();
    }
    if behaviour.renamed && path.starts_with("owner/") {
        let to = format!("/{}", path.replacen("owner/", "Owner/", 1));
        return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response();
    }
    let known = ["main", COMMIT].iter().any(|revision| {
        let path = path.replacen("Owner/", "owner/", 1);
        path == PATH.replace("main", revision)
    });
    if !known {
        let code = [("x-error-code", "EntryNotFound"), ("x-error-message", "Entry not found")];
        return (StatusCode::NOT_FOUND, code).into_response();
    }
    let etag = behaviour.etag.clone().unwrap_or_else(|| sha256(&behaviour.content));
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: String| headers.insert(name, value.parse().unwrap());
    set("x-repo-commit", COMMIT.into());
    set("accept-ranges", "bytes".into());
    if behaviour.xet {
        set("x-xet-hash", "c".repeat(64));
    }
    if behaviour.delivery {
        set("x-linked-etag", format!("\"{etag}\""));
        if !behaviour.no_length {
            set("x-linked-size", behaviour.content.len().to_string());
        }
        set("location", format!("{}blob?signature=secret", shared.delivery));
        return (StatusCode::FOUND, headers, "Found. Redirecting").into_response();
    }
    set("etag", format!("\"{etag}\""));
    let mut response = content(&shared, &behaviour, &request);
    response.headers_mut().extend(headers);
    response
}

async fn delivery_answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let behaviour = note(&shared, "delivery", &request);
    content(&shared, &behaviour, &request)
}

/// The file's bytes, or what an accident leaves of them.
fn content(shared: &Shared, behaviour: &Behaviour, request: &Request) -> Response {
    let total = behaviour.content.len();
    let length = |length: usize| {
        (!behaviour.no_length).then(|| [(header::CONTENT_LENGTH, length.to_string())])
    };
    if request.method() == Method::HEAD {
        return (length(total).map(IntoResponse::into_response)).unwrap_or_default();
    }
    let range = request.headers().get(header::RANGE).filter(|_| !behaviour.no_ranges);
    let range = range.map(|range| asked(range.to_str().unwrap(), total));
    let from = range.map(|(from, _)| from);
    if from.is_some_and(|from| from >= total) {
        return StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    }
    let end = range.map_or(total, |(_, end)| end);
    let accident = {
        let mut behaviour = shared.behaviour.lock().unwrap();
        (!behaviour.accidents.is_empty()).then(|| behaviour.accidents.remove(0))
    };
    if let Some(Accident::Status(status)) = accident {
        let status = StatusCode::from_u16(status).unwrap();
        return (status, "<!DOCTYPE html><html>an error</html>").into_response();
    }
    let bytes = behaviour.content[from.unwrap_or(0)..end].to_vec();
    let declared = match accident {
        Some(Accident::End(_)) => None,
        _ => length(bytes.len()),
    };
    let mut response = Response::new(body(bytes, accident));
    if let Some(length) = declared {
        response.headers_mut().insert(header::CONTENT_LENGTH, length[0].1.parse().unwrap());
    }
    if let Some(from) = from {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = format!("bytes {from}-{}/{total}", end - 1);
        response.headers_mut().insert(header::CONTENT_RANGE, range.parse().unwrap());
    }
    response
}

/// The first byte of `bytes=100-` or `bytes=100-199`, and the one behind the last.
fn asked(range: &str, total: usize) -> (usize, usize) {
    let (from, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let end = last.parse::<usize>().map_or(total, |last| total.min(last + 1));
    (from.parse().unwrap(), end)
}

fn body(bytes: Vec<u8>, accident: Option<Accident>) -> Body {
    match accident {
        None | Some(Accident::Status(_)) => Body::from_stream(pieces(&bytes)),
        Some(Accident::End(at)) => Body::from_stream(pieces(&bytes[..at])),
        Some(Accident::Break(at)) => {
            // A pause lets what was sent arrive before the connection is torn down.
            let tear = stream::once(async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Err(io::Error::other("broken on purpose"))
            });
            Body::from_stream(pieces(&bytes[..at]).chain(tear))
        }
        Some(Accident::Stall(at)) => {
            let stall = stream::once(std::future::pending::<io::Result<Bytes>>());
            Body::from_stream(pieces(&bytes[..at]).chain(stall))
        }
    }
}

fn pieces(bytes: &[u8]) -> impl Stream<Item = io::Result<Bytes>> + use<> {
    let pieces: Vec<_> = bytes.chunks(64 * 1024).map(|p| Ok(Bytes::copy_from_slice(p))).collect();
    stream::iter(pieces)
}
