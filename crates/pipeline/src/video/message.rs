//! What the portraits say.

use crate::picture::Background;
use bytes::Bytes;
use portrait_d_id::WaitOptions;
use portrait_voice::PrepareOptions;

/// What the portraits say, and how they are shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Text or recording, with voice, prosody and music.
    pub speech: portrait_voice::Message,
    /// How a recording, or what a speech service says, is made ready. The volume of music is the
    /// message's own.
    pub sound: PrepareOptions,
    /// What the video shows behind the person: D-ID's talks have no transparency.
    pub background: Background,
    /// How long and how often to ask D-ID for the video.
    pub wait: WaitOptions,
    /// Which of several videos of the same words this is; empty by default.
    ///
    /// The same photo, person, picture, speech, sound, background and take are one order, which is
    /// paid for once however often it is asked for: a request that is repeated after a crash
    /// resumes it, and one for a finished video gets that video. Another take asks for another
    /// video.
    pub take: String,
    /// The take under which a former version of the program ordered the same, where it was another
    /// one: such orders are found too. `None`, the default, is the same take.
    pub former_take: Option<String>,
}

impl Message {
    /// A text on white, with everything else left open.
    pub fn text(text: impl Into<String>) -> Self {
        portrait_voice::Message::text(text).into()
    }

    /// A recording on white, without music.
    pub fn recording(file: impl Into<Bytes>) -> Self {
        portrait_voice::Message::recording(file).into()
    }
}

impl From<portrait_voice::Message> for Message {
    fn from(speech: portrait_voice::Message) -> Self {
        Self {
            speech,
            sound: PrepareOptions::default(),
            background: Background::default(),
            wait: WaitOptions::default(),
            take: String::new(),
            former_take: None,
        }
    }
}
