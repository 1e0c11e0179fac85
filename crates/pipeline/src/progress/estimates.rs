//! How long each stage takes, from measured times.

use crate::stage::Stage;
use std::sync::{Mutex, PoisonError};

/// The least weight of a new measurement: older ones fade by a fifth each time.
const WEIGHT: f64 = 0.2;

/// Seconds that each stage is expected to take: an exponentially weighted mean of what it took.
/// One is shared by all requests of a pipeline.
#[derive(Debug, Default)]
pub(crate) struct Estimates(Mutex<Expected>);

impl Estimates {
    /// Takes a measurement.
    pub(crate) fn learn(&self, stage: Stage, seconds: f64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).learn(stage, seconds);
    }

    /// What is expected now.
    pub(crate) fn expected(&self) -> Expected {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Expected seconds of every stage at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected([Mean; Stage::ALL.len()]);

#[derive(Debug, Clone, Copy)]
struct Mean {
    seconds: f64,
    measured: u32,
}

impl Expected {
    /// Seconds that one run of this stage is expected to take.
    pub(crate) fn seconds(&self, stage: Stage) -> f64 {
        self.0[stage as usize].seconds
    }

    fn learn(&mut self, stage: Stage, seconds: f64) {
        if !seconds.is_finite() || seconds < 0.0 {
            return;
        }
        let mean = &mut self.0[stage as usize];
        mean.measured = mean.measured.saturating_add(1);
        // The first value is a guess that counts as one measurement: it is soon forgotten.
        let weight = (1.0 / (1.0 + f64::from(mean.measured))).max(WEIGHT);
        mean.seconds += weight * (seconds - mean.seconds);
    }
}

impl Default for Expected {
    fn default() -> Self {
        Self(Stage::ALL.map(|stage| Mean { seconds: first(stage), measured: 0 }))
    }
}

/// Seconds to begin with, of a small machine without a card; D-ID's are those of short messages.
fn first(stage: Stage) -> f64 {
    match stage {
        Stage::Device => 1.0,
        Stage::Model => 2.0,
        Stage::Photo => 0.1,
        Stage::Detection => 0.3,
        Stage::Segmentation => 1.0,
        Stage::Message => 3.0,
        Stage::Talk => 3.0,
        Stage::Video => 45.0,
        Stage::Download => 3.0,
        Stage::Deletion => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_a_place_of_its_own() {
        let expected = Expected::default();
        for (place, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, place);
            assert_eq!(expected.seconds(stage), first(stage));
            assert!(first(stage) > 0.0);
        }
    }

    #[test]
    fn the_guess_is_soon_forgotten_and_the_mean_follows() {
        let estimates = Estimates::default();
        let video = || estimates.expected().seconds(Stage::Video);
        estimates.learn(Stage::Video, 15.0);
        assert_eq!(video(), 30.0);
        estimates.learn(Stage::Video, 15.0);
        assert_eq!(video(), 25.0);
        for _ in 0..30 {
            estimates.learn(Stage::Video, 15.0);
        }
        assert!((video() - 15.0).abs() < 0.1, "{}", video());
        // One measurement now counts a fifth.
        estimates.learn(Stage::Video, 25.0);
        assert!((video() - 17.0).abs() < 0.1, "{}", video());
        assert_eq!(estimates.expected().seconds(Stage::Download), 3.0);
    }

    #[test]
    fn what_is_no_time_teaches_nothing() {
        let estimates = Estimates::default();
        for seconds in [f64::NAN, f64::INFINITY, -1.0] {
            estimates.learn(Stage::Talk, seconds);
        }
        assert_eq!(estimates.expected().seconds(Stage::Talk), 3.0);
    }
}
