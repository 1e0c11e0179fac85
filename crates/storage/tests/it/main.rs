//! Tests of the storage through its public interface.
//!
//! `conformance` runs the same suite on every kind of backend; the others look at what only one
//! kind shows: `local` at the disk, `faults` at a backend that fails on demand.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod conformance;
mod deleting;
mod describing;
mod describing_faults;
mod faults;
mod faulty;
mod keys;
mod local;
mod observing;
#[cfg(unix)]
mod privacy;
mod records;
mod samples;
mod sweeping;
mod writing;
