//! Progress bars, on a terminal only.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use portrait_pipeline::weights::{OnProgress, State};
use portrait_pipeline::{Event, Progress, Stage, Step};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The bars of one run of the command.
#[derive(Clone)]
pub(crate) struct Bars {
    all: MultiProgress,
}

impl Bars {
    pub(crate) fn new(shown: bool) -> Self {
        let target =
            if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { all: MultiProgress::with_draw_target(target) }
    }

    /// Prints without tearing the bars.
    pub(crate) fn suspend(&self, print: impl FnOnce()) {
        self.all.suspend(print);
    }

    pub(crate) fn clear(&self) {
        // A terminal that cannot be cleared is no reason to stop.
        let _ = self.all.clear();
    }

    /// A spinner for each step that is under way.
    pub(crate) fn steps(&self) -> Progress {
        let bars = self.clone();
        let shown = Arc::new(Mutex::new(HashMap::new()));
        Progress::new(move |event| {
            let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
            bars.show(&mut shown, &event);
        })
    }

    fn show(&self, shown: &mut HashMap<(Stage, Option<usize>), ProgressBar>, event: &Event) {
        let key = (event.stage, event.person_id);
        match event.step {
            Step::Started => {
                let bar = self.all.add(ProgressBar::new_spinner());
                bar.set_message(label(event));
                bar.enable_steady_tick(Duration::from_millis(100));
                shown.insert(key, bar);
            }
            Step::Finished { .. } | Step::Failed { .. } => {
                if let Some(bar) = shown.remove(&key) {
                    bar.finish_and_clear();
                    self.all.remove(&bar);
                }
            }
            _ => {}
        }
    }

    /// A bar for so many things.
    pub(crate) fn counted(&self, count: u64, what: &'static str) -> ProgressBar {
        let style = ProgressStyle::with_template("{pos}/{len} {msg} [{wide_bar}] {eta} left");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        self.all.add(ProgressBar::new(count).with_style(style).with_message(what))
    }

    /// A bar for a download.
    pub(crate) fn download(&self) -> OnProgress {
        let bars = self.clone();
        let shown = Mutex::new(None::<ProgressBar>);
        OnProgress::new(move |progress| {
            let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
            let bar = shown.get_or_insert_with(|| {
                let style = ProgressStyle::with_template(
                    "{msg} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} {eta}",
                );
                let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
                bars.all.add(ProgressBar::no_length().with_style(style))
            });
            if let Some(total) = progress.total {
                bar.set_length(total);
            }
            bar.set_position(progress.done);
            let doing = match progress.state {
                State::Connecting => "connecting",
                State::Waiting => "waiting for another download of",
                State::Downloading => "downloading",
                State::Verifying => "verifying",
                _ => "done",
            };
            bar.set_message(format!("{doing} {}", progress.file));
            if progress.state == State::Done
                && let Some(bar) = shown.take()
            {
                bar.finish_and_clear();
            }
        })
    }
}

fn label(event: &Event) -> String {
    let doing = match event.stage {
        Stage::Model => "loading the model",
        Stage::Detection => "looking for people",
        Stage::Segmentation => "cutting out",
        Stage::Message => "making the message ready",
        Stage::Talk => "ordering the talk",
        Stage::Video => "waiting for the video",
        Stage::Download => "downloading the video",
        _ => "working",
    };
    match event.person_id {
        Some(person) => format!("{doing}: person {person}"),
        None => doing.to_owned(),
    }
}
