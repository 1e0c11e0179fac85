//! Calls of our CUDA kernels (`cuda/*.cu`), for tensors that lie on an NVIDIA card.
//!
//! A call is a value: which kernel, its arguments in order, how many blocks. Only what hands it to
//! the driver needs CUDA to be built.

mod call;
mod card;
#[cfg(feature = "cuda")]
mod driver;
#[cfg(feature = "emulate-cuda")]
mod emulation;
mod epilogue;
#[cfg(emulating)]
mod host;
mod in_place;
#[cfg(feature = "cuda")]
mod pool;
mod run;
#[cfg(all(test, feature = "emulate-cuda"))]
mod tests;

pub(crate) use call::{Arg, Call, Source, WARP};
pub use card::on_card;
pub(crate) use card::takes;
#[cfg(feature = "emulate-cuda")]
pub use emulation::emulating_cuda;
pub(crate) use epilogue::epilogue;
#[cfg(feature = "cuda")]
pub(crate) use pool::{memory, prepare, release};
