//! The devices, the networks on them, and the cores beside them.

mod batch;
mod batching;
mod cores;
#[allow(clippy::module_inception, reason = "the folder is the topic, the file its choice")]
mod devices;
mod engine;
mod failure;
mod maintenance;
mod policy;
mod ran;
mod replica;
mod segment;
#[cfg(test)]
mod tests;
mod turn;
mod warm_up;

pub use batching::Batching;
pub(crate) use cores::Cores;
pub use devices::Devices;
pub(crate) use engine::{Engine, Settings};
pub(crate) use policy::{default_policy, with_measured_peaks};
pub(crate) use ran::Ran;
pub(crate) use replica::{Load, Source};
pub(crate) use turn::Turn;
