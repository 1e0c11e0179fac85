//! What is fetched without a key: finished videos behind their presigned links, with byte ranges,
//! and uploads.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;

use crate::clip::{self, TALK_MP4};
use crate::envelope::bytes_response;
use crate::state::Shared;
use crate::sync::locked;
use crate::talk::Ending;

/// A finished talk's video, as S3 would serve it: an error is XML, and a presigned link does not
/// go together with an `Authorization` header.
pub(crate) fn result(
    shared: &Shared,
    id: &str,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Response {
    if headers.contains_key(header::AUTHORIZATION) {
        return xml_error(400, "InvalidArgument", "Only one auth mechanism allowed");
    }
    let asked = |wanted: &str| {
        url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    let (expires, signature) = (asked("Expires"), asked("Signature"));
    let now = shared.clock.now();
    let mut world = locked(&shared.world);
    world.settle(shared.settings.pace, now);
    let Some(talk) = world.talks.iter_mut().find(|talk| talk.id == id && !talk.deleted) else {
        return xml_error(404, "NoSuchKey", "The specified key does not exist.");
    };
    if talk.ended.is_none() || talk.outcome.ending != Ending::Done {
        return xml_error(404, "NoSuchKey", "The specified key does not exist.");
    }
    let expires = expires.parse().unwrap_or(0);
    if signature != talk.signed(expires) {
        return xml_error(403, "SignatureDoesNotMatch", "The signature does not match.");
    }
    if now.as_secs() >= expires {
        return xml_error(403, "AccessDenied", "Request has expired");
    }
    let video = match (&shared.settings.video, &talk.video) {
        (Some(video), _) | (None, Some(video)) => video.clone(),
        (None, None) => {
            let picture = talk.picture.as_deref();
            let own = picture.and_then(|picture| clip::showing(picture, talk.seconds));
            let video = own.unwrap_or_else(|| Bytes::from_static(TALK_MP4));
            talk.video.insert(video).clone()
        }
    };
    let tag = format!("\"{}\"", talk.id);
    drop(world);
    let mut response = if !shared.settings.ranges || asks_for_another(headers, &tag) {
        ranged("video/mp4", video, &HeaderMap::new())
    } else {
        ranged("video/mp4", video, headers)
    };
    set(&mut response, header::ETAG, &tag);
    response
}

/// Whether `If-Range` names another file: a range of it is then of no use (RFC 9110, section
/// 13.1.5).
fn asks_for_another(headers: &HeaderMap, tag: &str) -> bool {
    headers.get(header::IF_RANGE).is_some_and(|wanted| wanted.as_bytes() != tag.as_bytes())
}

/// An upload's bytes.
pub(crate) fn upload(shared: &Shared, id: &str, headers: &HeaderMap) -> Response {
    let world = locked(&shared.world);
    let alive = world
        .uploads
        .get(id)
        .filter(|upload| shared.clock.now() < upload.stored + shared.settings.upload_lifetime);
    match alive {
        Some(upload) => ranged(upload.content_type, upload.bytes.clone(), headers),
        None => xml_error(404, "NoSuchKey", "The specified key does not exist."),
    }
}

fn xml_error(status: u16, code: &str, message: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    bytes_response(status, "application/xml", body)
}

/// The whole, or the one range asked for (RFC 9110, section 14); several ranges get the whole.
fn ranged(content_type: &'static str, body: Bytes, headers: &HeaderMap) -> Response {
    let total = body.len();
    let asked = headers
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("bytes="))
        .filter(|ranges| !ranges.contains(','))
        .and_then(|range| range.split_once('-'));
    let mut response = match asked.map(|range| resolve(range, total)) {
        None | Some(Range::Malformed) => bytes_response(200, content_type, body),
        Some(Range::Unsatisfiable) => {
            let mut refused = xml_error(416, "InvalidRange", "The range is not satisfiable");
            set(&mut refused, header::CONTENT_RANGE, &format!("bytes */{total}"));
            refused
        }
        Some(Range::Part(from, until)) => {
            let mut part = bytes_response(206, content_type, body.slice(from..until));
            let range = format!("bytes {from}-{}/{total}", until - 1);
            set(&mut part, header::CONTENT_RANGE, &range);
            part
        }
    };
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    response
}

fn set(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Range {
    Malformed,
    Unsatisfiable,
    /// From the first byte until before the second.
    Part(usize, usize),
}

fn resolve((from, last): (&str, &str), total: usize) -> Range {
    match (from.parse::<usize>(), last.parse::<usize>()) {
        (Ok(from), _) if from >= total => Range::Unsatisfiable,
        (Ok(from), Ok(last)) if last >= from => Range::Part(from, total.min(last + 1)),
        (Ok(from), Err(_)) if last.is_empty() => Range::Part(from, total),
        (Err(_), Ok(0)) if from.is_empty() => Range::Unsatisfiable,
        (Err(_), Ok(count)) if from.is_empty() => Range::Part(total.saturating_sub(count), total),
        _ => Range::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_resolve_as_http_states() {
        assert_eq!(resolve(("0", "99"), 1000), Range::Part(0, 100));
        assert_eq!(resolve(("900", "5000"), 1000), Range::Part(900, 1000));
        assert_eq!(resolve(("900", ""), 1000), Range::Part(900, 1000));
        assert_eq!(resolve(("", "100"), 1000), Range::Part(900, 1000));
        assert_eq!(resolve(("", "5000"), 1000), Range::Part(0, 1000));
        assert_eq!(resolve(("1000", ""), 1000), Range::Unsatisfiable);
        assert_eq!(resolve(("", "0"), 1000), Range::Unsatisfiable);
        assert_eq!(resolve(("9", "3"), 1000), Range::Malformed);
        assert_eq!(resolve(("a", "b"), 1000), Range::Malformed);
    }
}
