//! The second step: selected persons on a transparent background.

mod call;
#[allow(clippy::module_inception, reason = "the folder is the step, the file its call")]
mod cut_out;
mod limit;
mod person;
mod whole;

pub use person::{PersonCutOut, PersonResult, WholeCutOut};
