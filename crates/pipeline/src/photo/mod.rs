//! The photo: from the bytes of a file to upright RGB pixels.

mod alpha;
mod colour;
mod decode;
mod error;
mod exif;
mod formats;
mod jpeg;
mod jpeg_metadata;
mod limits;
mod metadata;
#[allow(clippy::module_inception, reason = "the folder is the step, the file its type")]
mod photo;
mod pixels;
mod png;
mod webp;

pub use error::PhotoError;
pub use limits::PhotoLimits;
pub use photo::Photo;
