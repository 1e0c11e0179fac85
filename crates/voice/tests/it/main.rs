//! Listens by numbers: energies of bands, levels, loudness.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod damage;
mod decoding;
mod encoding;
mod field;
mod levels;
mod messages;
mod mixing;
mod opus;
mod resampling;
mod seams;
mod support;
