//! Checkpoints, and the networks they become.

mod load;
mod model;
mod raw_network;
mod starter;

pub(crate) use load::check_precision;
pub use load::{load_detector, load_segmenter};
pub use model::Model;
pub use raw_network::{RawNetwork, RawRun};
pub(crate) use starter::with_starters;
pub use starter::{DETECTION_MODELS, SEGMENTATION_MODELS, STARTER_MODELS};
