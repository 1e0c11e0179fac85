use serde::{Serialize, Serializer};

use crate::check;
use crate::error::Error;

/// The voices `amazon` has; no others are taken.
pub(crate) const AMAZON_VOICES: [&str; 24] = [
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

/// Who speaks a text, and how. Without one, D-ID uses a Microsoft voice of its choice.
/// Source: schema `TextToSpeechProviders` of D-ID's OpenAPI description 4.2.1.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type")]
#[non_exhaustive]
pub enum Provider {
    /// Microsoft Azure.
    #[serde(rename = "microsoft")]
    Microsoft {
        /// Such as `en-US-JennyNeural`.
        voice_id: String,
        /// Style, rate and pitch.
        #[serde(skip_serializing_if = "Option::is_none")]
        voice_config: Option<MicrosoftVoice>,
        /// Such as `English (United States)`.
        #[serde(skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
    /// ElevenLabs.
    #[serde(rename = "elevenlabs")]
    ElevenLabs {
        /// D-ID's default voice where there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        voice_id: Option<String>,
        /// How the voice sounds.
        #[serde(skip_serializing_if = "Option::is_none")]
        voice_config: Option<ElevenLabsVoice>,
        /// `eleven_multilingual_v2` where there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        model_id: Option<String>,
        /// Such as `English (United States)`.
        #[serde(skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
    /// Amazon Polly.
    #[serde(rename = "amazon")]
    Amazon {
        /// One of 24 voices, such as `Joanna`.
        voice_id: String,
        /// Such as `English (United States)`.
        #[serde(skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
    /// Google.
    #[serde(rename = "google")]
    Google {
        /// D-ID's default voice where there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        voice_id: Option<String>,
    },
    /// OpenAI's voices at Microsoft Azure.
    #[serde(rename = "azure-openai")]
    AzureOpenAi {
        /// The voice.
        voice_id: String,
        /// Style, rate and pitch.
        #[serde(skip_serializing_if = "Option::is_none")]
        voice_config: Option<MicrosoftVoice>,
        /// Such as `English (United States)`.
        #[serde(skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
}

impl Provider {
    /// A Microsoft voice as it is.
    #[must_use]
    pub fn microsoft(voice_id: impl Into<String>) -> Provider {
        Provider::Microsoft { voice_id: voice_id.into(), voice_config: None, language: None }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let voice = match self {
            Provider::Microsoft { voice_id, .. }
            | Provider::AzureOpenAi { voice_id, .. }
            | Provider::Amazon { voice_id, .. } => Some(voice_id),
            Provider::ElevenLabs { voice_id, .. } | Provider::Google { voice_id } => {
                voice_id.as_ref()
            }
        };
        if voice.is_some_and(|voice| voice.trim().is_empty()) {
            let reason = "it is empty; name a voice of the provider";
            return Err(Error::invalid("script.provider.voice_id", reason));
        }
        match self {
            Provider::Amazon { voice_id, .. } if !AMAZON_VOICES.contains(&voice_id.as_str()) => {
                let reason = format!(
                    "amazon has no voice {voice_id:?}; one of {} is allowed",
                    AMAZON_VOICES.join(", ")
                );
                Err(Error::invalid("script.provider.voice_id", reason))
            }
            Provider::ElevenLabs { voice_config: Some(config), .. } => config.check(),
            _ => Ok(()),
        }
    }
}

/// How a Microsoft voice speaks; unset fields are the voice's own.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct MicrosoftVoice {
    /// A style the voice has, such as `Cheerful`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style: Option<String>,
    /// Relative to 1 (`0.5` is half speed), or `x-slow` to `x-fast`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// In hertz or semitones with the unit, such as `+2st`, or `x-low` to `x-high`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pitch: Option<String>,
}

/// How an ElevenLabs voice speaks; unset fields are the voice's own.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ElevenLabsVoice {
    /// 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stability: Option<f64>,
    /// 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity_boost: Option<f64>,
    /// 0.7 to 1.2, relative to the voice's own speed.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub rate: Option<f64>,
    /// 0 to 1; above 0 takes longer.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub style: Option<f64>,
    /// Closer to the speaker, slower.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_speaker_boost: Option<bool>,
    /// Better pronunciation in some languages, much slower.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apply_language_text_normalization: Option<bool>,
}

impl ElevenLabsVoice {
    fn check(&self) -> Result<(), Error> {
        let limits = [
            ("script.provider.voice_config.stability", self.stability, 0.0..=1.0),
            ("script.provider.voice_config.similarity_boost", self.similarity_boost, 0.0..=1.0),
            ("script.provider.voice_config.rate", self.rate, 0.7..=1.2),
            ("script.provider.voice_config.style", self.style, 0.0..=1.0),
        ];
        for (field, value, limits) in limits {
            if let Some(value) = value {
                check::within(field, value, limits)?;
            }
        }
        Ok(())
    }
}

/// D-ID wants these numbers as text.
#[expect(clippy::ref_option, reason = "the form serde calls")]
fn as_text<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}
