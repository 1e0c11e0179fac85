//! The body of `POST /talks`, checked as D-ID's OpenAPI description (4.2.1) states it.

use serde_json::{Map, Value};

use crate::envelope::ApiError;

/// D-ID animates this picture when the body names none; that is no error.
pub(crate) const DEFAULT_SOURCE: &str =
    "https://d-id-public-bucket.s3.us-west-2.amazonaws.com/alice.jpg";

/// Speaking rate assumed for a text, characters a second.
const CHARACTERS_PER_SECOND: f64 = 15.0;

const AMAZON_VOICES: [&str; 24] = [
    "Amy",
    "Aria",
    "Ayanda",
    "Bianca",
    "Brian",
    "Camila",
    "Emma",
    "Gabrielle",
    "Ivy",
    "Joanna",
    "Joey",
    "Justin",
    "Kendra",
    "Kevin",
    "Kimberly",
    "Léa",
    "Lucia",
    "Lupe",
    "Matthew",
    "Olivia",
    "Salli",
    "Seoyeon",
    "Takumi",
    "Vicki",
];

/// How bodies are checked.
pub(crate) struct Rules<'a> {
    /// Refuse fields the description does not list.
    pub(crate) strict: bool,
    /// The server's own address: its `http` URLs pass where D-ID wants `https` or `s3`.
    pub(crate) own: &'a str,
}

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

type Checked<T> = Result<T, ApiError>;

fn refuse<T>(what: impl Into<String>) -> Checked<T> {
    Err(ApiError::bad_request(what))
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

struct ScriptPart {
    audio_url: Option<String>,
    seconds: f64,
    subtitles: bool,
}

fn script_of(script: &Map<String, Value>, rules: &Rules<'_>) -> Checked<ScriptPart> {
    let subtitles = flag(script, "subtitles")?;
    match script.get("type").and_then(Value::as_str) {
        Some("text") => {
            known(script, "script", rules, &["type", "subtitles", "provider", "input", "ssml"])?;
            flag(script, "ssml")?;
            let input = text(script, "input")?
                .unwrap_or_else(|| "Making videos is easy with D-ID".to_owned());
            let length = input.chars().count();
            if !(3..=40_000).contains(&length) {
                return refuse(
                    "Failed to validate script: \"input\" must have 3 to 40000 characters",
                );
            }
            if let Some(provider) = script.get("provider") {
                provider_of(provider, rules)?;
            }
            Ok(ScriptPart {
                audio_url: None,
                seconds: length as f64 / CHARACTERS_PER_SECOND,
                subtitles,
            })
        }
        Some("audio") => {
            known(script, "script", rules, &["type", "subtitles", "audio_url"])?;
            let url = text(script, "audio_url")?.unwrap_or_default();
            if !is_sound(&url, rules) {
                return refuse("Failed to validate script: \"audio_url\" must be an audio URL");
            }
            Ok(ScriptPart { audio_url: Some(url), seconds: 0.0, subtitles })
        }
        _ => refuse("Failed to validate script"),
    }
}

fn provider_of(provider: &Value, rules: &Rules<'_>) -> Checked<()> {
    let Some(fields) = provider.as_object() else {
        return refuse("Failed to validate script: \"provider\" must be an object");
    };
    let voice = text(fields, "voice_id")?;
    let (allowed, voice_needed): (&[&str], bool) = match fields.get("type").and_then(Value::as_str)
    {
        Some("microsoft" | "azure-openai") => {
            (&["type", "voice_id", "voice_config", "language"], true)
        }
        Some("elevenlabs") => {
            (&["type", "voice_id", "voice_config", "model_id", "language"], false)
        }
        Some("amazon") => {
            if voice.as_deref().is_some_and(|voice| !AMAZON_VOICES.contains(&voice)) {
                return refuse("Failed to validate script: unknown amazon voice");
            }
            (&["type", "voice_id", "language"], true)
        }
        Some("google") => (&["type", "voice_id"], false),
        _ => return refuse("Failed to validate script: unknown provider"),
    };
    if voice_needed && voice.is_none() {
        return refuse("Failed to validate script: \"voice_id\" is required");
    }
    known(fields, "provider", rules, allowed)
}

struct ConfigPart {
    stitch: bool,
    pad: f64,
}

fn config_of(config: Option<&Value>, rules: &Rules<'_>) -> Checked<ConfigPart> {
    let Some(config) = config else {
        return Ok(ConfigPart { stitch: false, pad: 0.0 });
    };
    let Some(fields) = config.as_object() else {
        return refuse("\"config\" must be an object");
    };
    known(
        fields,
        "config",
        rules,
        &["logo", "stitch", "result_format", "fluent", "pad_audio", "driver_expressions"],
    )?;
    flag(fields, "fluent")?;
    if let Some(format) = fields.get("result_format")
        && !matches!(format.as_str(), Some("mp4" | "mov"))
    {
        return refuse("\"result_format\" must be mp4 or mov");
    }
    let pad = match fields.get("pad_audio").map(Value::as_f64) {
        None => 0.0,
        Some(Some(pad)) if (0.0..=60.0).contains(&pad) => pad,
        Some(_) => return refuse("\"pad_audio\" must be 0 to 60"),
    };
    if let Some(logo) = fields.get("logo") {
        let url = logo.get("url").and_then(Value::as_str).unwrap_or_default();
        let corners = logo.get("position").and_then(Value::as_array);
        let integers = corners.is_some_and(|at| at.len() == 2 && at.iter().all(Value::is_i64));
        if !is_url(url, &["https", "s3"], rules) || !integers {
            return refuse("\"logo\" must have a url and a position of two integers");
        }
    }
    if let Some(driver) = fields.get("driver_expressions") {
        let all = driver.get("expressions").and_then(Value::as_array);
        if !all.is_some_and(|all| all.iter().all(is_expression)) {
            return refuse("\"driver_expressions\" must list timed expressions");
        }
    }
    Ok(ConfigPart { stitch: flag(fields, "stitch")?, pad })
}

fn is_expression(timed: &Value) -> bool {
    let number = |name| timed.get(name).and_then(Value::as_f64);
    matches!(
        timed.get("expression").and_then(Value::as_str),
        Some("neutral" | "happy" | "serious" | "surprise")
    ) && number("start_frame").is_some_and(|frame| frame >= 0.0)
        && number("intensity").is_some_and(|intensity| (0.0..=1.0).contains(&intensity))
}

fn known(
    fields: &Map<String, Value>,
    what: &str,
    rules: &Rules<'_>,
    allowed: &[&str],
) -> Checked<()> {
    match fields.keys().find(|name| !allowed.contains(&name.as_str())) {
        Some(unknown) if rules.strict => refuse(format!("\"{unknown}\" is not allowed in {what}")),
        _ => Ok(()),
    }
}

fn text(fields: &Map<String, Value>, name: &str) -> Checked<Option<String>> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => refuse(format!("\"{name}\" must be a string")),
    }
}

fn flag(fields: &Map<String, Value>, name: &str) -> Checked<bool> {
    match fields.get(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => refuse(format!("\"{name}\" must be a boolean")),
    }
}

fn is_url(url: &str, schemes: &[&str], rules: &Rules<'_>) -> bool {
    !url.contains(char::is_whitespace)
        && (url.starts_with(rules.own)
            || url
                .split_once("://")
                .is_some_and(|(scheme, rest)| schemes.contains(&scheme) && !rest.is_empty()))
}

/// `(https|s3):.*\.(?:jpg|jpeg|png|JPG|JPEG|PNG)`, anywhere in the text.
fn is_source(url: &str, rules: &Rules<'_>) -> bool {
    let after_scheme = ["https:", "s3:", rules.own]
        .iter()
        .filter_map(|scheme| url.find(scheme).map(|at| at + scheme.len()))
        .min();
    let extensions = [".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG"];
    after_scheme.is_some_and(|at| {
        let rest = url[at..].lines().next().unwrap_or_default();
        extensions.iter().any(|extension| rest.contains(extension))
    })
}

/// `^(https|s3)://\S+\.(m4a|flac|mp3|mp4|wav)([?#][\w./=&#%-]+)?$`, in lower or upper case.
fn is_sound(url: &str, rules: &Rules<'_>) -> bool {
    let ends = |part: &str| {
        let extension = part.rsplit_once('.').map(|(_, extension)| extension);
        extension.is_some_and(|found| {
            ["m4a", "flac", "mp3", "mp4", "wav"]
                .iter()
                .any(|known| found == *known || found == known.to_ascii_uppercase())
        })
    };
    let plain =
        |tail: &str| tail.chars().all(|c| c.is_ascii_alphanumeric() || "_./=&#%-".contains(c));
    is_url(url, &["https", "s3"], rules)
        && (ends(url)
            || url
                .match_indices(['?', '#'])
                .any(|(at, _)| ends(&url[..at]) && url.len() > at + 1 && plain(&url[at + 1..])))
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

    #[test]
    fn audio_urls_follow_the_pattern() {
        for good in [
            "https://host/a.mp3",
            "s3://bucket/a.WAV",
            "https://host/a.wav?Expires=1&Signature=a%2F",
        ] {
            assert!(is_sound(good, &RULES), "{good}");
        }
        for bad in ["http://host/a.mp3", "https://host/a.ogg", "https://host/a.wav?x=~", "a.wav"] {
            assert!(!is_sound(bad, &RULES), "{bad}");
        }
    }
}
