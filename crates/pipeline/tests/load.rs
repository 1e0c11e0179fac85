//! Fifty callers at once on the CPU, with the models that are part of the program.
//!
//! A program of its own, for it watches the memory of the process.

#![cfg(feature = "starter-models")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![allow(clippy::print_stderr, reason = "the figures of a campaign")]

use futures::future::join_all;
use image::{DynamicImage, ImageFormat, imageops::FilterType};
use portrait_pipeline::{
    Batching, Code, Context, Detection, Error, Photo, Pipeline, Policy, Request,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::io::Cursor;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

const CALLERS: usize = 50;
/// Rounds of fifty calls until each thread has the memory that is kept for it.
const WARM_UP: usize = 3;
/// Rounds in all; `PIPELINE_LOAD_ROUNDS` makes it a campaign.
const ROUNDS: usize = 9;
/// What lives on the heap may grow by this, from the end of the warm-up to the end of the last round:
/// less than if each of the 300 calls between them left 7 kB behind.
const HEAP_GROWTH: usize = 2 << 20;
/// What the memory of the process may grow by. It is wider, for the C library keeps freed memory for
/// each thread, and takes its time to find out how much.
const RESIDENT_GROWTH: usize = 128 << 20;

/// Counts what lives on the heap.
#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The tests of this file share the cores, so one goes after the other.
static TURN: Mutex<()> = Mutex::const_new(());

/// Small photos of one person, all different.
fn photos() -> Vec<Photo> {
    let file = portrait_test_support::repository_root().join("examples/photos/grace_hopper.jpg");
    let photo = image::load_from_memory(&std::fs::read(file).unwrap()).unwrap();
    let small = photo.resize_exact(256, 300, FilterType::Triangle);
    let variants = [
        small.clone(),
        small.fliph(),
        small.brighten(25),
        small.adjust_contrast(-15.0),
        small.resize_exact(220, 260, FilterType::Triangle),
    ];
    let encode = |photo: DynamicImage| {
        let mut bytes = Cursor::new(Vec::new());
        photo.write_to(&mut bytes, ImageFormat::Png).unwrap();
        Photo::decode(bytes.into_inner()).unwrap()
    };
    variants.into_iter().map(encode).collect()
}

/// What a caller gets: boxes and pictures.
#[derive(Debug, Clone, PartialEq)]
struct Answer {
    persons: Vec<Detection>,
    pictures: Vec<bytes::Bytes>,
}

async fn ask(pipeline: &Pipeline, photo: &Photo) -> Result<Answer, Error> {
    let mut request = Request::new(photo.clone());
    request.detect.confidence = 0.1;
    request.detect.image_size = Some(320);
    let outcome = pipeline.run(request).await?;
    let persons = outcome.detections.persons;
    let pictures: Result<Vec<_>, Error> =
        outcome.cut_outs.into_iter().map(|person| Ok::<_, Error>(person.result?.png)).collect();
    Ok(Answer { persons, pictures: pictures? })
}

async fn sequential(pipeline: &Pipeline, photos: &[Photo]) -> Vec<Answer> {
    let mut answers = Vec::new();
    for photo in photos {
        answers.push(ask(pipeline, photo).await.unwrap());
    }
    assert!(answers.iter().all(|answer| !answer.pictures.is_empty()));
    answers
}

async fn all_at_once(pipeline: &Pipeline, photos: &[Photo]) -> Vec<Result<Answer, Error>> {
    let callers = (0..CALLERS).map(|caller| {
        let flow = Some(format!("caller {}", caller % 7).into());
        let pipeline = pipeline.with(Context { flow, ..Context::default() });
        let photo = photos[caller % photos.len()].clone();
        tokio::spawn(async move { ask(&pipeline, &photo).await })
    });
    join_all(callers).await.into_iter().map(|caller| caller.unwrap()).collect()
}

/// Bytes that live on the heap.
fn living() -> usize {
    let counts = HEAP.stats();
    counts.bytes_allocated - counts.bytes_deallocated
}

/// Panics if what was read after each round grew by more than `limit` bytes after the warm-up.
fn assert_flat(what: &str, bytes: &[usize], limit: usize) {
    let kilobytes: Vec<usize> = bytes.iter().map(|bytes| bytes >> 10).collect();
    eprintln!("{what} after each {CALLERS} calls: {kilobytes:?} KiB");
    if let Some([warm, .., last]) = bytes.get(WARM_UP - 1..) {
        assert!(*last <= *warm + limit, "{what} grows: {kilobytes:?} KiB");
    }
}

/// Resident memory of this process in bytes; `None` where the system does not tell.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()? * 1024)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_callers_get_what_one_gets_in_flat_memory() {
    let _turn = TURN.lock().await;
    let photos = photos();
    let pipeline = Pipeline::builder().build().await.unwrap();
    let expected = sequential(&pipeline, &photos).await;
    let (mut heap, mut memory) = (Vec::new(), Vec::new());
    let rounds = std::env::var("PIPELINE_LOAD_ROUNDS").map_or(ROUNDS, |n| n.parse().unwrap());
    for _ in 0..rounds {
        for (caller, answer) in all_at_once(&pipeline, &photos).await.into_iter().enumerate() {
            assert_eq!(answer.unwrap(), expected[caller % photos.len()], "caller {caller}");
        }
        heap.push(living());
        memory.extend(resident());
    }
    let snapshot = pipeline.snapshot();
    assert_eq!(snapshot.waiting, 0);
    assert!(snapshot.classes.iter().all(|class| class.active == 0));
    let finished = snapshot.classes.iter().map(|class| class.counts.finished).min();
    assert!(finished >= Some((rounds * CALLERS) as u64));
    assert_flat("the heap", &heap, HEAP_GROWTH);
    assert_flat("the process", &memory, RESIDENT_GROWTH);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_little_room_callers_are_refused_honestly_and_served_when_they_come_back() {
    let _turn = TURN.lock().await;
    let photos = photos();
    let policy = Policy { waiting: 3, ..Policy::standard() };
    let pipeline = Pipeline::builder().policy(policy).build().await.unwrap();
    let expected = sequential(&pipeline, &photos).await;
    let mut refused = 0;
    for (caller, answer) in all_at_once(&pipeline, &photos).await.into_iter().enumerate() {
        match answer {
            Ok(answer) => assert_eq!(answer, expected[caller % photos.len()], "caller {caller}"),
            Err(error) => {
                assert_eq!(error.code(), Code::ServiceBusy, "{error}");
                assert!(error.retry_after().is_some_and(|after| !after.is_zero()), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
    let told: u64 = pipeline.snapshot().classes.iter().map(|class| class.counts.refused).sum();
    // Of a photo with several persons, several may have been.
    assert!(told >= refused, "{told} of {refused}");
    // Who comes back after the time that was told is served in the end.
    let patient = (0..8).map(|caller| {
        let (pipeline, photo) = (pipeline.clone(), photos[caller % photos.len()].clone());
        tokio::spawn(async move {
            loop {
                match ask(&pipeline, &photo).await {
                    Ok(answer) => return answer,
                    Err(error) => tokio::time::sleep(error.retry_after().unwrap()).await,
                }
            }
        })
    });
    let patient = tokio::time::timeout(Duration::from_secs(300), join_all(patient)).await.unwrap();
    for (caller, answer) in patient.into_iter().enumerate() {
        assert_eq!(answer.unwrap(), expected[caller % photos.len()]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_change_no_answer() {
    let _turn = TURN.lock().await;
    let photos = photos();
    let pipeline = Pipeline::builder().build().await.unwrap();
    let expected = sequential(&pipeline, &photos).await;
    let batching = Batching { detection: 4, ..Batching::default() };
    let pipeline = Pipeline::builder().batching(batching).build().await.unwrap();
    for (caller, answer) in all_at_once(&pipeline, &photos).await.into_iter().enumerate() {
        assert_eq!(answer.unwrap(), expected[caller % photos.len()], "caller {caller}");
    }
    let runs = pipeline.snapshot().classes[0].counts.finished;
    assert!(runs < CALLERS as u64, "{runs} runs for {CALLERS} photos");
}

/// On a runtime of one thread nothing else would happen if the pipeline blocked it.
#[tokio::test]
async fn the_runtime_is_never_blocked() {
    let _turn = TURN.lock().await;
    let photo = photos().swap_remove(0);
    let pipeline = Pipeline::builder().build().await.unwrap();
    ask(&pipeline, &photo).await.unwrap();
    let mut gaps = Vec::new();
    // The machine may be busy with others: the best of several attempts counts.
    for _ in 0..5 {
        let (work, mut longest, mut last) =
            (ask(&pipeline, &photo), Duration::ZERO, Instant::now());
        let begun = last;
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                answer = &mut work => break drop(answer.unwrap()),
                () = tokio::task::yield_now() => {}
            }
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
        gaps.push(longest.as_secs_f64() / begun.elapsed().as_secs_f64());
    }
    let best = gaps.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(best < 0.2, "blocked for these parts of a call: {gaps:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_finishes_what_is_under_way_and_refuses_what_comes() {
    let _turn = TURN.lock().await;
    let photos = photos();
    let pipeline = Pipeline::builder().build().await.unwrap();
    pipeline.warm_up().await.unwrap();
    let under_way: Vec<_> = (0..6)
        .map(|caller| {
            let (pipeline, photo) = (pipeline.clone(), photos[caller % photos.len()].clone());
            tokio::spawn(async move { ask(&pipeline, &photo).await })
        })
        .collect();
    while pipeline.snapshot().classes[0].counts.granted == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    pipeline.close(Duration::MAX).await;
    for caller in under_way {
        // Those that had not begun when the door closed were refused.
        if let Err(error) = caller.await.unwrap() {
            assert_eq!(error.code(), Code::ServiceClosing, "{error}");
        }
    }
    let error = ask(&pipeline, &photos[0]).await.unwrap_err();
    assert_eq!(error.code(), Code::ServiceClosing);
    let found = pipeline.detect(&photos[0], &Default::default()).await;
    assert_eq!(found.unwrap_err().code(), Code::ServiceClosing);
    assert!(pipeline.snapshot().closing);
}
