//! `/credits` and `/tts/voices`.

use serde_json::{Value, json};

use crate::clock::stamp;
use crate::envelope::{ApiResult, json_response};
use crate::state::{OWNER, Shared};
use crate::sync::locked;

pub(crate) fn credits(shared: &Shared) -> ApiResult {
    let mut world = locked(&shared.world);
    world.settle(shared.settings.pace, shared.clock.now());
    let today = shared.clock.calendar();
    let item = json!({
        "owner_id": OWNER,
        "created_at": stamp(today),
        "modified_at": stamp(today),
        "remaining": world.remaining,
        "total": world.total,
        "expire_at": stamp(today + time::Duration::days(30)),
    });
    let answer = json!({
        "credits": [item],
        "remaining": world.remaining,
        "total": world.total,
    });
    Ok(json_response(200, &answer))
}

/// A few voices of each provider D-ID knows.
const VOICES: [(&str, &str, &str, &str, &str); 5] = [
    ("en-US-JennyNeural", "Jenny", "female", "microsoft", "en-US"),
    ("de-DE-ConradNeural", "Conrad", "male", "microsoft", "de-DE"),
    ("Joanna", "Joanna", "female", "amazon", "en-US"),
    ("21m00Tcm4TlvDq8ikWAM", "Rachel", "female", "elevenlabs", "en-US"),
    ("he-IL-Wavenet-A", "Wavenet A", "female", "google", "he-IL"),
];

pub(crate) fn voices(query: Option<&str>) -> ApiResult {
    let asked = |wanted: &str| {
        url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
    };
    let (provider, id) = (asked("provider"), asked("id"));
    let voices: Vec<Value> = VOICES
        .iter()
        .filter(|voice| provider.as_ref().is_none_or(|wanted| wanted == voice.3))
        .filter(|voice| id.as_ref().is_none_or(|wanted| wanted == voice.0))
        .map(|(id, name, gender, provider, locale)| {
            json!({
                "id": id,
                "name": name,
                "gender": gender,
                "access": "public",
                "provider": provider,
                "languages": [{ "language": locale, "locale": locale }],
                "styles": [],
            })
        })
        .collect();
    Ok(json_response(200, &Value::Array(voices)))
}
