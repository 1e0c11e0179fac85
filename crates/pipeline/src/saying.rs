//! A message while it is said by several persons: made ready once, when somebody first needs it.
//!
//! Who has a video or an order already needs neither the speech service nor the music, and must not
//! fail with them.

use crate::Error;
use crate::identity::Identity;
use crate::message::{Message, PreparedMessage, Said};
use crate::picture::Background;
use crate::pipeline::Pipeline;
use crate::progress::Progress;
use portrait_d_id::WaitOptions;
use portrait_voice::Plan;
use tokio::sync::OnceCell;

/// What several persons say.
pub(crate) struct Saying<'a> {
    pub(crate) identity: Identity,
    pub(crate) background: &'a Background,
    pub(crate) wait: &'a WaitOptions,
    said: OnceCell<Result<Said, Error>>,
    making: Option<Making<'a>>,
}

/// What makes the message ready.
struct Making<'a> {
    pipeline: &'a Pipeline,
    message: &'a Message,
    plan: Plan,
    progress: &'a Progress,
}

impl<'a> Saying<'a> {
    /// One that is made ready when it is needed.
    pub(crate) fn new(
        pipeline: &'a Pipeline,
        message: &'a Message,
        (plan, identity): (Plan, Identity),
        progress: &'a Progress,
    ) -> Self {
        let (background, wait) = (&message.background, &message.wait);
        let making = Some(Making { pipeline, message, plan, progress });
        Self { identity, background, wait, said: OnceCell::new(), making }
    }

    /// One that is ready.
    pub(crate) fn ready(message: &'a PreparedMessage) -> Self {
        let PreparedMessage { said, background, wait, identity } = message;
        let said = OnceCell::new_with(Some(Ok(said.clone())));
        Self { identity: *identity, background, wait, said, making: None }
    }

    /// The message, ready. A failure is the same for all: a service that refused a text, or may
    /// charge for it, is not asked again for the next person.
    pub(crate) async fn said(&self) -> Result<&Said, Error> {
        let make = || async {
            let Some(Making { pipeline, message, plan, progress }) = &self.making else {
                // It was ready from the beginning.
                return Err(Error::crashed("message", "nothing makes it".into()));
            };
            pipeline.make(plan.clone(), message, progress).await
        };
        self.said.get_or_init(make).await.as_ref().map_err(again)
    }
}

/// The same failure for one more person.
fn again(error: &Error) -> Error {
    match error {
        Error::Message(error) => Error::Message(error.clone()),
        Error::NotConfigured { what, advice } => Error::NotConfigured { what, advice },
        Error::Crashed { stage, message } => Error::crashed(stage, message.clone()),
        other => Error::crashed("message", other.to_string()),
    }
}
