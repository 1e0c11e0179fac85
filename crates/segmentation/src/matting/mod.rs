//! From the network's answer to a cut-out, a file for each step.

mod box_filter;
mod compose;
mod crop;
mod feather;
mod fusion;
mod gate;
mod matte;
mod refine;
mod window;

pub(crate) use compose::compose_part;
pub use compose::{compose, flatten};
pub use crop::{CropPlan, crop_plan};
pub use feather::feather;
pub(crate) use feather::windows as feather_windows;
pub use gate::gate;
pub use matte::{Matte, crop_matte, mattes_from_logits, to_gray};
pub use refine::{RefineOptions, refine_foreground};
