//! The detector as a whole.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod answers;
mod parts;
mod photos;
mod support;
