//! The `portrait` command: finds people in a photo, cuts them out and lets them talk.
//!
//! The only part of the workspace that reads the environment.

mod args;
mod commands;
mod data;
mod draw;
mod error;
mod files;
mod flags;
mod keys;
mod message;
mod output;
mod profile;
mod progress;
mod proxy;
mod settings;
mod shown;

use args::{Args, Command};
use clap::builder::Resettable;
use clap::{Arg, CommandFactory, FromArgMatches};
use error::{CliError, INTERRUPTED};
use output::Output;
use portrait_pipeline::Tier;
use portrait_pipeline::lowlevel::keep_freed_memory;
use profile::Profile;
use std::ffi::OsString;
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
    let args = match arguments() {
        Ok(args) => args,
        Err(error) => return wrong_usage(&error),
    };
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
fn arguments() -> Result<Args, clap::Error> {
    let mut command = Args::command().mut_args(unless_empty);
    for name in command.get_subcommands().map(|each| each.get_name().to_owned()).collect::<Vec<_>>()
    {
        command = command.mut_subcommand(name, |each| each.mut_args(unless_empty));
    }
    Args::from_arg_matches_mut(&mut command.try_get_matches_from_mut(std::env::args_os())?)
}

/// Tells what is wrong with the arguments, to programs too; or prints what was asked for (`--help`).
fn wrong_usage(error: &clap::Error) -> ExitCode {
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    // Where nobody hears it, it is not told.
    let _ = error.print();
    let mut words = std::env::args_os().take_while(|word| word != "--");
    if error.use_stderr() && words.any(|word| word == "--json") {
        let text = error.to_string();
        // What is wrong; the lines on usage come after an empty one.
        let said: Vec<&str> =
            text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
        let said = said.join(" ");
        let said = said.strip_prefix("error: ").unwrap_or(&said).to_owned();
        let output = Output::new(true, false);
        output.document(&CliError::Usage(said).to_json());
    }
    code.into()
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
        .with_ansi(colours(std::io::stderr().is_terminal(), |name| std::env::var_os(name)))
        // To tell that standard error is gone there is only standard error.
        .log_internal_errors(false)
        .with_filter(filter);
    let profile = profile.map(|profile| profile.with_filter(Profile::filter()));
    tracing_subscriber::registry().with(log).with(profile).init();
}

/// Whether logs have colours: on a terminal that knows them, unless they are not wanted
/// (<https://no-color.org>).
fn colours(terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let wanted = variable("NO_COLOR").is_none_or(|value| value.is_empty());
    terminal && wanted && variable("TERM").is_none_or(|value| value != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        let with = |name: &'static str, value: &'static str| {
            colours(true, move |asked| (asked == name).then(|| value.into()))
        };
        assert!(with("TERM", "xterm") && with("NO_COLOR", ""));
        assert!(!with("TERM", "dumb") && !with("NO_COLOR", "1") && !with("NO_COLOR", "0"));
        assert!(!colours(false, |_| None));
    }
}
