//! What is printed: results on standard output, all else on standard error.
//!
//! Neither ends the work: what was asked for is done, and what is paid for is kept, also where nobody
//! reads any more.

use crate::error::CliError;
use crate::progress::Bars;
use portrait_pipeline::{Error, Model, Warning};
use serde_json::Value;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

pub(crate) struct Output {
    json: bool,
    quiet: bool,
    bars: Bars,
    results: Mutex<Results>,
}

/// What has become of standard output.
#[derive(Clone, Copy, PartialEq)]
enum Results {
    Read,
    /// The reader has seen enough (`| head`).
    Unread,
    /// They were asked for and could not be written.
    Lost,
}

impl Output {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, bars: Bars::new(!json && !quiet), results: Mutex::new(Results::Read) }
    }

    /// Whether there is to be one document on standard output.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    pub(crate) fn bars(&self) -> &Bars {
        &self.bars
    }

    /// A line of the result, for people.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        if !self.json {
            self.bars.suspend(|| self.print(text.as_ref()));
        }
    }

    /// The result, for programs.
    pub(crate) fn document(&self, value: &Value) {
        if self.json {
            self.print(&value.to_string());
        }
    }

    /// A line for programs, whoever asked.
    pub(crate) fn json_line(&self, value: &Value) {
        self.bars.suspend(|| self.print(&value.to_string()));
    }

    /// Whether a part of the result was lost, which the exit code must tell.
    pub(crate) fn lost(&self) -> bool {
        *self.results.lock().unwrap_or_else(PoisonError::into_inner) == Results::Lost
    }

    /// Tells which of these models are the small ones that came with the program, and how to get larger ones.
    pub(crate) fn starters(&self, models: &[&Model]) {
        let starters = || models.iter().filter(|model| model.is_starter());
        if starters().count() == 0 {
            return;
        }
        let running: Vec<_> = starters().map(|model| model.manifest.id.as_str()).collect();
        let larger: Vec<_> = starters().filter_map(|model| model.larger()).collect();
        self.note(&format!(
            "running the small models that came with the program: {}. Larger, finer ones, once: portrait models fetch {}",
            running.join(" "),
            larger.join(" "),
        ));
    }

    pub(crate) fn warning(&self, warning: &Warning) {
        if !self.json {
            self.tell(&format!(
                "warning: {} [{}: {}]",
                warning.message,
                warning.code,
                warning.code.operator_action()
            ));
        }
    }

    pub(crate) fn error(&self, error: &CliError) {
        self.bars.clear();
        self.document(&error.to_json());
        self.tell(&format!("error: {}", error.line()));
    }

    /// What a person is told who may wonder why nothing happens.
    pub(crate) fn note(&self, text: &str) {
        if !self.json && !self.quiet {
            self.tell(text);
        }
    }

    /// A failure that cost a part of the result and did not end the command.
    pub(crate) fn left_out(&self, error: &CliError) {
        self.tell(&format!("error: left out: {}", error.line()));
    }

    /// A failure to write one person's file, which did not end the command.
    pub(crate) fn person_failed(&self, person_id: usize, error: &CliError) {
        self.tell(&format!("error: person {person_id}: {}", error.line()));
    }

    /// One person's failure, which did not end the command.
    pub(crate) fn person_error(&self, person_id: usize, error: &Error) {
        self.tell(&format!(
            "error: person {person_id}: {error} [{}: {}]",
            error.code(),
            error.operator_action()
        ));
    }

    /// A line on standard error; where it is gone or full, nobody is told.
    fn tell(&self, text: &str) {
        self.bars.suspend(|| {
            let _ = writeln!(io::stderr(), "{text}");
        });
    }

    /// A line of the result, unless an earlier one could not be written.
    fn print(&self, line: &str) {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        if *results != Results::Read {
            return;
        }
        let Err(error) = writeln!(io::stdout(), "{line}") else { return };
        if error.kind() == io::ErrorKind::BrokenPipe {
            *results = Results::Unread;
        } else {
            *results = Results::Lost;
            let _ = writeln!(io::stderr(), "error: cannot write to standard output: {error}");
        }
    }
}
