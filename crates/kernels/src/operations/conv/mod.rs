//! Two-dimensional convolution of channels-last images.

mod conv2d;
mod elsewhere;
mod input;
mod lines;
mod on_cuda;
mod params;
mod part;
mod patches;
mod winograd;

pub use conv2d::Conv2d;
pub(crate) use on_cuda::{Sizes, Weights};
pub use params::Conv2dParams;
pub use part::Part;
