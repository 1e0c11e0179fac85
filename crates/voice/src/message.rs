use bytes::Bytes;

use crate::error::Error;
use crate::prosody::Prosody;
use crate::speech::SpeechRequest;
use crate::spoken::{SpokenText, speak};
use crate::ssml::is_speakable;
use crate::tracks::check_id;
use crate::unseen::is_unseen;
use crate::voices::Voice;

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
    /// Who speaks a text. Where there is none the speech service does, or D-ID's own choice where
    /// there is no service. A recording has its own voice.
    pub voice: Option<Voice>,
    /// How a text is spoken. A recording is as it is.
    pub prosody: Prosody,
    /// Music under it.
    pub music: Option<Music>,
}

/// What is said.
#[derive(Clone, PartialEq)]
pub enum Content {
    /// A text of at most 10,000 characters; where D-ID's providers speak it, of at least 3.
    Text(String),
    /// A sound file; see [`prepare`](crate::prepare).
    Recording(Bytes),
}

impl std::fmt::Debug for Content {
    /// Shows the size of a recording, not its bytes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Content::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Content::Recording(bytes) => write!(f, "Recording({} bytes)", bytes.len()),
        }
    }
}

/// Background music.
#[derive(Debug, Clone, PartialEq)]
pub struct Music {
    /// Which piece.
    pub track: Track,
    /// How loud against the voice, 0 (none) to 1; see [`MixOptions`](crate::MixOptions).
    pub volume: f64,
}

/// A piece of music.
#[derive(Clone, PartialEq)]
pub enum Track {
    /// One of the folder's; see [`find_track`](crate::find_track).
    Id(String),
    /// A sound file.
    File(Bytes),
}

impl std::fmt::Debug for Track {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Track::Id(id) => f.debug_tuple("Id").field(id).finish(),
            Track::File(bytes) => write!(f, "File({} bytes)", bytes.len()),
        }
    }
}

/// How a message is turned into sound.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// D-ID's providers speak the text.
    Provider(SpokenText),
    /// A speech service speaks the text; its answer is then treated as a recording.
    Service(SpeechRequest),
    /// The recording is made ready and uploaded.
    Recording(Bytes),
}

impl Message {
    /// A text, with everything else left open.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Message {
        Message::of(Content::Text(text.into()))
    }

    /// A recording, without music.
    #[must_use]
    pub fn recording(file: impl Into<Bytes>) -> Message {
        Message::of(Content::Recording(file.into()))
    }

    fn of(content: Content) -> Message {
        Message { content, voice: None, prosody: Prosody::default(), music: None }
    }

    /// The music, if there is any and its volume is not 0.
    #[must_use]
    pub fn audible_music(&self) -> Option<&Music> {
        self.music.as_ref().filter(|music| music.volume > 0.0)
    }

    /// Checks that the parts are within their limits and go together. What cannot be done is
    /// refused, and not silently left out: a recording has its own voice and prosody, and no music
    /// can be laid under a text that D-ID's providers speak.
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
            music.check()?;
        }
        match &self.content {
            Content::Text(text) => {
                // A text that D-ID is known to speak must be within D-ID's limits.
                let by_provider = self.voice.as_ref().is_some_and(|voice| !voice.is_service());
                check_length(text, if by_provider { MIN_CHARACTERS } else { 1 })?;
                if by_provider && self.audible_music().is_some() {
                    let reason = "D-ID speaks this voice, where no music can be laid under it; \
                                  choose a voice of the speech service, or leave the music out";
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

    /// How it is turned into sound, with a speech service or without.
    ///
    /// | content | voice | music | with a service | without |
    /// |---|---|---|---|---|
    /// | text | of D-ID's providers | none | provider | provider |
    /// | text | of D-ID's providers | some | refused | refused |
    /// | text | of the service | any | service | refused |
    /// | text | none | none | service | provider |
    /// | text | none | some | service | refused |
    /// | recording | – | any | recording | recording |
    ///
    /// # Errors
    /// As [`check`](Message::check); [`Error::NoSpeechService`] where only a service could do it;
    /// [`Error::InvalidMessage`] for a text that D-ID does not take: shorter than 3 characters, or
    /// with its SSML tags longer than 40,000.
    pub fn plan(&self, has_service: bool) -> Result<Plan, Error> {
        self.check()?;
        let text = match &self.content {
            Content::Recording(bytes) => return Ok(Plan::Recording(bytes.clone())),
            Content::Text(text) => speakable(text),
        };
        let voice = self.voice.as_ref();
        let named = voice.is_some_and(Voice::is_service);
        if !has_service && (named || self.audible_music().is_some()) {
            let reason = match voice {
                Some(voice) => format!("the voice {voice} is one of a speech service"),
                None => "D-ID lays no music under a text".to_owned(),
            };
            return Err(Error::NoSpeechService { reason });
        }
        if named || (has_service && voice.is_none()) {
            return Ok(Plan::Service(SpeechRequest::of(text, voice, &self.prosody)));
        }
        check_length(&text, MIN_CHARACTERS)?;
        let spoken = speak(&text, voice, &self.prosody);
        let length = spoken.input.chars().count();
        if length > MAX_WITH_TAGS {
            let reason =
                format!("it has {length} characters as SSML; at most {MAX_WITH_TAGS} are allowed");
            return Err(Error::message("text", reason));
        }
        Ok(Plan::Provider(spoken))
    }
}

impl Music {
    fn check(&self) -> Result<(), Error> {
        match &self.track {
            Track::Id(id) => check_id(id)?,
            Track::File(bytes) if bytes.is_empty() => {
                return Err(Error::message("music", "it is empty; send a sound file"));
            }
            Track::File(_) => {}
        }
        if (0.0..=1.0).contains(&self.volume) {
            return Ok(());
        }
        Err(Error::message("music.volume", format!("{} is outside 0 to 1", self.volume)))
    }
}

/// The text without control characters, which can neither be spoken nor be part of XML, and without
/// white space at the ends.
fn speakable(text: &str) -> String {
    let kept: String = text.chars().filter(|character| is_speakable(*character)).collect();
    kept.trim().to_owned()
}

/// Characters are Unicode scalar values, not bytes: a Japanese one has three bytes. A text that
/// shows nothing has none.
fn check_length(text: &str, least: usize) -> Result<(), Error> {
    let text = speakable(text);
    let seen = text.chars().any(|character| !is_unseen(character));
    let length = if seen { text.chars().count() } else { 0 };
    if (least..=MAX_CHARACTERS).contains(&length) {
        return Ok(());
    }
    let reason = format!(
        "it has {length} characters; {least} to {MAX_CHARACTERS}, not counting white space at the \
         ends nor a text that has nothing to be seen, are allowed"
    );
    Err(Error::message("text", reason))
}
