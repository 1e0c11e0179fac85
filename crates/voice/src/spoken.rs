use serde::Serialize;

use crate::prosody::Prosody;
use crate::ssml;
use crate::voices::Voice;

/// A text as D-ID takes it, with the voice's settings: its fields are those of a text script, and
/// serialise to one but for its `type` (D-ID's OpenAPI description 4.2.1, schema `TextScript`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpokenText {
    /// The text, or an SSML document.
    pub input: String,
    /// Whether it is SSML.
    pub ssml: bool,
    /// Who speaks; without one, D-ID chooses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<SpeechProvider>,
}

/// A voice and its settings in D-ID's words (schema `TextToSpeechProviders`); it serialises to
/// that schema.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type")]
#[non_exhaustive]
pub enum SpeechProvider {
    /// Microsoft Azure.
    #[serde(rename = "microsoft")]
    Microsoft {
        /// The voice.
        voice_id: String,
        /// How it speaks; nothing for its own way.
        #[serde(skip_serializing_if = "Option::is_none")]
        voice_config: Option<MicrosoftSettings>,
        /// Such as `Japanese (Japan)`.
        #[serde(skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
    /// ElevenLabs.
    #[serde(rename = "elevenlabs")]
    ElevenLabs {
        /// The voice.
        #[serde(skip_serializing_if = "Option::is_none")]
        voice_id: Option<String>,
        /// How it speaks; nothing for its own way.
        #[serde(skip_serializing_if = "Option::is_none")]
        voice_config: Option<ElevenLabsSettings>,
        /// The model.
        #[serde(skip_serializing_if = "Option::is_none")]
        model_id: Option<String>,
        /// Such as `Japanese (Japan)`.
        #[serde(skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
    /// Amazon Polly.
    #[serde(rename = "amazon")]
    Amazon {
        /// The voice.
        voice_id: String,
        /// Such as `Japanese (Japan)`.
        #[serde(skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
    /// Google.
    #[serde(rename = "google")]
    Google {
        /// The voice.
        #[serde(skip_serializing_if = "Option::is_none")]
        voice_id: Option<String>,
    },
    /// OpenAI's voices at Microsoft Azure.
    #[serde(rename = "azure-openai")]
    AzureOpenAi {
        /// The voice.
        voice_id: String,
        /// How it speaks; nothing for its own way.
        #[serde(skip_serializing_if = "Option::is_none")]
        voice_config: Option<MicrosoftSettings>,
        /// Such as `Japanese (Japan)`.
        #[serde(skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
}

/// How a Microsoft voice speaks (schema `VoiceConfigMicrosoft`).
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct MicrosoftSettings {
    /// A style the voice has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style: Option<String>,
    /// Speed against 1, such as `1.08`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// Semitones, such as `+2st`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pitch: Option<String>,
}

/// How an ElevenLabs voice speaks (schema `VoiceConfigElevenlabs`).
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ElevenLabsSettings {
    /// 0 (free) to 1 (even).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stability: Option<f64>,
    /// Speed against 1, 0.7 to 1.2, as text.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub rate: Option<f64>,
    /// How far the speaker's style is exaggerated, 0 to 1, as text.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub style: Option<f64>,
}

/// D-ID wants these numbers as text.
#[expect(clippy::ref_option, reason = "the form serde calls")]
fn as_text<S: serde::Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

/// A text for a voice, with as much of the prosody as the provider understands.
pub(crate) fn speak(text: &str, voice: Option<&Voice>, prosody: &Prosody) -> SpokenText {
    let rate = Some(prosody.rate).filter(|rate| *rate != 1.0);
    let pitch = Some(prosody.pitch_semitones).filter(|semitones| *semitones != 0.0);
    let plain = |provider| SpokenText { input: text.to_owned(), ssml: false, provider };
    // An SSML document that says nothing would only bring the provider's rules for it.
    let marked_up = |rate: Option<f64>, pitch: Option<f64>, provider| {
        if rate.is_none() && pitch.is_none() {
            return plain(Some(provider));
        }
        let input = ssml::document(text, rate, pitch);
        SpokenText { input, ssml: true, provider: Some(provider) }
    };
    let Some(voice) = voice else {
        return plain(None);
    };
    match voice.clone() {
        Voice::Microsoft { voice_id, styles, language } => {
            let voice_config = microsoft(prosody.style_of(&styles).cloned(), rate, pitch);
            plain(Some(SpeechProvider::Microsoft { voice_id, voice_config, language }))
        }
        Voice::AzureOpenAi { voice_id, language } => {
            let voice_config = microsoft(None, rate, pitch);
            plain(Some(SpeechProvider::AzureOpenAi { voice_id, voice_config, language }))
        }
        Voice::ElevenLabs { voice_id, model_id, language } => {
            let voice_config = eleven_labs(prosody, rate, model_id.as_deref());
            plain(Some(SpeechProvider::ElevenLabs { voice_id, voice_config, model_id, language }))
        }
        // Polly's neural voices refuse a pitch.
        Voice::Amazon { voice_id, language } => {
            marked_up(rate, None, SpeechProvider::Amazon { voice_id, language })
        }
        Voice::Google { voice_id } => marked_up(rate, pitch, SpeechProvider::Google { voice_id }),
    }
}

fn microsoft(
    style: Option<String>,
    rate: Option<f64>,
    pitch: Option<f64>,
) -> Option<MicrosoftSettings> {
    let rate = rate.map(|rate| hundredths(rate).to_string());
    let settings = MicrosoftSettings { style, rate, pitch: pitch.map(pitch_text) };
    Some(settings).filter(|settings| *settings != MicrosoftSettings::default())
}

fn eleven_labs(
    prosody: &Prosody,
    rate: Option<f64>,
    model_id: Option<&str>,
) -> Option<ElevenLabsSettings> {
    // The more expressive, the less even; 0.5 is what ElevenLabs starts from.
    let stability = prosody.expressiveness.map(|value| {
        let stability = 0.65 - 0.5 * value;
        // The third model takes three values only.
        let third = model_id.is_some_and(|model| model.contains("v3"));
        if third { (stability * 2.0).round() / 2.0 } else { hundredths(stability) }
    });
    let settings = ElevenLabsSettings {
        stability,
        rate: rate.map(|rate| hundredths(rate.clamp(0.7, 1.2))),
        style: prosody.expressiveness.map(hundredths),
    };
    Some(settings).filter(|settings| *settings != ElevenLabsSettings::default())
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

pub(crate) fn pitch_text(semitones: f64) -> String {
    format!("{:+}st", hundredths(semitones))
}

pub(crate) fn rate_percent(rate: f64) -> String {
    format!("{}%", (rate * 100.0).round())
}
