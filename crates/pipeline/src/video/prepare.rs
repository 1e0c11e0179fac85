//! Making a message ready: once for all who say it.

use super::identity::{Identities, identity};
use super::message::Message;
use super::prepared::{PreparedMessage, Said};
use crate::error::Error;
use crate::pipeline::Pipeline;
use crate::stage::Stage;
use portrait_voice::{Music, Plan, Track};

impl Pipeline {
    /// Makes a message ready: has a text spoken where a speech service is to speak it, and the
    /// sound checked, mixed with music, levelled and encoded, on a thread of its own. A text for
    /// D-ID's providers is ready as it is.
    ///
    /// # Errors
    /// [`Error::Message`], [`Error::NotConfigured`], [`Error::Closing`].
    pub async fn prepare_message(&self, message: &Message) -> Result<PreparedMessage, Error> {
        let this = &self.admit()?;
        let (plan, identities) = this.identified(message).await?;
        Ok(PreparedMessage {
            said: this.make(plan, message).await?,
            background: message.background.clone(),
            wait: message.wait.clone(),
            identities,
        })
    }

    /// How a message is made to be heard, and what tells its orders from others'.
    pub(crate) async fn identified(&self, message: &Message) -> Result<(Plan, Identities), Error> {
        let plan = self.plan(message)?;
        let (message, has_sound) = (message.clone(), !matches!(plan, Plan::Provider(_)));
        let work = move || {
            let now = identity(&message, has_sound)?;
            let former = match &message.former_take {
                Some(take) => {
                    let former = Message { take: take.clone(), former_take: None, ..message };
                    identity(&former, has_sound)?
                }
                None => now,
            };
            Ok::<_, Error>(Identities { now, former })
        };
        let identities = self
            .inner
            .cores
            .run(&self.context.flow_or(Stage::Message.as_str()), Stage::Message, work)
            .await??;
        Ok((plan, identities))
    }

    /// Makes a planned message ready.
    pub(crate) async fn make(&self, plan: Plan, message: &Message) -> Result<Said, Error> {
        match plan {
            Plan::Provider(spoken) => Ok(Said::Text(spoken)),
            plan => {
                let sound = self.sound(plan, message);
                self.watch(Stage::Message, None, sound).await
            }
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
                return Err(Error::crashed(Stage::Message, "it was planned for nobody"));
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
        let prepared = self
            .inner
            .cores
            .run(&self.context.flow_or(Stage::Message.as_str()), Stage::Message, work)
            .await??;
        Ok(Said::Sound(prepared))
    }
}
