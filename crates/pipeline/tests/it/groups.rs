//! Persons of one photo in one run of the segmentation network.

use futures::StreamExt;
use portrait_pipeline::{
    Batching, BoundingBox, Code, Context, CutOut, CutOutOptions, Detection, Error, Event,
    PersonCutOut, Photo, Pipeline, PipelineBuilder, Policy, Progress, Selection, Stage, Step,
    Timeouts,
};
use std::time::Duration;

fn photo() -> Photo {
    let file = portrait_test_support::repository_root().join("examples/photos/grace_hopper.jpg");
    Photo::decode(std::fs::read(file).unwrap()).unwrap()
}

/// Boxes of different sizes and places, all of them selected; their ids begin at 3.
fn persons(count: usize) -> Selection {
    let bbox = |n: usize| {
        let (x, y) = (20.0 + 60.0 * n as f32, 10.0 + 40.0 * n as f32);
        BoundingBox { x1: x, y1: y, x2: x + 150.0 + 30.0 * n as f32, y2: y + 220.0 }
    };
    select((0..count).map(bbox))
}

fn select(boxes: impl IntoIterator<Item = BoundingBox>) -> Selection {
    let person = |(n, bbox)| Detection { person_id: n + 3, bbox, confidence: 0.9, class: 0 };
    let persons: Vec<_> = boxes.into_iter().enumerate().map(person).collect();
    let ids: Vec<_> = persons.iter().map(|person| person.person_id).collect();
    Selection::new(persons, &ids).unwrap()
}

fn builder(together: usize) -> PipelineBuilder {
    Pipeline::builder().batching(Batching { persons: together, ..Batching::default() })
}

/// Each person's cut-out, or the code of why there is none.
async fn cut(pipeline: &Pipeline, selection: &Selection) -> Vec<(usize, Result<CutOut, Code>)> {
    let options = CutOutOptions::default();
    let cut = pipeline.cut_out(&photo(), selection, &options).await.unwrap();
    let result = |result: Result<PersonCutOut, Error>| match result {
        Ok(cut) => Ok(CutOut::clone(&cut.cut_out)),
        Err(error) => Err(error.code()),
    };
    cut.into_iter().map(|person| (person.person_id, result(person.result))).collect()
}

/// The largest difference of alpha.
fn difference(
    one: &[(usize, Result<CutOut, Code>)],
    other: &[(usize, Result<CutOut, Code>)],
) -> f32 {
    assert_eq!(one.len(), other.len());
    let mut largest = 0f32;
    for ((id, one), (other_id, other)) in one.iter().zip(other) {
        let (one, other) = (one.as_ref().unwrap(), other.as_ref().unwrap());
        assert_eq!((id, one.rect, one.matte.len()), (other_id, other.rect, other.matte.len()));
        let differences = one.matte.iter().zip(other.matte.iter()).map(|(a, b)| (a - b).abs());
        largest = differences.fold(largest, f32::max);
    }
    largest
}

#[tokio::test]
async fn persons_together_are_cut_out_as_each_alone() {
    let alone = builder(1).build().await.unwrap();
    let expected = cut(&alone, &persons(5)).await;
    assert!(expected.iter().all(|(_, result)| result.is_ok()));
    assert_eq!(alone.snapshot().classes[1].counts.finished, 5);
    for (together, runs) in [(2, 3), (4, 2), (8, 1)] {
        let pipeline = builder(together).build().await.unwrap();
        let difference = self::difference(&cut(&pipeline, &persons(5)).await, &expected);
        assert!(difference == 0.0, "{together} together: {difference}");
        let counts = pipeline.snapshot().classes[1].counts;
        assert_eq!((counts.granted, counts.finished), (runs, runs), "{together} together");
    }
}

#[tokio::test]
async fn what_concerns_one_person_is_told_of_this_one_alone() {
    let nowhere = BoundingBox { x1: 9000.0, y1: 0.0, x2: 9100.0, y2: 100.0 };
    let somewhere = BoundingBox { x1: 100.0, y1: 50.0, x2: 400.0, y2: 500.0 };
    let selection = select([somewhere, nowhere, somewhere]);
    let pipeline = builder(4).build().await.unwrap();
    let (progress, events) = Progress::channel();
    let options = CutOutOptions::default();
    let told = pipeline.with(Context { progress, ..Context::default() });
    let cut = told.cut_out(&photo(), &selection, &options).await.unwrap();
    drop(told);
    let codes = cut.iter().map(|p| (p.person_id, p.result.as_ref().err().map(|e| e.code())));
    let outside = Some(cut[1].result.as_ref().unwrap_err().code());
    assert_eq!(codes.collect::<Vec<_>>(), [(3, None), (4, outside), (5, None)]);
    let mut events: Vec<Event> = events.collect().await;
    let queued = |event: &Event| matches!(event.step, Step::Queued { .. });
    events.retain(|event| event.stage != Stage::Model && !queued(event));
    assert!(events.iter().all(|event| event.stage == Stage::Segmentation), "{events:?}");
    for id in [3, 4, 5] {
        let steps: Vec<_> = events.iter().filter(|e| e.person_id == Some(id)).collect();
        let [Event { step: Step::Started, .. }, Event { step, .. }] = steps[..] else {
            panic!("{steps:?}")
        };
        assert_eq!(matches!(step, Step::Finished { .. }), id != 4, "{id}: {step:?}");
        assert_eq!(matches!(step, Step::Failed { .. }), id == 4, "{id}: {step:?}");
    }
    assert_eq!(events.len(), 6);
    assert_eq!(pipeline.snapshot().classes[1].counts.finished, 1);
}

#[tokio::test]
async fn each_person_counts_against_the_bound_of_the_queue() {
    // One starts at once, two may wait.
    let policy = Policy { waiting: 2, ..Policy::standard() };
    let pipeline = builder(5).policy(policy).build().await.unwrap();
    let cut = cut(&pipeline, &persons(5)).await;
    let busy = cut.iter().filter(|(_, r)| r.as_ref().err() == Some(&Code::ServiceBusy)).count();
    assert_eq!((busy, cut.len()), (2, 5), "{:?}", cut.iter().map(|(id, _)| id));
    let order: Vec<_> = cut.iter().map(|(id, _)| *id).collect();
    assert_eq!(order, [3, 4, 5, 6, 7]);
    assert_eq!(pipeline.snapshot().waiting, 0);
    let counts = pipeline.snapshot().classes[1].counts;
    assert_eq!((counts.granted, counts.refused), (1, 2));
}

#[tokio::test]
async fn a_group_is_given_up_in_time_and_leaves_nothing_behind() {
    let timeouts = Timeouts { segmentation: Duration::ZERO, ..Timeouts::default() };
    let pipeline = builder(3).timeouts(timeouts).build().await.unwrap();
    let cut = cut(&pipeline, &persons(4)).await;
    assert!(cut.iter().all(|(_, r)| r.as_ref().err() == Some(&Code::BirefnetTimeout)), "{cut:?}");
    pipeline.close(Duration::MAX).await;
    let snapshot = pipeline.snapshot();
    assert_eq!((snapshot.waiting, snapshot.classes[1].active), (0, 0));
}

#[tokio::test]
async fn who_drops_a_call_gives_its_places_back() {
    let policy = Policy { waiting: 3, ..Policy::standard() };
    let pipeline = builder(4).policy(policy).build().await.unwrap();
    let (photo, selection, options) = (photo(), persons(4), CutOutOptions::default());
    for pause in [0, 1, 5, 20, 80] {
        let call = pipeline.cut_out(&photo, &selection, &options);
        let _ = tokio::time::timeout(Duration::from_millis(pause), call).await;
    }
    let idle = async {
        while pipeline.snapshot().classes[1].active > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), idle).await.expect("a run does not end");
    let all = cut(&pipeline, &selection).await;
    assert!(all.iter().all(|(_, result)| result.is_ok()), "a place is still held");
}
