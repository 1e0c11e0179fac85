use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::prosody::{Prosody, ProsodyPreset};
use crate::spoken::{SpokenText, speak};
use crate::ssml::is_speakable;
use crate::tracks::check_id;
use crate::voices::{Voice, VoiceProfiles};

/// Fewest and most characters of a text, and most with SSML's tags
/// (D-ID's OpenAPI description 4.2.1, `TextScript.input`).
const MIN_CHARACTERS: usize = 3;
const MAX_CHARACTERS: usize = 10_000;
const MAX_WITH_TAGS: usize = 40_000;

/// What a portrait says, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// A text or a recording.
    pub content: Content,
    /// Who speaks a text; D-ID chooses where there is none. A recording has its own voice.
    pub voice: Option<Voice>,
    /// How a text is spoken. A recording is as it is.
    pub prosody: Prosody,
    /// Music under a recording.
    pub music: Option<Music>,
}

/// What is said.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A text of 3 to 10,000 characters, for a voice of D-ID's providers.
    Text(String),
    /// A sound file; see [`prepare`](crate::prepare).
    Recording(Vec<u8>),
}

/// Background music.
#[derive(Debug, Clone, PartialEq)]
pub struct Music {
    /// Which; see [`find_track`](crate::find_track).
    pub id: String,
    /// How loud against the voice, 0 to 1; see [`MixOptions`](crate::MixOptions).
    pub volume: f64,
}

impl Message {
    /// A text, with everything else left to D-ID.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Message {
        Message::of(Content::Text(text.into()))
    }

    /// A recording, without music.
    #[must_use]
    pub fn recording(file: impl Into<Vec<u8>>) -> Message {
        Message::of(Content::Recording(file.into()))
    }

    fn of(content: Content) -> Message {
        Message { content, voice: None, prosody: Prosody::default(), music: None }
    }

    /// Checks that the parts are within their limits and go together. What cannot be done is
    /// refused instead of left out unsaid: a recording has its own voice and prosody, and a text
    /// is spoken at D-ID, where no music can be laid under it.
    ///
    /// A recording's sound is checked by [`prepare`](crate::prepare).
    ///
    /// # Errors
    /// [`Error::InvalidMessage`], [`Error::InvalidOption`].
    pub fn check(&self) -> Result<(), Error> {
        self.prosody.check()?;
        if let Some(voice) = &self.voice {
            voice.check()?;
        }
        if let Some(music) = &self.music {
            check_id(&music.id)?;
            if !(0.0..=1.0).contains(&music.volume) {
                let reason = format!("{} is outside 0 to 1", music.volume);
                return Err(Error::message("music.volume", reason));
            }
        }
        match &self.content {
            Content::Text(text) => {
                check_text(text)?;
                if self.music.is_some() {
                    let reason = "a text is spoken at D-ID, where no music can be laid under it; \
                                  leave it out or send a recording";
                    return Err(Error::message("music", reason));
                }
            }
            Content::Recording(bytes) if bytes.is_empty() => {
                return Err(Error::message("audio", "it is empty; send a sound file"));
            }
            Content::Recording(_) => {
                let reason = "a recording has its own; leave it out or send a text";
                if self.voice.is_some() {
                    return Err(Error::message("voice", reason));
                }
                if self.prosody != Prosody::default() {
                    return Err(Error::message("prosody", reason));
                }
            }
        }
        Ok(())
    }

    /// The text as D-ID takes it; none for a recording. Characters that cannot be spoken nor
    /// stand in XML (control characters) are left out, white space at the ends too.
    ///
    /// | provider | style | rate | pitch | expressiveness |
    /// |---|---|---|---|---|
    /// | microsoft | if the voice has it | setting | setting | – |
    /// | azure-openai | – | setting | setting | – |
    /// | elevenlabs | – | setting, 0.7 to 1.2 | – | style and stability |
    /// | amazon | – | SSML | – | – |
    /// | google | – | SSML | SSML | – |
    /// | none named | – | – | – | – |
    ///
    /// # Errors
    /// As [`check`](Message::check), and [`Error::InvalidMessage`] when the text with its tags is
    /// longer than 40,000 characters.
    pub fn spoken_text(&self) -> Result<Option<SpokenText>, Error> {
        self.check()?;
        let Content::Text(text) = &self.content else {
            return Ok(None);
        };
        let spoken = speak(&speakable(text), self.voice.as_ref(), &self.prosody);
        let length = spoken.input.chars().count();
        if length > MAX_WITH_TAGS {
            let reason =
                format!("it has {length} characters as SSML; at most {MAX_WITH_TAGS} are allowed");
            return Err(Error::message("text", reason));
        }
        Ok(Some(spoken))
    }
}

fn speakable(text: &str) -> String {
    let kept: String = text.chars().filter(|character| is_speakable(*character)).collect();
    kept.trim().to_owned()
}

/// Characters are Unicode scalar values, not bytes: Japanese has three bytes to one.
fn check_text(text: &str) -> Result<(), Error> {
    let length = speakable(text).chars().count();
    if (MIN_CHARACTERS..=MAX_CHARACTERS).contains(&length) {
        return Ok(());
    }
    let reason = format!(
        "it has {length} characters; {MIN_CHARACTERS} to {MAX_CHARACTERS}, not counting white \
         space at the ends, are allowed"
    );
    Err(Error::message("text", reason))
}

/// The fields of a message as they stand in a request; a recording comes beside them.
///
/// ```
/// use portrait_voice::{MessageFields, VoiceProfiles};
///
/// let fields: MessageFields = serde_json::from_str(
///     r#"{"text": "おめでとうございます！", "voice_profile_id": "anna", "prosody_preset": "celebration"}"#,
/// ).unwrap();
/// let profiles = VoiceProfiles::from_toml(
///     "[profiles.anna]\nprovider = 'google'\nvoice_id = 'ja-JP-Neural2-B'",
/// )?;
/// let spoken = fields.into_message(None, &profiles)?.spoken_text()?.unwrap();
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

/// How loud music is where a request does not say.
const DEFAULT_VOLUME: f64 = 0.3;

impl MessageFields {
    /// The message, with its profile and preset looked up and [checked](Message::check). The
    /// default profile is for texts only.
    ///
    /// # Errors
    /// [`Error::InvalidMessage`], also when there is neither text nor recording, or both;
    /// [`Error::UnknownVoiceProfile`], [`Error::UnknownProsodyPreset`].
    pub fn into_message(
        self,
        recording: Option<Vec<u8>>,
        profiles: &VoiceProfiles,
    ) -> Result<Message, Error> {
        let content = match (self.text, recording) {
            (Some(text), None) => Content::Text(text),
            (None, Some(bytes)) => Content::Recording(bytes),
            (Some(_), Some(_)) => {
                return Err(Error::message(
                    "text",
                    "there is a recording too; send one of the two",
                ));
            }
            (None, None) => {
                return Err(Error::message("text", "it is missing; send a text or a recording"));
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
        let music = self.bgm_id.map(|id| Music { id, volume });
        let message = Message { content, voice, prosody: preset.prosody(), music };
        message.check()?;
        Ok(message)
    }
}
