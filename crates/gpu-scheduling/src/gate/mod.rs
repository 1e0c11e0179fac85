//! The queue as tasks use it: behind a lock, with those who wait woken in time. Knows no devices,
//! only their numbers.

mod acquire;
mod core;
mod place;
mod submit;
mod waits;

#[cfg(all(test, feature = "model"))]
mod model;
#[cfg(all(test, not(feature = "model")))]
mod tests;

pub(crate) use acquire::{Acquire, Denied, Permit};
pub(crate) use core::Gate;
pub use place::QueuePlace;
