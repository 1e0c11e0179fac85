//! The speech service by HTTP, against a stand-in on this machine.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod faults;
mod requests;
mod service;
