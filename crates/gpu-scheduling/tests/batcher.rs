//! Batches: who waits for whom, and who gets which answer.
#![cfg(not(feature = "model"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use portrait_gpu_scheduling::{
    BIREFNET, Batcher, BatcherSettings, DeviceSpec, Error, Failure, Scheduler,
};

type Log = Arc<Mutex<Vec<(u32, usize)>>>;

/// A batcher that doubles numbers and notes key and size of each batch.
fn doubling(settings: BatcherSettings) -> (Scheduler<()>, Batcher<(), u32, i32, i32>, Log) {
    let scheduler =
        Scheduler::builder().device(DeviceSpec::new("cpu", 1 << 30), || Ok(())).build().unwrap();
    let log = Log::default();
    let noted = log.clone();
    let run = move |_: &mut (), key: &u32, inputs: &[i32]| {
        noted.lock().unwrap().push((*key, inputs.len()));
        if inputs.contains(&-1) {
            return Err(Failure::from(std::fmt::Error));
        }
        assert!(!inputs.contains(&-2), "a bad input");
        Ok(inputs.iter().map(|i| 2 * i).collect())
    };
    let batcher = Batcher::new(scheduler.clone(), BIREFNET, settings, run).unwrap();
    (scheduler, batcher, log)
}

fn settings(size: usize, delay: Duration) -> BatcherSettings {
    BatcherSettings { size, delay }
}

#[tokio::test(start_paused = true)]
async fn a_lone_request_on_an_idle_device_waits_for_nobody() {
    let (_scheduler, batcher, log) = doubling(settings(8, Duration::from_secs(3600)));
    let start = tokio::time::Instant::now();
    assert_eq!(batcher.submit(1, 21).await.unwrap(), 42);
    assert!(start.elapsed() < Duration::from_secs(3600));
    assert_eq!(*log.lock().unwrap(), [(1, 1)]);
}

#[tokio::test]
async fn requests_gather_while_the_device_is_busy_and_each_gets_its_own_answer() {
    let (scheduler, batcher, log) = doubling(settings(4, Duration::from_secs(3600)));
    let held = scheduler.lease(BIREFNET).await.unwrap();
    let submit = |key, input| {
        let batcher = batcher.clone();
        tokio::spawn(async move { batcher.submit(key, input).await })
    };
    let mut waiting: Vec<_> = (0..6).map(|i| (i, submit(1, i))).collect();
    waiting.extend((100..103).map(|i| (i, submit(2, i))));
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    drop(held);
    for (input, answer) in waiting {
        assert_eq!(answer.await.unwrap().unwrap(), 2 * input);
    }
    let mut batches = log.lock().unwrap().clone();
    batches.sort_unstable();
    assert_eq!(batches, [(1, 2), (1, 4), (2, 3)], "by key, and up to four");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_does_not_fill_up_queues_after_the_delay() {
    let (scheduler, batcher, _) = doubling(settings(4, Duration::from_secs(10)));
    let held = scheduler.lease(BIREFNET).await.unwrap();
    let answer = {
        let batcher = batcher.clone();
        tokio::spawn(async move { batcher.submit(1, 1).await })
    };
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(scheduler.snapshot().waiting, 0);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(scheduler.snapshot().waiting, 1);
    drop(held);
    assert_eq!(answer.await.unwrap().unwrap(), 2);
}

#[tokio::test]
async fn an_error_or_a_panic_reaches_every_caller_of_its_batch_and_no_other() {
    let (scheduler, batcher, _) = doubling(settings(2, Duration::from_secs(3600)));
    let held = scheduler.lease(BIREFNET).await.unwrap();
    let submit = |input| {
        let batcher = batcher.clone();
        tokio::spawn(async move { batcher.submit(1, input).await })
    };
    let answers: Vec<_> = [5, -1, 6, -2, 7, 8].into_iter().map(submit).collect();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    drop(held);
    let mut results = Vec::new();
    for answer in answers {
        results.push(answer.await.unwrap());
    }
    assert!(matches!(results[0], Err(Error::Job(_))) && matches!(results[1], Err(Error::Job(_))));
    assert!(results[2..4].iter().all(|r| matches!(r, Err(Error::Panicked { .. }))));
    assert_eq!((results[4].as_ref().unwrap(), results[5].as_ref().unwrap()), (&14, &16));
}

#[tokio::test]
async fn a_caller_that_left_is_left_out() {
    let (scheduler, batcher, log) = doubling(settings(4, Duration::from_secs(3600)));
    let held = scheduler.lease(BIREFNET).await.unwrap();
    let submit = |input| {
        let batcher = batcher.clone();
        tokio::spawn(async move { batcher.submit(1, input).await })
    };
    let (stays, leaves) = (submit(1), submit(-1));
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    leaves.abort();
    assert!(leaves.await.unwrap_err().is_cancelled());
    drop(held);
    assert_eq!(stays.await.unwrap().unwrap(), 2);
    assert_eq!(*log.lock().unwrap(), [(1, 1)]);
}
