use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::message::{Content, Message, Music, Track};
use crate::prosody::ProsodyPreset;
use crate::voices::VoiceProfiles;

/// How loud music is where a request does not say.
const DEFAULT_VOLUME: f64 = 0.3;

/// The fields of a message as they stand in a request; a recording comes beside them.
///
/// ```
/// use portrait_voice::{MessageFields, Plan, VoiceProfiles};
///
/// let fields: MessageFields = serde_json::from_str(
///     r#"{"text": "おめでとうございます！", "voice_profile_id": "anna", "prosody_preset": "celebration"}"#,
/// ).unwrap();
/// let profiles = VoiceProfiles::from_toml(
///     "[profiles.anna]\nprovider = 'google'\nvoice_id = 'ja-JP-Neural2-B'",
/// )?;
/// let Plan::Provider(spoken) = fields.into_message(None, &profiles)?.plan(false)? else {
///     panic!("Google speaks at D-ID");
/// };
/// assert_eq!(
///     spoken.input,
///     r#"<speak><prosody rate="108%" pitch="+2st">おめでとうございます！</prosody></speak>"#,
/// );
/// # Ok::<(), portrait_voice::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MessageFields {
    /// The text, where there is no recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A profile of [`VoiceProfiles`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voice_profile_id: Option<String>,
    /// A [`ProsodyPreset`] by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prosody_preset: Option<String>,
    /// A piece of music; see [`find_track`](crate::find_track).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bgm_id: Option<String>,
    /// How loud the music is, 0 to 1; 0.3 where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bgm_volume: Option<f64>,
}

impl MessageFields {
    /// The message, with its profile and preset looked up and [checked](Message::check). The
    /// default profile is for texts only.
    ///
    /// # Errors
    /// [`Error::InvalidMessage`], also when there is neither text nor recording, or both;
    /// [`Error::UnknownVoiceProfile`], [`Error::UnknownProsodyPreset`].
    pub fn into_message(
        self,
        recording: Option<Bytes>,
        profiles: &VoiceProfiles,
    ) -> Result<Message, Error> {
        let content = match (self.text, recording) {
            (Some(text), None) => Content::Text(text),
            (None, Some(bytes)) => Content::Recording(bytes),
            (Some(_), Some(_)) => {
                let reason = "there is a recording too; send one of the two";
                return Err(Error::message("text", reason));
            }
            (None, None) => {
                let reason = "it is missing; send a text or a recording";
                return Err(Error::message("text", reason));
            }
        };
        let preset =
            self.prosody_preset.as_deref().map_or(Ok(ProsodyPreset::Neutral), str::parse)?;
        let id = self.voice_profile_id.as_deref();
        let voice = match &content {
            Content::Recording(_) if id.is_none() => None,
            _ => profiles.find(id)?.cloned(),
        };
        if self.bgm_id.is_none() && self.bgm_volume.is_some_and(|volume| volume != 0.0) {
            return Err(Error::message("bgm_volume", "there is no bgm_id; name the music"));
        }
        let volume = self.bgm_volume.unwrap_or(DEFAULT_VOLUME);
        let music = self.bgm_id.map(|id| Music { track: Track::Id(id), volume });
        let message = Message { content, voice, prosody: preset.prosody(), music };
        message.check()?;
        Ok(message)
    }
}
