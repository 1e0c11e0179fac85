//! Writing: whole or not at all.

pub(crate) mod input;
pub(crate) mod put;
pub(crate) mod upload;
