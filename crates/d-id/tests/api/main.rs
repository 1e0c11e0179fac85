//! The client against a local D-ID server.
#![allow(clippy::unwrap_used, reason = "tests")]

mod auth;
mod concurrency;
mod create_once;
mod download;
mod happy_path;
mod limits;
mod refusals;
mod retries;
mod schema;
mod support;
mod waiting;
