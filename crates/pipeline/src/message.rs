//! What the portraits say, and making it ready: once for all of them.

use crate::Error;
use crate::identity::{Identity, identity};
use crate::picture::Background;
use crate::pipeline::Pipeline;
use crate::progress::{Progress, Stage};
use bytes::Bytes;
use portrait_d_id::WaitOptions;
use portrait_voice::{Music, Plan, PrepareOptions, Prepared, SpokenText, Track};

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
    /// The same photo, person, speech, sound, background and take are one order, which is paid for
    /// once however often it is asked for: a request that is repeated after a crash goes on with it,
    /// and one for a finished video gets that video. Another take asks for another video.
    pub take: String,
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
        }
    }
}

/// A message made ready by [`Pipeline::prepare_message`].
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedMessage {
    pub(crate) said: Said,
    pub(crate) background: Background,
    pub(crate) wait: WaitOptions,
    pub(crate) identity: Identity,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    /// For D-ID's providers.
    Text(SpokenText),
    /// For upload.
    Sound(Prepared),
}

impl PreparedMessage {
    /// The sound that D-ID will get; `None` where its providers speak.
    pub fn sound(&self) -> Option<&Prepared> {
        match &self.said {
            Said::Text(_) => None,
            Said::Sound(sound) => Some(sound),
        }
    }
}

impl Pipeline {
    /// Makes a message ready: has a text spoken where a speech service is to speak it, and the
    /// sound checked, mixed with music, levelled and encoded, on a thread of its own. A text for
    /// D-ID's providers is ready as it is.
    ///
    /// # Errors
    /// [`Error::Message`], [`Error::NotConfigured`], [`Error::Closing`].
    pub async fn prepare_message(
        &self,
        message: &Message,
        progress: &Progress,
    ) -> Result<PreparedMessage, Error> {
        let this = &self.admit()?;
        let (plan, identity) = this.identified(message).await?;
        Ok(PreparedMessage {
            said: this.make(plan, message, progress).await?,
            background: message.background.clone(),
            wait: message.wait.clone(),
            identity,
        })
    }

    /// How a message is made to be heard, and what tells its orders from others'.
    pub(crate) async fn identified(&self, message: &Message) -> Result<(Plan, Identity), Error> {
        let plan = self.plan(message)?;
        let (message, has_sound) = (message.clone(), !matches!(plan, Plan::Provider(_)));
        let work = move || identity(&message, has_sound);
        Ok((plan, self.inner.cores.run("message", work).await??))
    }

    /// Makes a planned message ready.
    pub(crate) async fn make(
        &self,
        plan: Plan,
        message: &Message,
        progress: &Progress,
    ) -> Result<Said, Error> {
        match plan {
            Plan::Provider(spoken) => Ok(Said::Text(spoken)),
            plan => progress.watch(Stage::Message, None, self.sound(plan, message)).await,
        }
    }

    /// How a message is made to be heard, after what can be checked at once.
    pub(crate) fn plan(&self, message: &Message) -> Result<Plan, Error> {
        let plan = message.speech.plan(self.inner.voices.speech.is_some())?;
        if let Some(Music { track: Track::Id(_), .. }) = message.speech.audible_music()
            && self.inner.voices.music.is_none()
        {
            return Err(Error::NotConfigured {
                what: "the folder of music",
                advice: "give the builder one, or send the piece as a file",
            });
        }
        Ok(plan)
    }

    async fn sound(&self, plan: Plan, message: &Message) -> Result<Said, Error> {
        let recording = match (plan, &self.inner.voices.speech) {
            (Plan::Recording(bytes), _) => bytes,
            (Plan::Service(request), Some(speech)) => speech.speak(&request).await?,
            // Neither is planned; see `plan`.
            (Plan::Service(_) | Plan::Provider(_), _) => {
                return Err(Error::crashed("message", "it was planned for nobody".into()));
            }
        };
        let mut options = message.sound.clone();
        let music = message.speech.audible_music().cloned();
        if let Some(music) = &music {
            options.mix.volume = music.volume;
        }
        let folder = self.inner.voices.music.clone();
        let work = move || {
            let max_bytes = options.limits.max_bytes;
            let music = music.map(|music| match (music.track, &folder) {
                (Track::File(bytes), _) => Ok(bytes),
                (Track::Id(id), Some(folder)) => folder.read(&id, max_bytes),
                (Track::Id(id), None) => {
                    Err(portrait_voice::Error::UnknownTrack { id, known: "(none)".into() }.into())
                }
            });
            let music = music.transpose()?;
            Ok::<_, Error>(portrait_voice::prepare(&recording, music.as_deref(), &options)?)
        };
        Ok(Said::Sound(self.inner.cores.run("message", work).await??))
    }
}
