//! The body of `POST /talks`, checked as D-ID's OpenAPI description (4.2.1) states it.

use serde_json::Value;

use super::config::config_of;
use super::fields::{Checked, Rules, known, refuse, text};
use super::script::script_of;
use super::urls::{is_source, is_url};

/// D-ID animates this picture when the body names none; that is no error.
pub(crate) const DEFAULT_SOURCE: &str =
    "https://d-id-public-bucket.s3.us-west-2.amazonaws.com/alice.jpg";

/// What a body asks for.
#[derive(Debug, Clone)]
pub(crate) struct TalkBody {
    pub(crate) source_url: String,
    pub(crate) audio_url: Option<String>,
    pub(crate) spoken_seconds: f64,
    pub(crate) pad_seconds: f64,
    pub(crate) stitch: bool,
    pub(crate) subtitles: bool,
    pub(crate) config: Option<Value>,
    pub(crate) user_data: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) webhook: Option<String>,
}

pub(crate) fn parse(body: &Value, rules: &Rules<'_>) -> Checked<TalkBody> {
    let Some(fields) = body.as_object() else {
        return refuse("body must be an object");
    };
    known(
        fields,
        "body",
        rules,
        &["source_url", "script", "config", "user_data", "name", "webhook", "result_url"],
    )?;
    let source_url = text(fields, "source_url")?.unwrap_or_else(|| DEFAULT_SOURCE.to_owned());
    if !is_source(&source_url, rules) {
        return refuse("\"source_url\" must be a valid image URL (ending with jpg|jpeg|png)");
    }
    let Some(script) = fields.get("script").and_then(Value::as_object) else {
        return refuse("Failed to validate script");
    };
    let script = script_of(script, rules)?;
    let config = config_of(fields.get("config"), rules)?;
    let user_data = text(fields, "user_data")?;
    if user_data.as_deref().is_some_and(|data| {
        data.trim().is_empty() || data.chars().count() > 1000 || data.contains('\n')
    }) {
        return refuse("\"user_data\" must have 1 to 1000 characters");
    }
    let webhook = text(fields, "webhook")?;
    if webhook
        .as_deref()
        .is_some_and(|url| !is_url(url, &["https"], rules) && !url.starts_with("http://127.0.0.1"))
    {
        return refuse("\"webhook\" must be an https URL");
    }
    if text(fields, "result_url")?.is_some_and(|url| !is_url(&url, &["https", "s3"], rules)) {
        return refuse("\"result_url\" must be an https or s3 URL");
    }
    Ok(TalkBody {
        source_url,
        audio_url: script.audio_url,
        spoken_seconds: script.seconds,
        pad_seconds: config.pad,
        stitch: config.stitch,
        subtitles: script.subtitles,
        config: fields.get("config").cloned(),
        user_data,
        name: text(fields, "name")?,
        webhook,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const RULES: Rules<'_> = Rules { strict: true, own: "http://127.0.0.1:9/" };

    fn talk(change: impl FnOnce(&mut Value)) -> Checked<TalkBody> {
        let mut body = json!({
            "source_url": "https://host/face.png",
            "script": { "type": "text", "input": "Hello there" },
        });
        change(&mut body);
        parse(&body, &RULES)
    }

    #[test]
    fn the_published_limits_hold() {
        assert!(talk(|_| {}).is_ok());
        assert!(talk(|b| b["script"]["input"] = "é".repeat(40_000).into()).is_ok());
        assert!(talk(|b| b["script"]["input"] = "é".repeat(40_001).into()).is_err());
        assert!(talk(|b| b["script"]["input"] = "ab".into()).is_err());
        assert!(talk(|b| b["source_url"] = "https://host/face.webp".into()).is_err());
        assert!(talk(|b| b["source_url"] = "http://host/face.png".into()).is_err());
        assert!(talk(|b| b["source_url"] = "http://127.0.0.1:9/a.png".into()).is_ok());
        assert!(talk(|b| b["source_url"] = "data:image/png;base64,AA".into()).is_err());
        assert!(talk(|b| b["config"] = json!({ "pad_audio": 61 })).is_err());
        assert!(talk(|b| b["user_data"] = "  ".into()).is_err());
        assert!(talk(|b| b["webhook"] = "http://host/hook".into()).is_err());
        assert!(talk(|b| b["face"] = json!({})).is_err());
        assert!(talk(|b| b["script"] = json!({ "type": "song" })).is_err());
    }

    #[test]
    fn a_missing_source_is_the_sample_picture() {
        let body = talk(|b| {
            b.as_object_mut().unwrap().remove("source_url");
        });
        assert_eq!(body.unwrap().source_url, DEFAULT_SOURCE);
    }

    #[test]
    fn providers_are_those_of_the_description() {
        let with = |provider: Value| talk(|b| b["script"]["provider"] = provider).is_ok();
        assert!(with(json!({ "type": "microsoft", "voice_id": "en-US-JennyNeural" })));
        assert!(!with(json!({ "type": "microsoft" })));
        assert!(with(json!({ "type": "elevenlabs" })));
        assert!(with(json!({ "type": "amazon", "voice_id": "Joanna" })));
        assert!(!with(json!({ "type": "amazon", "voice_id": "Nobody" })));
        assert!(!with(json!({ "type": "openvoice", "voice_id": "x" })));
        assert!(!with(json!({ "type": "google", "speed": 2 })));
    }
}
