//! The `portrait` command: finds people in a photo, cuts them out and lets them talk.
//!
//! The only part of the workspace, beside the server, that reads the environment.

mod args;
mod commands;
mod error;
mod message;
mod output;
mod progress;
mod settings;

use args::{Args, Command};
use clap::Parser;
use error::CliError;
use output::Output;
use portrait_pipeline::keep_freed_memory;
use std::process::ExitCode;

/// Freed memory that is kept for the next map: more than any network frees at once.
const KEPT: usize = 1 << 30;

fn main() -> ExitCode {
    keep_freed_memory(KEPT);
    start()
}

#[tokio::main]
async fn start() -> ExitCode {
    let args = Args::parse();
    log(args.verbose);
    let output = Output::new(args.json, args.quiet);
    let work = run(&args, &output);
    let interrupted = tokio::signal::ctrl_c();
    let result = tokio::select! {
        result = work => result,
        _ = interrupted => Err(CliError::Interrupted),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            output.error(&error);
            error.exit_code().into()
        }
    }
}

async fn run(args: &Args, output: &Output) -> Result<ExitCode, CliError> {
    let settings = &args.settings;
    match &args.command {
        Command::Detect(args) => commands::detect::run(args, settings, output).await,
        Command::Cutout(args) => commands::cutout::run(args, settings, output).await,
        Command::Video(args) => commands::video::run(args, settings, output).await,
        Command::Tensor(args) => commands::tensor::run(args, settings, output).await,
        Command::Models(args) => commands::models::run(args, settings, output).await,
    }
}

/// Logs to standard error: little, more with `-v`, or as `RUST_LOG` says.
fn log(verbose: u8) {
    let level = match verbose {
        // What fails is told by the command itself.
        0 => "error",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
