//! The request as it is written: `docs/voice.md` states it.

use serde::Serialize;

use super::request::SpeechRequest;

/// OpenAI's `POST /audio/speech`, and, below the line, fields of ours that are left out where the
/// message does not ask for them.
#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    input: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    voice: Option<&'a str>,
    response_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<f64>,
    // Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    style: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pitch_semitones: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expressiveness: Option<f64>,
}

impl<'a> Body<'a> {
    pub(super) fn new(
        request: &'a SpeechRequest,
        model: &'a str,
        voice: Option<&'a str>,
        standard: bool,
    ) -> Body<'a> {
        let ours = !standard;
        Body {
            model: request.model_id.as_deref().unwrap_or(model),
            input: &request.text,
            voice: request.voice_id.as_deref().or(voice),
            response_format: "wav",
            speed: Some(request.rate).filter(|rate| *rate != 1.0),
            language: request.language.as_deref().filter(|_| ours),
            style: request.style.as_deref().filter(|_| ours),
            pitch_semitones: Some(request.pitch_semitones).filter(|pitch| ours && *pitch != 0.0),
            expressiveness: request.expressiveness.filter(|_| ours),
        }
    }
}
