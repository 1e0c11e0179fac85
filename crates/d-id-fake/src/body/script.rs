//! The `script` of a talk's body.

use serde_json::{Map, Value};

use super::fields::{Checked, Rules, flag, known, refuse, text};
use super::urls::is_sound;

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

/// What is said.
pub(super) struct ScriptPart {
    pub(super) audio_url: Option<String>,
    pub(super) seconds: f64,
    pub(super) subtitles: bool,
}

pub(super) fn script_of(script: &Map<String, Value>, rules: &Rules<'_>) -> Checked<ScriptPart> {
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
