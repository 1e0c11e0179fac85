//! The server, by plain HTTP.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod caller;
mod server;
mod videos;
mod webhooks;
