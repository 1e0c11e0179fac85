//! What may go wrong, at which request.

use portrait_d_id_fake::{Fault, Route};
use serde_json::{Value, json};
use std::time::Duration;

/// The requests of one person's video, in their order.
pub(super) const ROUTES: [Route; 6] = [
    Route::UploadImage,
    Route::UploadAudio,
    Route::CreateTalk,
    Route::ListTalks,
    Route::GetTalk,
    Route::Result,
];

/// A kind of fault.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) make: fn() -> Fault,
    /// Whether it makes sense for JSON answers only.
    json: bool,
}

impl Kind {
    pub(super) fn applies(&self, route: Route) -> bool {
        let of_list = self.name.starts_with("list");
        match route {
            Route::ListTalks => true,
            Route::Result => !self.json && !of_list,
            _ => !of_list,
        }
    }
}

fn gateway() -> Fault {
    Fault::json(504, json!({ "message": "Endpoint request timed out" }))
}

fn each(body: &mut Value, change: impl Fn(&mut serde_json::Map<String, Value>)) {
    if let Some(talks) = body.get_mut("talks").and_then(Value::as_array_mut) {
        talks.iter_mut().filter_map(Value::as_object_mut).for_each(&change);
    }
    if let Some(fields) = body.as_object_mut() {
        change(fields);
    }
}

/// Fields without which an answer says nothing.
const NEEDED: [&str; 6] = ["id", "status", "url", "talks", "source_url", "result_url"];

const fn any(name: &'static str, make: fn() -> Fault) -> Kind {
    Kind { name, make, json: false }
}

const fn of_json(name: &'static str, make: fn() -> Fault) -> Kind {
    Kind { name, make, json: true }
}

pub(super) const KINDS: &[Kind] = &[
    any("429", || Fault::error(429, "TooManyRequests", "slow down")),
    any("429, Retry-After 5", || Fault::error(429, "TooManyRequests", "slow").retry_after(5)),
    any("429, Retry-After 300", || Fault::error(429, "TooManyRequests", "no").retry_after(300)),
    any("500", || Fault::error(500, "InternalServerError", "oops")),
    any("500 after the effect", || Fault::error(500, "Oops", "oops").after_effect()),
    any("502 HTML", || Fault::html(502, "<html><h1>Bad gateway</h1></html>")),
    any("502 HTML after the effect", || Fault::html(502, "<html></html>").after_effect()),
    any("503, Retry-After 20", || Fault::html(503, "").retry_after(20)),
    any("504", gateway),
    any("504 after the effect", || gateway().after_effect()),
    any("504, the effect 40 s later", || {
        // The gateway's 29 s pass, then the work goes on behind it.
        gateway().after_effect().delayed(Duration::from_secs(29))
    }),
    any("408", || Fault::error(408, "Timeout", "too slow")),
    any("slow answer", || Fault::delay(Duration::from_secs(50))),
    any("no answer in time, effect late", || Fault::delay(Duration::from_secs(75))),
    any("no answer in time, effect at once", || {
        Fault::delay(Duration::from_secs(75)).after_effect()
    }),
    any("slow body", || Fault::drip(64, Duration::from_millis(900))),
    any("stuck body", || Fault::drip(64, Duration::from_secs(70))),
    any("dropped while sending", || Fault::hang_up().while_receiving()),
    any("dropped before the effect", Fault::hang_up),
    any("dropped after the effect", || Fault::hang_up().after_effect()),
    any("cut off at 10 bytes", || Fault::truncate(10)),
    any("cut off at 3000 bytes", || Fault::truncate(3000)),
    any("shortened body", || Fault::shorten(60)),
    any("shortened to half", || Fault::shorten(2700)),
    any("success in HTML", || Fault::html(200, "<html>hello</html>")),
    of_json("success in HTML after the effect", || Fault::html(201, "<html>").after_effect()),
    of_json("unknown status", || {
        Fault::edit(|body| each(body, |talk| drop(talk.insert("status".into(), "musing".into()))))
    }),
    of_json("unknown fields", || {
        Fault::edit(|body| each(body, |talk| drop(talk.insert("moon".into(), json!([1])))))
    }),
    of_json("missing optional fields", || {
        Fault::edit(|body| {
            each(body, |talk| talk.retain(|name, _| NEEDED.contains(&name.as_str())))
        })
    }),
    of_json("missing id", || Fault::edit(|body| each(body, |talk| drop(talk.remove("id"))))),
    of_json("missing link", || {
        Fault::edit(|body| each(body, |talk| drop(talk.remove("result_url"))))
    }),
    any("404 NotFound", || Fault::error(404, "NotFound", "not found")),
    any("404 NotFoundError", || Fault::error(404, "NotFoundError", "not found")),
    any("401", || Fault::error(401, "AuthorizationError", "user unauthenticated")),
    any("402", || Fault::error(402, "InsufficientCreditsError", "not enough credits")),
    any("403", || Fault::error(403, "PermissionError", "no permission")),
    any("400", || Fault::error(400, "BadRequestError", "bad request")),
    any("409", || Fault::error(409, "ConflictError", "same request in process")),
    any("415", || Fault::error(415, "UnsupportedMimeTypeError", "no")),
    any("451 picture", || Fault::moderation("ImageModerationError")),
    any("451 text", || Fault::moderation("TextModerationError")),
    any("451 sound", || Fault::moderation("AudioModerationError")),
    any("451 celebrity", || Fault::moderation("CelebrityRecognizedError")),
    of_json("list does not show it yet", || {
        Fault::edit(|body| {
            if let Some(talks) = body.get_mut("talks") {
                *talks = json!([]);
            }
        })
    }),
];

/// What may become of the talk itself.
pub(super) const ENDINGS: [&str; 7] =
    ["done", "FaceError", "SourceError", "DriverError", "LogoError", "UnknownError", "rejected"];
