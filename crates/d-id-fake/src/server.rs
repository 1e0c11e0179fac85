//! Connections and the frame around every request: journal, faults, credentials.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, Request, header};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::account;
use crate::clock::http_date;
use crate::envelope::{ApiError, ApiResult};
use crate::fault::{Fault, Moment};
use crate::files;
use crate::journal::Visit;
use crate::route::Route;
use crate::state::Shared;
use crate::sync::locked;
use crate::{talks, uploads};

/// Bodies above this are refused by the gateway in front of D-ID.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// Serves until it is dropped; dropping it closes every connection.
pub(crate) async fn run(listener: TcpListener, shared: Arc<Shared>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        // Reap what has ended, so that a long-lived server does not collect finished tasks.
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            // Out of sockets: let some close.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&shared), request));
            // An error here is the caller leaving or a connection closed on purpose.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Answers one request. An error closes the connection without a word.
async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> io::Result<Response> {
    let (parts, body) = request.into_parts();
    let (route, tail) = Route::of(parts.method.as_str(), parts.uri.path());
    let visit = shared.journal.begin(route, parts.method.as_str(), &parts.uri);
    let credentials =
        parts.headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    let authorised = shared.settings.accepted.admits(credentials);
    visit.note(|entry| {
        entry.authorised = authorised;
        entry.has_authorization = credentials.is_some();
    });
    let fault = locked(&shared.world).take_fault(route);

    if let Some(fault) = fault.as_ref().filter(|fault| fault.moment == Moment::Receiving) {
        tokio::time::sleep(fault.delay).await;
        return finish(&shared, &visit, fault.apply(None).await);
    }
    let Ok(body) = axum::body::to_bytes(Body::new(body), MAX_BODY).await else {
        return finish(
            &shared,
            &visit,
            Some(ApiError::bad_request("body not readable").into_response()),
        );
    };
    visit.note(|entry| {
        entry.request_bytes = body.len();
        entry.json = serde_json::from_slice(&body).ok();
    });
    let call = Call { parts, body, route, tail, authorised };
    let response = match fault {
        None => Some(carried_out(shared.clone(), call, std::time::Duration::ZERO).await?),
        Some(fault) => struck(&shared, call, fault).await?,
    };
    finish(&shared, &visit, response)
}

/// A request under a fault; `None` closes the connection.
async fn struck(shared: &Arc<Shared>, call: Call, fault: Fault) -> io::Result<Option<Response>> {
    if fault.moment == Moment::Before && fault.replaces() {
        tokio::time::sleep(fault.delay).await;
        return Ok(fault.apply(None).await);
    }
    let (before, after) = match fault.moment {
        Moment::After => (std::time::Duration::ZERO, fault.delay),
        Moment::Before | Moment::Receiving => (fault.delay, std::time::Duration::ZERO),
    };
    let usual = carried_out(Arc::clone(shared), call, before).await?;
    tokio::time::sleep(after).await;
    Ok(fault.apply(Some(usual)).await)
}

fn finish(shared: &Shared, visit: &Visit<'_>, response: Option<Response>) -> io::Result<Response> {
    let mut response = response.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionAborted))?;
    let date = http_date(shared.clock.calendar());
    if let (false, Ok(date)) = (response.headers().contains_key(header::DATE), date.parse()) {
        response.headers_mut().insert(header::DATE, date);
    }
    visit.note(|entry| entry.status = Some(response.status().as_u16()));
    Ok(response)
}

/// A request whose body has arrived.
struct Call {
    parts: Parts,
    body: Bytes,
    route: Route,
    tail: String,
    authorised: bool,
}

/// Carries a request out, on a task of its own: what a caller has sent happens even if the caller
/// does not wait for the answer.
async fn carried_out(
    shared: Arc<Shared>,
    call: Call,
    delay: std::time::Duration,
) -> io::Result<Response> {
    let task = tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        dispatch(&shared, call).await
    });
    task.await.map_err(io::Error::other)
}

async fn dispatch(shared: &Arc<Shared>, call: Call) -> Response {
    let query = call.parts.uri.query().map(str::to_owned);
    match call.route {
        Route::Result => {
            return files::result(shared, &call.tail, query.as_deref(), &call.parts.headers);
        }
        Route::Upload => return files::upload(shared, &call.tail, &call.parts.headers),
        _ => {}
    }
    if !call.authorised {
        return ApiError::unauthenticated().into_response();
    }
    api(shared, call, query.as_deref()).await.unwrap_or_else(ApiError::into_response)
}

async fn api(shared: &Arc<Shared>, call: Call, query: Option<&str>) -> ApiResult {
    match call.route {
        Route::UploadImage => uploads::image(shared, uploads::rebuilt(call.parts, call.body)).await,
        Route::UploadAudio => uploads::audio(shared, uploads::rebuilt(call.parts, call.body)).await,
        Route::DetectFaces => uploads::detect_faces(shared, &json(&call)?),
        Route::DeleteImage => uploads::delete(shared, &call.tail, true),
        Route::DeleteAudio => uploads::delete(shared, &call.tail, false),
        Route::CreateTalk => talks::create(shared, &json(&call)?).await,
        Route::ListTalks => talks::list(shared, query),
        Route::GetTalk => talks::get(shared, &call.tail),
        Route::DeleteTalk => talks::delete(shared, &call.tail),
        Route::Credits => account::credits(shared),
        Route::Voices => account::voices(query),
        Route::Result | Route::Upload | Route::Unknown => {
            let Parts { method, uri, .. } = &call.parts;
            let method: &Method = method;
            Err(ApiError::not_found(format!("no route {method} {}", uri.path())))
        }
    }
}

/// The JSON body, under the right content type.
fn json(call: &Call) -> Result<Value, ApiError> {
    let declared = call
        .parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !declared.starts_with("application/json") {
        return Err(ApiError::unsupported(declared, &["application/json"]));
    }
    serde_json::from_slice(&call.body).map_err(|_| ApiError::bad_request("body is not JSON"))
}
