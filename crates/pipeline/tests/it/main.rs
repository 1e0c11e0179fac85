//! Tests of the pipeline through its public interface.
//!
//! `photos`, `flow`, `failures` and `cancelling` need trained weights and photos that are not part
//! of the repository, and say so where those are missing; the others need nothing but this machine.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod bad_input;
mod by_id;
#[cfg(feature = "starter-models")]
mod bytes;
mod campaign;
mod cancelling;
mod cases;
mod colours;
mod deleting;
#[path = "../../../d-id/tests/api/driven.rs"]
mod driven;
mod errors_page;
mod failures;
#[cfg(feature = "starter-models")]
mod fairness;
mod flow;
#[cfg(feature = "starter-models")]
mod groups;
mod jpeg_files;
mod jpegs;
#[cfg(feature = "starter-models")]
mod maintenance;
mod messages;
mod models;
mod observing;
mod orders;
mod orientation;
mod persons;
mod photos;
mod pictures;
mod recipes;
mod sounds;
mod starter;
mod support;
mod world;
