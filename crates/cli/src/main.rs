//! The `portrait` command: finds people in a photo, cuts them out and lets them talk.
//!
//! The only part of the workspace that reads the environment.

mod args;
mod commands;
mod data;
mod error;
mod message;
mod output;
mod profile;
mod progress;
mod proxy;
mod settings;

use args::{Args, Command};
use clap::builder::Resettable;
use clap::{Arg, CommandFactory, FromArgMatches};
use error::{CliError, INTERRUPTED};
use output::Output;
use portrait_pipeline::Tier;
use portrait_pipeline::lowlevel::keep_freed_memory;
use profile::Profile;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::Runtime;
use tracing_subscriber::prelude::*;

/// Freed memory that is kept for the next map: more than any network frees at once.
const KEPT: usize = 1 << 30;

/// What is under way on other threads may still end, such as the writing of a file. A network may
/// not: it could take minutes.
const AFTER_AN_INTERRUPT: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    keep_freed_memory(KEPT);
    let args = arguments();
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = CliError::Crashed(format!("no threads can be started: {error}"));
            Output::new(args.json, args.quiet).error(&error);
            return error.exit_code().into();
        }
    };
    let code = runtime.block_on(start(args));
    if code == INTERRUPTED {
        runtime.shutdown_timeout(AFTER_AN_INTERRUPT);
    }
    code.into()
}

/// The arguments; an empty environment variable is one that is not set.
fn arguments() -> Args {
    let mut command = Args::command().mut_args(unless_empty);
    for name in command.get_subcommands().map(|each| each.get_name().to_owned()).collect::<Vec<_>>()
    {
        command = command.mut_subcommand(name, |each| each.mut_args(unless_empty));
    }
    let parsed = Args::from_arg_matches_mut(&mut command.get_matches_mut());
    parsed.unwrap_or_else(|error| error.exit())
}

fn unless_empty(argument: Arg) -> Arg {
    let value = argument.get_env().and_then(std::env::var_os);
    if value.is_some_and(|value| value.is_empty()) {
        return argument.env(Resettable::Reset);
    }
    argument
}

async fn start(args: Args) -> u8 {
    let profile = Profile::default();
    let profiled = matches!(&args.command, Command::Tensor(args) if args.profile.is_some());
    log(args.verbose, profiled.then(|| profile.clone()));
    let output = Output::new(args.json, args.quiet);
    let work = run(&args, &output, &profile);
    let interrupted = tokio::signal::ctrl_c();
    let result = tokio::select! {
        // The signal is heard from the first moment on.
        biased;
        _ = interrupted => Err(CliError::Interrupted),
        result = work => result,
    };
    let code = result.unwrap_or_else(|error| {
        output.error(&error);
        error.exit_code()
    });
    if code == 0 && output.lost() { Tier::High.exit_code() } else { code }
}

/// The exit code of what was done.
async fn run(args: &Args, output: &Output, profile: &Profile) -> Result<u8, CliError> {
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
    let log = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        // To tell that standard error is gone there is only standard error.
        .log_internal_errors(false)
        .with_filter(filter);
    let profile = profile.map(|profile| profile.with_filter(Profile::filter()));
    tracing_subscriber::registry().with(log).with(profile).init();
}
