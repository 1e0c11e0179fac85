//! How far a job is, and how long it will still take.

use super::estimates::Expected;
use super::event::{Event, Step};
use crate::stage::Stage;
use std::collections::BTreeMap;

/// Persons whose videos are made at once, where there are enough.
const AT_ONCE: f64 = 4.0;
/// What a running step counts at most, of its expected time.
const RUNNING: f64 = 0.95;
/// What the fraction reaches at most before all is done.
const ALMOST: f64 = 0.999;

/// What is planned and done in one job. Times are seconds of any clock that does not go back.
#[derive(Debug, Default)]
pub(super) struct Forecast {
    planned: BTreeMap<Stage, usize>,
    /// Stages of the whole photo.
    whole: BTreeMap<Stage, Whole>,
    persons: BTreeMap<usize, Person>,
    /// All persons' steps are over.
    persons_over: bool,
    fraction: f32,
}

#[derive(Debug, Default)]
struct Whole {
    ended: usize,
    since: Option<f64>,
}

/// A person goes through its stages in order: those before the newest one are done, also where
/// nothing was told of them, as when a result was found in the storage.
#[derive(Debug)]
struct Person {
    stage: Stage,
    /// When the stage began; `None` when it has ended.
    since: Option<f64>,
    failed: bool,
}

impl Person {
    /// How much of this stage is done, as a part of its expected time.
    fn done(&self, stage: Stage, now: f64, each: f64) -> f64 {
        match self.since {
            _ if self.failed || stage < self.stage => 1.0,
            Some(since) if stage == self.stage => running(since, now, each),
            None if stage == self.stage => 1.0,
            _ => 0.0,
        }
    }
}

fn running(since: f64, now: f64, each: f64) -> f64 {
    if each > 0.0 { ((now - since).max(0.0) / each).min(RUNNING) } else { RUNNING }
}

fn of_a_person(stage: Stage) -> bool {
    match stage {
        Stage::Segmentation | Stage::Talk | Stage::Video | Stage::Download => true,
        Stage::Device
        | Stage::Model
        | Stage::Photo
        | Stage::Detection
        | Stage::Message
        | Stage::Deletion => false,
    }
}

impl Forecast {
    /// So many persons will go through these stages; 1 for a stage of the whole photo.
    pub(super) fn plan(&mut self, stages: &[(Stage, usize)]) {
        self.planned.extend(stages.iter().copied());
        self.persons_over = false;
    }

    /// Takes an event. Answers the fraction that is done now, and the seconds that are left.
    pub(super) fn take(
        &mut self,
        event: &Event,
        now: f64,
        expected: &Expected,
    ) -> (f32, Option<f64>) {
        if of_a_person(event.stage) {
            self.take_person(event, now);
        } else {
            self.take_whole(event, now);
        }
        self.look(now, expected)
    }

    fn take_whole(&mut self, event: &Event, now: f64) {
        let whole = self.whole.entry(event.stage).or_default();
        match event.step {
            Step::Started => whole.since = Some(now),
            Step::Finished { .. } | Step::Failed { .. } => {
                *whole = Whole { ended: whole.ended + 1, since: None };
            }
            _ => {}
        }
    }

    fn take_person(&mut self, event: &Event, now: f64) {
        let (stage, Some(id)) = (event.stage, event.person_id) else {
            if let Step::Persons { done, total } = event.step {
                // Persons who failed before are not among those that this counts.
                let failed = self.persons.values().filter(|person| person.failed).count();
                self.persons_over = done >= total && total + failed >= self.persons_planned();
            }
            return;
        };
        let person = self.persons.get(&id);
        let newest = person.is_none_or(|person| person.failed || person.stage <= stage);
        let (since, failed) = match event.step {
            Step::Started if newest => (Some(now), false),
            Step::Finished { .. } if newest => (None, false),
            Step::Failed { .. } => (None, true),
            _ => return,
        };
        self.persons.insert(id, Person { stage, since, failed });
    }

    fn persons_planned(&self) -> usize {
        let planned = self.planned.iter().filter(|(stage, _)| of_a_person(**stage));
        planned.map(|(_, count)| *count).max().unwrap_or(0)
    }

    fn look(&mut self, now: f64, expected: &Expected) -> (f32, Option<f64>) {
        if self.planned.is_empty() {
            return (self.fraction, None);
        }
        let (mut all, mut whole_left, mut persons_left) = (0.0, 0.0, 0.0);
        let mut over = true;
        // What one person still needs at most: of those who have begun, and of another one.
        let mut begun: Vec<f64> = vec![0.0; self.persons.len()];
        let mut another = 0.0;
        for (&stage, &count) in &self.planned {
            let (each, planned) = (expected.seconds(stage), count as f64);
            all += each * planned;
            if !of_a_person(stage) {
                let done = self.whole.get(&stage).map_or(0.0, |whole| {
                    let runs = whole.since.map_or(0.0, |since| running(since, now, each));
                    // The last one is done when it has ended, not before.
                    if whole.ended < count { whole.ended as f64 + runs } else { planned }
                });
                over &= done >= planned;
                whole_left += each * (planned - done);
                continue;
            }
            if self.persons_over {
                continue;
            }
            let parts = self.persons.values().map(|person| person.done(stage, now, each));
            let parts: Vec<f64> = parts.collect();
            let ended = parts.iter().filter(|part| **part >= 1.0).count();
            if ended >= count {
                continue;
            }
            over = false;
            let most = ended as f64 + RUNNING * (count - ended) as f64;
            persons_left += each * (planned - parts.iter().sum::<f64>().min(most));
            for (left, part) in begun.iter_mut().zip(parts) {
                *left += each * (1.0 - part);
            }
            if count > self.persons.len() {
                another += each;
            }
        }
        let left =
            whole_left + begun.into_iter().fold(another, f64::max).max(persons_left / AT_ONCE);
        let fraction = match all - whole_left - persons_left {
            _ if over => 1.0,
            done if all > 0.0 => (done / all).clamp(0.0, ALMOST),
            _ => 0.0,
        };
        self.fraction = self.fraction.max(fraction as f32);
        (self.fraction, Some(left))
    }
}

#[cfg(test)]
mod tests;
