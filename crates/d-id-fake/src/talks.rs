//! `/talks`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use crate::answer::show;
use crate::body::{self, Rules, TalkBody};
use crate::delivery::Delivery;
use crate::envelope::{ApiError, ApiResult, json_response};
use crate::picture;
use crate::state::{Content, ListOrder, MissingSource, OWNER, Shared, World};
use crate::sync::locked;
use crate::talk::{Outcome, Talk};
use crate::webhook;

pub(crate) async fn create(shared: &Arc<Shared>, body: &Value) -> ApiResult {
    let (answer, webhook) = charged(shared, body)?;
    if let Some((id, delivery)) = webhook {
        webhook::begin(shared, id, delivery).await;
    }
    Ok(json_response(201, &answer))
}

/// The answer, and the talk's id and delivery where it has a webhook.
type Charged = (Value, Option<(String, Delivery)>);

fn charged(shared: &Shared, body: &Value) -> Result<Charged, ApiError> {
    let settings = &shared.settings;
    let rules = Rules { strict: settings.strict_bodies, own: &shared.base };
    let body = body::parse(body, &rules)?;
    if body.stitch && !settings.allow_stitch {
        return Err(ApiError::no_permission("stitch"));
    }
    if body.subtitles && !settings.allow_subtitles {
        return Err(ApiError::no_permission("subtitles"));
    }
    let now = shared.clock.now();
    let mut world = locked(&shared.world);
    world.settle(settings.pace, now);
    let forced = check_source(shared, &world, &body)?;
    let seconds = seconds(shared, &world, &body)?;
    let credits = (seconds / settings.seconds_per_credit).ceil().max(1.0) as u32;
    if world.remaining < f64::from(credits) {
        return Err(ApiError::no_credits());
    }
    world.remaining -= f64::from(credits);
    let lifetime = settings.upload_lifetime;
    let picture =
        world.upload_at(&body.source_url, now, lifetime).map(|upload| upload.bytes.clone());
    let scripted = world.outcomes.pop_front();
    let talk = Talk {
        id: format!("tlk_{}", Uuid::now_v7().simple()),
        body,
        outcome: scripted.or(forced).unwrap_or_default(),
        created: now,
        created_at: shared.clock.calendar(),
        polls: 0,
        ended: None,
        credits,
        refunded: false,
        deleted: false,
        seconds,
        signature: Uuid::now_v7().simple().to_string(),
        picture,
        video: None,
    };
    let answer = talk.created_json(OWNER);
    let webhook = talk.body.webhook.is_some().then(|| {
        let delivery = world.deliveries.pop_front().unwrap_or_default();
        (talk.id.clone(), delivery)
    });
    world.talks.push(talk);
    Ok((answer, webhook))
}

/// Whether an address is of this server's store, in either of its forms.
fn is_own(shared: &Shared, url: &str) -> bool {
    url.starts_with(&shared.base) || url.starts_with("s3://portrait-fake-")
}

/// Refuses a picture that cannot be animated, or says how the talk will fail.
fn check_source(
    shared: &Shared,
    world: &World,
    body: &TalkBody,
) -> Result<Option<Outcome>, ApiError> {
    if !is_own(shared, &body.source_url) {
        return Ok(None);
    }
    let lifetime = shared.settings.upload_lifetime;
    let Some(upload) = world.upload_at(&body.source_url, shared.clock.now(), lifetime) else {
        return match shared.settings.missing_source {
            MissingSource::Fails => {
                Ok(Some(Outcome::error("SourceError", "could not read the source image")))
            }
            MissingSource::Refused => Err(ApiError::bad_request("invalid actor url")),
        };
    };
    let Content::Picture { width, height } = upload.content else {
        return Err(ApiError::bad_request("invalid actor url"));
    };
    if u64::from(width) * u64::from(height) > picture::MAX_PIXELS {
        let what = "file size exceeded 10 MB";
        return Err(ApiError::invalid("InvalidFileSizeError", what));
    }
    let face = (shared.settings.has_face)(&upload.bytes);
    Ok((!face).then(|| Outcome::error("FaceError", "No valid face detected")))
}

fn seconds(shared: &Shared, world: &World, body: &TalkBody) -> Result<f64, ApiError> {
    let spoken = match &body.audio_url {
        None => body.spoken_seconds,
        Some(url) => {
            let lifetime = shared.settings.upload_lifetime;
            match world.upload_at(url, shared.clock.now(), lifetime) {
                Some(upload) => match upload.content {
                    Content::Sound { seconds } => seconds,
                    Content::Picture { .. } => {
                        return Err(ApiError::bad_request("invalid audio url"));
                    }
                },
                None if is_own(shared, url) => {
                    return Err(ApiError::bad_request("invalid audio url"));
                }
                // Someone else's file: not fetched, taken as short.
                None => 1.0,
            }
        }
    };
    Ok(spoken.max(1.0) + body.pad_seconds)
}

pub(crate) fn get(shared: &Shared, id: &str) -> ApiResult {
    let now = shared.clock.now();
    let mut world = locked(&shared.world);
    world.settle(shared.settings.pace, now);
    let talk = find(&mut world, id)?;
    let answer = show(shared, talk);
    talk.polls += 1;
    // By polls, the end is reached by the poll that shows it: move on for the next one.
    world.settle(shared.settings.pace, now);
    Ok(json_response(200, &answer))
}

fn find<'a>(world: &'a mut World, id: &str) -> Result<&'a mut Talk, ApiError> {
    world
        .talks
        .iter_mut()
        .find(|talk| talk.id == id && !talk.deleted)
        .ok_or_else(|| ApiError::not_found("not found"))
}

pub(crate) fn delete(shared: &Shared, id: &str) -> ApiResult {
    let mut world = locked(&shared.world);
    world.settle(shared.settings.pace, shared.clock.now());
    let talk = find(&mut world, id)?;
    if talk.ended.is_none() {
        return Err(ApiError::not_ready());
    }
    talk.deleted = true;
    let answer = show(shared, talk);
    Ok(json_response(200, &answer))
}

/// A page of talks. The token names the last talk shown, so removals between two pages shift
/// nothing.
pub(crate) fn list(shared: &Shared, query: Option<&str>) -> ApiResult {
    let mut limit = 100_usize;
    let mut after = None;
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match name.as_ref() {
            "limit" => {
                limit =
                    value.parse().ok().filter(|limit| (1..=1000).contains(limit)).ok_or_else(
                        || ApiError::bad_request("\"limit\" must be a positive number"),
                    )?;
            }
            "token" => {
                let invalid = || ApiError::bad_request("invalid token");
                after = Some(token_index(&value).ok_or_else(invalid)?);
            }
            _ => {}
        }
    }
    let mut world = locked(&shared.world);
    world.settle(shared.settings.pace, shared.clock.now());
    let indices: Vec<usize> = match shared.settings.list_order {
        ListOrder::NewestFirst => (0..after.unwrap_or(world.talks.len())).rev().collect(),
        ListOrder::OldestFirst => (after.map_or(0, |at| at + 1)..world.talks.len()).collect(),
    };
    let mut alive = indices
        .into_iter()
        .filter(|index| world.talks.get(*index).is_some_and(|talk| !talk.deleted));
    let page: Vec<usize> = alive.by_ref().take(limit).collect();
    let more = alive.next().is_some();
    let talks: Vec<Value> = page.iter().map(|index| show(shared, &world.talks[*index])).collect();
    let mut answer = json!({ "talks": talks });
    if let (true, Some(last)) = (more, page.last()) {
        answer["token"] = URL_SAFE_NO_PAD.encode(format!("talk {last}")).into();
    }
    Ok(json_response(200, &answer))
}

fn token_index(token: &str) -> Option<usize> {
    let decoded = URL_SAFE_NO_PAD.decode(token).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    text.strip_prefix("talk ")?.parse().ok()
}
