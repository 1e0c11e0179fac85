//! A file for each command.

pub(crate) mod cutout;
pub(crate) mod detect;
pub(crate) mod evaluate;
pub(crate) mod models;
pub(crate) mod tensor;
pub(crate) mod video;

use portrait_pipeline::{Error, PersonResult};
use std::process::ExitCode;

/// 0, or the code of the gravest failure of a person.
fn exit_code<T>(persons: &[PersonResult<T>]) -> ExitCode {
    gravest(codes(persons))
}

/// The exit codes of persons' failures.
fn codes<T>(persons: &[PersonResult<T>]) -> impl Iterator<Item = u8> {
    let failures = persons.iter().filter_map(|person| person.result.as_ref().err());
    failures.map(|error: &Error| error.tier().exit_code())
}

/// 0, or the gravest of these exit codes of failures.
fn gravest(codes: impl Iterator<Item = u8>) -> ExitCode {
    codes.min().map_or(ExitCode::SUCCESS, ExitCode::from)
}
