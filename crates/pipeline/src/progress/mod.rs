//! What a caller can watch while the pipeline works.

mod estimates;
mod event;
mod feed;
mod forecast;
#[allow(clippy::module_inception, reason = "the folder is the topic, the file its handle")]
mod progress;
mod ring;
mod shared;
#[cfg(test)]
mod tests;
mod update;

pub(crate) use estimates::Estimates;
pub use event::{Event, Step};
pub use feed::{Feed, Updates};
pub use progress::Progress;
pub use update::Update;
