//! The first step: who is in the photo. Beside it all of the crate `portrait-detection`.

mod detect;
mod detections;
mod selection;

pub use detections::{DetectTimings, Detections, ImageSize};
pub use portrait_detection::*;
pub use selection::Selection;
pub(crate) use selection::{Wanted, pixels};
