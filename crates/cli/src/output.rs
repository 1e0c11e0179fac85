//! What is printed: results on standard output, all else on standard error.
//!
//! Neither ends the work: what was asked for is done, and what is paid for is kept, also where nobody
//! reads any more.

use crate::error::CliError;
use crate::progress::Bars;
use crate::shown::{escaped, shown};
use portrait_pipeline::{Model, Warning};
use serde_json::Value;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

pub(crate) struct Output {
    json: bool,
    quiet: bool,
    bars: Bars,
    results: Mutex<Results>,
    /// Whether standard output is for a picture, and lines for people go to standard error.
    for_a_picture: AtomicBool,
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
        Self {
            json,
            quiet,
            bars: Bars::new(!json && !quiet),
            results: Mutex::new(Results::Read),
            for_a_picture: AtomicBool::new(false),
        }
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
        if self.for_a_picture.load(Ordering::Relaxed) {
            self.note(text.as_ref());
        } else if !self.json {
            let line = format!("{}\n", escaped(text.as_ref()));
            self.bars.suspend(|| self.print(line.as_bytes()));
        }
    }

    /// Keeps standard output free for one picture or video.
    pub(crate) fn keep_for_a_picture(&self) {
        self.for_a_picture.store(true, Ordering::Relaxed);
    }

    /// The one picture or video on standard output.
    pub(crate) fn picture(&self, bytes: &[u8]) {
        self.bars.suspend(|| self.print(bytes));
    }

    /// The result, for programs.
    pub(crate) fn document(&self, value: &Value) {
        if self.json {
            self.json_line(value);
        }
    }

    /// A line for programs, whoever asked.
    pub(crate) fn json_line(&self, value: &Value) {
        self.bars.suspend(|| self.print(format!("{value}\n").as_bytes()));
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

    /// Part of the result: told in its document where there is one, and not to who wants quiet. Of
    /// which photo, where there are several.
    pub(crate) fn warning(&self, photo: Option<&Path>, warning: &Warning) {
        if !self.json && !self.quiet {
            let of = photo.map(|photo| format!("{}: ", shown(photo))).unwrap_or_default();
            self.tell(&format!(
                "warning: {of}{} [{}: {}]",
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

    /// What should be done otherwise the next time.
    pub(crate) fn advise(&self, text: &str) {
        if !self.quiet {
            self.tell(&format!("warning: {text}"));
        }
    }

    /// One photo's failure, which did not end the command.
    pub(crate) fn photo_failed(&self, photo: &Path, error: &CliError) {
        let (photo, line) = (shown(photo), error.line());
        let of = if line.starts_with(&photo) { String::new() } else { format!("{photo}: ") };
        self.tell(&format!("error: {of}{line}"));
    }

    /// One person's failure, which did not end the command; of which photo, where there are several.
    pub(crate) fn person_failed(&self, photo: Option<&Path>, person_id: usize, error: &CliError) {
        let of = photo.map(|photo| format!("{}: ", shown(photo))).unwrap_or_default();
        self.tell(&format!("error: {of}person {person_id}: {}", error.line()));
    }

    /// A line on standard error; where it is gone or full, nobody is told.
    fn tell(&self, text: &str) {
        self.bars.suspend(|| {
            let _ = writeln!(io::stderr(), "{}", escaped(text));
        });
    }

    /// A part of the result, unless an earlier one could not be written.
    fn print(&self, part: &[u8]) {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        if *results != Results::Read {
            return;
        }
        let mut stdout = io::stdout().lock();
        let Err(error) = stdout.write_all(part).and_then(|()| stdout.flush()) else { return };
        if error.kind() == io::ErrorKind::BrokenPipe {
            *results = Results::Unread;
        } else {
            *results = Results::Lost;
            let _ = writeln!(io::stderr(), "error: cannot write to standard output: {error}");
        }
    }
}
