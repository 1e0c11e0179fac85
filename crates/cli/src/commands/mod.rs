//! A file for each command.

pub(crate) mod cutout;
pub(crate) mod detect;
pub(crate) mod evaluate;
mod many;
pub(crate) mod models;
pub(crate) mod tensor;
pub(crate) mod video;

use crate::error::CliError;
use crate::output::Output;
use portrait_pipeline::Context;

/// What all steps of a command have in common: who gets their progress.
fn context(output: &Output) -> Context {
    Context { progress: output.bars().steps(), ..Context::default() }
}

/// Runs what computes or waits for a disk beside the rest.
async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CliError> + Send + 'static,
) -> Result<T, CliError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panic| Err(CliError::Crashed(panic.to_string())))
}

/// 0, or the gravest of these exit codes of failures.
fn gravest(codes: impl IntoIterator<Item = u8>) -> u8 {
    codes.into_iter().min().unwrap_or(0)
}
