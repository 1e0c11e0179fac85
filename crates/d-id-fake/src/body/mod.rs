//! The body of `POST /talks`.

mod config;
mod fields;
mod script;
mod talk;
mod urls;

pub(crate) use fields::Rules;
pub(crate) use talk::{TalkBody, parse};
