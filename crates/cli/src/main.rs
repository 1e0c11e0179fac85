//! The `portrait` command: finds people in a photo, cuts them out and lets them talk.
//!
//! The only part of the workspace, beside the server, that reads the environment.

mod args;
mod commands;
mod data;
mod error;
mod message;
mod output;
mod profile;
mod progress;
mod settings;

use args::{Args, Command};
use clap::Parser;
use error::CliError;
use output::Output;
use portrait_pipeline::keep_freed_memory;
use profile::Profile;
use std::process::ExitCode;
use tracing_subscriber::prelude::*;

/// Freed memory that is kept for the next map: more than any network frees at once.
const KEPT: usize = 1 << 30;

fn main() -> ExitCode {
    keep_freed_memory(KEPT);
    start()
}

#[tokio::main]
async fn start() -> ExitCode {
    let args = Args::parse();
    let profile = Profile::default();
    let profiled = matches!(&args.command, Command::Tensor(args) if args.profile.is_some());
    log(args.verbose, profiled.then(|| profile.clone()));
    let output = Output::new(args.json, args.quiet);
    let work = run(&args, &output, &profile);
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

async fn run(args: &Args, output: &Output, profile: &Profile) -> Result<ExitCode, CliError> {
    let settings = &args.settings;
    match &args.command {
        Command::Detect(args) => commands::detect::run(args, settings, output).await,
        Command::Cutout(args) => commands::cutout::run(args, settings, output).await,
        Command::Video(args) => commands::video::run(args, settings, output).await,
        Command::Tensor(args) => commands::tensor::run(args, settings, output, profile).await,
        Command::Models(args) => commands::models::run(args, settings, output).await,
    }
}

/// Logs to standard error: little, more with `-v`, or as `RUST_LOG` says. A profile listens too.
fn log(verbose: u8, profile: Option<Profile>) {
    let level = match verbose {
        // What fails is told by the command itself.
        0 => "error",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(filter);
    let profile = profile.map(|profile| profile.with_filter(Profile::filter()));
    tracing_subscriber::registry().with(log).with(profile).init();
}
