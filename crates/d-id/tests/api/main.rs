//! The client against a local D-ID server.
#![allow(clippy::unwrap_used, reason = "tests")]

mod auth;
mod concurrency;
mod create_once;
mod download;
mod driven;
mod happy_path;
mod limits;
mod observing;
mod pacing;
mod refusals;
mod retries;
mod schema;
mod secrets;
mod settling;
mod support;
mod voices;
mod waiting;
mod webhooks;
