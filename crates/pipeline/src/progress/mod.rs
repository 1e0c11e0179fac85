//! What a caller can watch while the pipeline works.

mod event;
#[allow(clippy::module_inception, reason = "the folder is the topic, the file its handle")]
mod progress;

pub use event::{Event, Step};
pub(crate) use progress::Estimates;
pub use progress::Progress;
