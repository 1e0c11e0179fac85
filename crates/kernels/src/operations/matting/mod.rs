//! From logits to a cut-out on an NVIDIA card: `cuda/matting.cu`.
//!
//! What crates/segmentation/src/matting does on processor cores; the tests of that crate compare
//! the two.

mod checks;
mod fusion;
mod matte;
mod region;
mod taps;
#[cfg(test)]
mod tests;

pub use fusion::{Fusion, fuse_foreground};
pub use matte::{box_filter, compose, keep_person, matte_of_logits};
pub use region::Region;
