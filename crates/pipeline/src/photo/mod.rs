//! The photo: from the bytes of a file to upright RGB pixels.

mod decode;
mod error;
mod limits;
#[allow(clippy::module_inception, reason = "the folder is the step, the file its type")]
mod photo;

pub use error::PhotoError;
pub use limits::PhotoLimits;
pub use photo::Photo;
