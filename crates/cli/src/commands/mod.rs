//! A file for each command.

pub(crate) mod cutout;
pub(crate) mod detect;
pub(crate) mod evaluate;
pub(crate) mod models;
pub(crate) mod tensor;
pub(crate) mod video;

use crate::output::Output;
use portrait_pipeline::{Context, Error, PersonResult};

/// What all steps of a command have in common: who gets their progress.
fn context(output: &Output) -> Context {
    Context { progress: output.bars().steps(), ..Context::default() }
}

/// The exit codes of persons' failures.
fn codes<T>(persons: &[PersonResult<T>]) -> impl Iterator<Item = u8> {
    let failures = persons.iter().filter_map(|person| person.result.as_ref().err());
    failures.map(|error: &Error| error.tier().exit_code())
}

/// 0, or the gravest of these exit codes of failures.
fn gravest(codes: impl IntoIterator<Item = u8>) -> u8 {
    codes.into_iter().min().unwrap_or(0)
}
