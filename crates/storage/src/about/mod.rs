//! What is known of an artifact beyond its content: described by the caller, kept beside it.

pub(crate) mod description;
pub(crate) mod digest;
pub(crate) mod keep;
pub(crate) mod sidecar;
