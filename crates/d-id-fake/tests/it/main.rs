//! The server, by plain HTTP.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![allow(clippy::print_stdout, reason = "says what is skipped")]

mod caller;
mod server;
mod videos;
mod webhooks;
