//! What is asked of a speech service, and the seam it is asked through.

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Error;
use crate::prosody::Prosody;
use crate::voices::Voice;

/// What speaks a text: [`HttpSpeech`](crate::HttpSpeech), or an engine of the application's own.
///
/// ```
/// use portrait_voice::{Audio, Error, Speech, SpeechRequest, async_trait, bytes::Bytes, encode};
///
/// /// Hums a tone for each character.
/// #[derive(Debug)]
/// struct Hum;
///
/// #[async_trait]
/// impl Speech for Hum {
///     async fn speak(&self, request: &SpeechRequest) -> Result<Bytes, Error> {
///         let samples = request.text.chars().count() * 1600;
///         let wave = |at: usize| 0.3 * (at as f32 * 0.1).sin();
///         let sound = Audio::new(16_000, (0..samples).map(wave).collect())?;
///         Ok(encode(&sound, &Default::default())?.bytes)
///     }
/// }
/// ```
#[async_trait]
pub trait Speech: std::fmt::Debug + Send + Sync {
    /// Speaks a text: a sound file in one of the formats of [`decode`](crate::decode).
    ///
    /// Dropping the future gives the request up.
    ///
    /// # Errors
    /// [`Error::SpeechRefused`], [`Error::SpeechUnauthorised`], [`Error::SpeechUnavailable`],
    /// [`Error::SpeechTimeout`], [`Error::SpeechAnswer`].
    async fn speak(&self, request: &SpeechRequest) -> Result<Bytes, Error>;
}

/// A text to speak, and how. Each service takes of it what it understands.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeechRequest {
    /// The text: plain, not SSML.
    pub text: String,
    /// The voice as the service names it; its default where there is none.
    pub voice_id: Option<String>,
    /// The service's model; its default where there is none.
    pub model_id: Option<String>,
    /// The language as the service names it.
    pub language: Option<String>,
    /// A style the voice has.
    pub style: Option<String>,
    /// Speed against the voice's own, 0.5 to 2.
    pub rate: f64,
    /// Semitones above (or below) the voice's own pitch, -12 to 12.
    pub pitch_semitones: f64,
    /// How far the voice may go from an even reading, 0 to 1; none leaves it to the voice.
    pub expressiveness: Option<f64>,
}

impl SpeechRequest {
    /// A text in the service's default voice and that voice's own way.
    #[must_use]
    pub fn new(text: impl Into<String>) -> SpeechRequest {
        SpeechRequest::of(text.into(), None, &Prosody::default())
    }

    pub(crate) fn of(text: String, voice: Option<&Voice>, prosody: &Prosody) -> SpeechRequest {
        let (voice_id, model_id, language, style) = match voice {
            Some(Voice::Service { voice_id, model_id, styles, language }) => (
                voice_id.clone(),
                model_id.clone(),
                language.clone(),
                prosody.style_of(styles).cloned(),
            ),
            _ => (None, None, None, None),
        };
        SpeechRequest {
            text,
            voice_id,
            model_id,
            language,
            style,
            rate: prosody.rate,
            pitch_semitones: prosody.pitch_semitones,
            expressiveness: prosody.expressiveness,
        }
    }
}
