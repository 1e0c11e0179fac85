//! What is printed: results on standard output, all else on standard error.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is this file's job")]

use crate::error::CliError;
use crate::progress::Bars;
use portrait_pipeline::{Error, Model, Warning};
use serde_json::Value;
use std::io::{self, Write};

pub(crate) struct Output {
    json: bool,
    quiet: bool,
    bars: Bars,
}

impl Output {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, bars: Bars::new(!json && !quiet) }
    }

    pub(crate) fn bars(&self) -> &Bars {
        &self.bars
    }

    /// A line of the result, for people.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        if !self.json {
            self.bars.suspend(|| print(text.as_ref()));
        }
    }

    /// The result, for programs.
    pub(crate) fn document(&self, value: &Value) {
        if self.json {
            print(&value.to_string());
        }
    }

    /// A line for programs, whoever asked.
    pub(crate) fn json_line(&self, value: &Value) {
        self.bars.suspend(|| print(&value.to_string()));
    }

    /// Tells which of these models are the small ones that came with the program, and how to get larger ones.
    pub(crate) fn starters(&self, models: &[&Model]) {
        let starters = || models.iter().filter(|model| model.is_starter());
        if starters().count() == 0 || self.json || self.quiet {
            return;
        }
        let running: Vec<_> = starters().map(|model| model.manifest.id.as_str()).collect();
        let larger: Vec<_> = starters().filter_map(|model| model.larger()).collect();
        let text = format!(
            "running the small models that came with the program: {}. Larger, finer ones, once: portrait models fetch {}",
            running.join(" "),
            larger.join(" "),
        );
        self.bars.suspend(|| eprintln!("{text}"));
    }

    pub(crate) fn warning(&self, warning: &Warning) {
        if !self.json {
            let text = format!(
                "warning: {} [{}: {}]",
                warning.message,
                warning.code,
                warning.code.user_action()
            );
            self.bars.suspend(|| eprintln!("{text}"));
        }
    }

    pub(crate) fn error(&self, error: &CliError) {
        self.bars.clear();
        self.document(&error.to_json());
        eprintln!("error: {}", error.line());
    }

    /// What a person is told who may wonder why nothing happens.
    pub(crate) fn note(&self, text: &str) {
        if !self.json && !self.quiet {
            self.bars.suspend(|| eprintln!("{text}"));
        }
    }

    /// A failure to write one person's file, which did not end the command.
    pub(crate) fn person_failed(&self, person_id: usize, error: &CliError) {
        self.bars.suspend(|| eprintln!("error: person {person_id}: {}", error.line()));
    }

    /// One person's failure, which did not end the command.
    pub(crate) fn person_error(&self, person_id: usize, error: &Error) {
        let text = format!(
            "error: person {person_id}: {error} [{}: {}]",
            error.code(),
            error.user_action()
        );
        self.bars.suspend(|| eprintln!("{text}"));
    }
}

/// Prints a line of the result. A reader that has gone (`| head`) ends the command quietly.
fn print(line: &str) {
    if let Err(error) = writeln!(io::stdout(), "{line}") {
        if error.kind() == io::ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        eprintln!("error: cannot write to standard output: {error}");
        std::process::exit(12);
    }
}
