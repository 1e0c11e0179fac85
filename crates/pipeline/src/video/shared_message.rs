//! A message while it is said by several persons: made ready once, when somebody first needs it.
//!
//! Who has a video or an order already needs neither the speech service nor the music, and must not
//! fail with them.

use super::identity::Identities;
use super::message::Message;
use super::prepared::{PreparedMessage, Said, SoundFile};
use crate::error::Error;
use crate::picture::Background;
use crate::pipeline::Pipeline;
use crate::stage::Stage;
use portrait_d_id::WaitOptions;
use portrait_storage::{Artifact, Origin, PhotoId, RecipeId};
use portrait_voice::Plan;
use tokio::sync::OnceCell;

/// What several persons of a photo say.
pub(crate) struct SharedMessage<'a> {
    pub(crate) identities: Identities,
    pub(crate) background: &'a Background,
    pub(crate) wait: &'a WaitOptions,
    said: OnceCell<Result<Said, Error>>,
    making: Option<Making<'a>>,
}

/// What makes the message ready.
struct Making<'a> {
    pipeline: &'a Pipeline,
    photo: PhotoId,
    message: &'a Message,
    plan: Plan,
}

impl<'a> SharedMessage<'a> {
    /// One that is made ready when it is needed.
    pub(crate) fn new(
        pipeline: &'a Pipeline,
        photo: PhotoId,
        message: &'a Message,
        (plan, identities): (Plan, Identities),
    ) -> Self {
        let (background, wait) = (&message.background, &message.wait);
        let making = Some(Making { pipeline, photo, message, plan });
        Self { identities, background, wait, said: OnceCell::new(), making }
    }

    /// One that is ready.
    pub(crate) fn ready(message: &'a PreparedMessage) -> Self {
        let PreparedMessage { said, background, wait, identities } = message;
        let said = OnceCell::new_with(Some(Ok(said.clone())));
        Self { identities: *identities, background, wait, said, making: None }
    }

    /// The message, ready. A failure is the same for all: a service that refused a text, or may
    /// charge for it, is not asked again for the next person.
    pub(crate) async fn said(&self) -> Result<&Said, Error> {
        let make = || async {
            let Some(making) = &self.making else {
                // It was ready from the beginning.
                return Err(Error::crashed(Stage::Message, "nothing makes it"));
            };
            making.said(RecipeId::from_digest(&self.identities.now)).await
        };
        self.said.get_or_init(make).await.as_ref().map_err(Error::clone)
    }
}

impl Making<'_> {
    /// The sound that was made before, or one that is made now and kept with the photo.
    async fn said(&self, sound: RecipeId) -> Result<Said, Error> {
        let Self { pipeline, photo, message, plan } = self;
        if matches!(plan, Plan::Provider(_)) {
            return pipeline.make(plan.clone(), message).await;
        }
        let storage = pipeline.storage();
        let artifact = Artifact::Sound { photo: *photo, sound };
        if let Some(meta) = storage.find(artifact).await? {
            let format = meta.key.format();
            return Ok(Said::Kept(SoundFile {
                bytes: storage.get(meta.key).await?,
                media_type: format.content_type(),
                extension: format.extension(),
            }));
        }
        let said = pipeline.make(plan.clone(), message).await?;
        if let Ok(file) = said.file() {
            let about = pipeline.description(Origin::Spoken, None);
            pipeline.put(artifact, file.bytes, &about).await?;
        }
        Ok(said)
    }
}
