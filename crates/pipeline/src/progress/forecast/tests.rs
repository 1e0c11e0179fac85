use super::*;
use crate::error::Code;
use crate::progress::estimates::Estimates;

const FAILED: Step = Step::Failed { code: Code::DIdTalkFailed };
const FINISHED: Step = Step::Finished { ms: 1 };
const STAGES: [Stage; 4] = [Stage::Segmentation, Stage::Talk, Stage::Video, Stage::Download];

/// A forecast, with the seconds of [`Expected::default`]: detection 0.3, segmentation 1, message 3,
/// talk 3, video 45, download 3.
#[derive(Default)]
struct Job {
    forecast: Forecast,
    expected: Expected,
}

impl Job {
    fn planned(stages: &[(Stage, usize)]) -> Self {
        let mut job = Self::default();
        job.forecast.plan(stages);
        job
    }

    fn tell(
        &mut self,
        now: f64,
        stage: Stage,
        person_id: Option<usize>,
        step: Step,
    ) -> (f32, Option<f64>) {
        self.forecast.take(&Event { stage, person_id, step }, now, &self.expected)
    }
}

#[track_caller]
fn assert_near((fraction, left): (f32, Option<f64>), want: f64, seconds: f64) {
    assert!((f64::from(fraction) - want).abs() < 1e-6, "{fraction} instead of {want}");
    let left = left.unwrap();
    assert!((left - seconds).abs() < 1e-9, "{left} s instead of {seconds} s");
}

#[test]
fn without_a_plan_nothing_is_foretold() {
    let mut job = Job::default();
    assert_eq!(job.tell(0.0, Stage::Detection, None, Step::Started), (0.0, None));
    assert_eq!(job.tell(1.0, Stage::Detection, None, FINISHED), (0.0, None));
}

#[test]
fn one_person_from_detection_to_download() {
    let mut job = Job::planned(&[(Stage::Detection, 1), (Stage::Video, 1), (Stage::Download, 1)]);
    let (all, one) = (48.3, Some(0));
    assert_near(job.tell(0.0, Stage::Detection, None, Step::Started), 0.0, all);
    assert_near(job.tell(0.2, Stage::Detection, None, FINISHED), 0.3 / all, 48.0);
    assert_near(job.tell(0.2, Stage::Video, one, Step::Started), 0.3 / all, 48.0);
    let state = || Step::State { text: "started".into() };
    assert_near(job.tell(9.2, Stage::Video, one, state()), 9.3 / all, 39.0);
    // A running step counts 95 % at most.
    let most = 0.95 * 45.0;
    assert_near(job.tell(999.0, Stage::Video, one, state()), (0.3 + most) / all, 48.0 - most);
    assert_near(job.tell(999.0, Stage::Video, one, FINISHED), 45.3 / all, 3.0);
    // A stage that was not planned adds nothing.
    assert_near(job.tell(999.0, Stage::Model, None, FINISHED), 45.3 / all, 3.0);
    assert_near(job.tell(999.0, Stage::Download, one, Step::Started), 45.3 / all, 3.0);
    assert_near(job.tell(999.5, Stage::Download, one, FINISHED), 1.0, 0.0);
}

#[test]
fn more_persons_than_planned_never_make_the_fraction_fall() {
    let mut job = Job::planned(&[(Stage::Detection, 1), (Stage::Segmentation, 1)]);
    assert_near(job.tell(0.0, Stage::Detection, None, FINISHED), 0.3 / 1.3, 1.0);
    job.forecast.plan(&[(Stage::Segmentation, 8)]);
    // Eight persons, four at once.
    assert_near(job.tell(0.0, Stage::Segmentation, Some(0), Step::Started), 0.3 / 1.3, 2.0);
    assert_near(job.tell(1.0, Stage::Segmentation, Some(0), FINISHED), 0.3 / 1.3, 7.0 / 4.0);
    assert_near(job.tell(2.0, Stage::Segmentation, Some(1), FINISHED), 2.3 / 8.3, 6.0 / 4.0);
    for person in 2..7 {
        job.tell(2.0, Stage::Segmentation, Some(person), FINISHED);
    }
    assert_near(job.tell(2.0, Stage::Segmentation, Some(7), FINISHED), 1.0, 0.0);
}

#[test]
fn the_slowest_person_decides_where_few_are_left() {
    let mut job = Job::planned(&STAGES.map(|stage| (stage, 2)));
    job.tell(0.0, Stage::Segmentation, Some(0), FINISHED);
    for stage in STAGES {
        job.tell(0.0, stage, Some(1), Step::Started);
    }
    // One is done, and the other has cut out only.
    assert_near(job.tell(0.0, Stage::Download, Some(1), FINISHED), 53.0 / 104.0, 51.0);
    assert_near(job.tell(0.0, Stage::Talk, Some(0), FINISHED), 56.0 / 104.0, 48.0);
}

#[test]
fn what_a_failed_person_will_not_do_counts_as_done() {
    let mut job = Job::planned(&STAGES.map(|stage| (stage, 2)));
    assert_near(job.tell(0.0, Stage::Segmentation, Some(0), FAILED), 0.5, 52.0);
    assert_near(job.tell(0.0, Stage::Segmentation, Some(1), FINISHED), 53.0 / 104.0, 51.0);
    job.tell(0.0, Stage::Talk, Some(1), FINISHED);
    assert_near(job.tell(0.0, Stage::Video, Some(1), FAILED), 1.0, 0.0);
}

#[test]
fn videos_that_were_found_in_the_storage_count() {
    let planned = STAGES.map(|stage| (stage, 3));
    let mut job = Job::planned(&planned);
    job.tell(0.0, Stage::Segmentation, Some(2), FAILED);
    let persons = |done, total| Step::Persons { done, total };
    let (fraction, _) = job.tell(0.0, Stage::Video, None, persons(1, 2));
    assert!(fraction < 0.5, "{fraction}");
    assert_near(job.tell(0.0, Stage::Video, None, persons(2, 2)), 1.0, 0.0);

    // One of three alone is not all of them.
    let mut job = Job::planned(&planned);
    let (fraction, left) = job.tell(0.0, Stage::Video, None, persons(1, 1));
    assert_eq!((fraction, left), (0.0, Some(52.0)));
}

#[test]
fn a_stage_that_is_begun_again_is_not_done() {
    let mut job = Job::planned(&[(Stage::Video, 1)]);
    assert_near(job.tell(0.0, Stage::Video, Some(0), FAILED), 1.0, 0.0);
    assert_near(job.tell(0.0, Stage::Video, Some(0), Step::Started), 1.0, 45.0);
    // Two models are loaded, the second one twice.
    let mut job = Job::planned(&[(Stage::Model, 2)]);
    job.tell(0.0, Stage::Model, None, Step::Started);
    assert_near(job.tell(1.0, Stage::Model, None, Step::Started), 0.0, 4.0);
    assert_near(job.tell(2.0, Stage::Model, None, FINISHED), 0.5, 2.0);
    assert_near(job.tell(2.0, Stage::Model, None, FINISHED), 1.0, 0.0);
    assert_near(job.tell(2.0, Stage::Model, None, FINISHED), 1.0, 0.0);
}

#[test]
fn nobody_to_work_on_is_done_at_once() {
    let mut job = Job::planned(&[(Stage::Detection, 1), (Stage::Segmentation, 1)]);
    job.forecast.plan(&[(Stage::Segmentation, 0)]);
    assert_near(job.tell(0.0, Stage::Detection, None, FINISHED), 1.0, 0.0);
}

#[test]
fn stages_that_take_no_time_leave_numbers() {
    let estimates = Estimates::default();
    for _ in 0..10_000 {
        estimates.learn(Stage::Talk, 0.0);
    }
    let mut job = Job::planned(&[(Stage::Talk, 2)]);
    job.expected = estimates.expected();
    let (fraction, left) = job.tell(0.0, Stage::Talk, Some(0), Step::Started);
    assert!((0.0..1.0).contains(&fraction) && left.unwrap() >= 0.0);
    job.tell(0.0, Stage::Talk, Some(0), FINISHED);
    assert_near(job.tell(0.0, Stage::Talk, Some(1), FINISHED), 1.0, 0.0);
}
