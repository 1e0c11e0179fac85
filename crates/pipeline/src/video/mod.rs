//! The third step: portraits that talk, by D-ID.

mod adopt;
mod animate;
mod crop;
mod fetch;
mod identity;
mod job;
mod message;
mod mp4;
mod music;
mod order;
mod portrait;
mod prepare;
mod prepared;
mod resume;
mod script;
mod shared_message;
mod talks_at_once;
mod upload;
#[allow(clippy::module_inception, reason = "the folder is the step, the file its result")]
mod video;

pub use message::Message;
pub(crate) use music::{MusicFolder, Voices};
pub(crate) use order::{Attempt, Order, OrderId, Orders};
pub use portrait::Portrait;
pub use prepared::PreparedMessage;
pub(crate) use shared_message::SharedMessage;
pub use talks_at_once::TalksAtOnce;
pub use video::Video;
