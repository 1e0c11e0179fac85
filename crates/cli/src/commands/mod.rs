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
    let failures = persons.iter().filter_map(|person| person.result.as_ref().err());
    let gravest = failures.map(Error::tier).min();
    gravest.map_or(ExitCode::SUCCESS, |tier| ExitCode::from(tier.exit_code()))
}
