//! The pipeline's one error, and the one table of codes.

mod code;
mod codes;
mod convert;
mod details;
#[allow(clippy::module_inception, reason = "the folder is the topic, the file its type")]
mod error;
mod kind;
mod message;
mod page;
mod warning;

pub use code::{Code, Tier, UnknownCode};
pub use error::{Cause, Error};
pub use kind::Kind;
pub use page::errors_page;
pub use warning::Warning;
