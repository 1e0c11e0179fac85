//! Batches: who waits for whom, and who gets which answer.
#![cfg(not(feature = "model"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use portrait_gpu_scheduling::{
    BIREFNET, BatchRequest, Batcher, BatcherSettings, DeviceSpec, Error, Failure, Policy, Priority,
    Scheduler,
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

#[tokio::test(start_paused = true)]
async fn the_time_to_wait_ends_when_the_batch_has_a_device() {
    let (scheduler, batcher, log) = doubling(settings(4, Duration::ZERO));
    let within = |seconds| BatchRequest {
        max_wait: Some(Duration::from_secs(seconds)),
        ..BatchRequest::default()
    };
    let held = scheduler.lease(BIREFNET).await.unwrap();
    let (late, in_time, ()) = tokio::join!(
        batcher.submit_for(within(5), 1, 1),
        batcher.submit_for(within(20), 1, 2),
        async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            drop(held);
        }
    );
    assert!(matches!(late, Err(Error::Deadline { .. })), "{late:?}");
    assert_eq!(in_time.unwrap(), 4);
    assert_eq!(*log.lock().unwrap(), [(1, 1)]);
}

#[tokio::test]
async fn the_time_to_wait_is_not_for_the_run() {
    let device = DeviceSpec::new("cpu", 1 << 30);
    let scheduler = Scheduler::builder().device(device, || Ok(())).build().unwrap();
    let run = |(): &mut (), (): &(), _: &[()]| {
        std::thread::sleep(Duration::from_millis(200));
        Ok(vec![()])
    };
    let batcher = Batcher::new(scheduler, BIREFNET, settings(1, Duration::ZERO), run).unwrap();
    let max_wait = Some(Duration::from_millis(100));
    let request = BatchRequest { max_wait, ..BatchRequest::default() };
    batcher.submit_for(request, (), ()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_callers_have_all_gone_leaves_the_queue() {
    let policy = Policy { waiting: 1, ..Policy::standard() };
    let device = DeviceSpec::new("cpu", 1 << 30);
    let scheduler = Scheduler::builder().policy(policy).device(device, || Ok(())).build().unwrap();
    let settings = settings(4, Duration::ZERO);
    let run = |(): &mut (), (): &(), _: &[()]| -> Result<Vec<()>, Failure> { panic!("it ran") };
    let batcher = Batcher::new(scheduler.clone(), BIREFNET, settings, run).unwrap();
    let held = scheduler.lease(BIREFNET).await.unwrap();
    let place = scheduler.reserve(BIREFNET, "").unwrap();
    let request = BatchRequest { place: Some(place), ..BatchRequest::default() };
    let (batcher, other) = (batcher.clone(), batcher);
    let leaving = [
        tokio::spawn(async move { batcher.submit_for(request, (), ()).await }),
        tokio::spawn(async move { other.submit((), ()).await }),
    ];
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(scheduler.snapshot().waiting, 1);
    for caller in &leaving {
        caller.abort();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(scheduler.snapshot().waiting, 0);
    drop(scheduler.reserve(BIREFNET, "").expect("its place is free again"));
    drop(held);
    scheduler.close().await;
}

#[tokio::test]
async fn an_urgent_request_joins_no_batch_that_may_wait() {
    let (scheduler, batcher, log) = doubling(settings(8, Duration::ZERO));
    let held = scheduler.lease(BIREFNET).await.unwrap();
    let submit = |priority, input| {
        let batcher = batcher.clone();
        let request = BatchRequest { priority, ..BatchRequest::default() };
        tokio::spawn(async move { batcher.submit_for(request, 1, input).await })
    };
    let low = [submit(Priority::Low, 1), submit(Priority::Low, 2), submit(Priority::Low, 3)];
    while scheduler.snapshot().waiting < 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let high = submit(Priority::High, 4);
    let second = async {
        while scheduler.snapshot().waiting < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), second).await.expect("a batch of its own");
    drop(held);
    assert_eq!(high.await.unwrap().unwrap(), 8);
    for answer in low {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(*log.lock().unwrap(), [(1, 1), (1, 3)], "the urgent one first, and alone");
}

#[tokio::test]
async fn a_batch_of_failures_is_not_taken_for_a_run() {
    let device = DeviceSpec::new("cpu", 1 << 30);
    let scheduler = Scheduler::builder().device(device, || Ok(())).build().unwrap();
    let run = |(): &mut (), (): &(), inputs: &[i32]| {
        Ok(inputs.iter().map(|i| u32::try_from(*i)).collect::<Vec<_>>())
    };
    let settings = settings(1, Duration::ZERO);
    let batcher =
        Batcher::counting(scheduler.clone(), BIREFNET, settings, run, Result::is_ok).unwrap();
    let guess = scheduler.snapshot().classes[1].expected_run_time;
    for input in [-1, -2, -3] {
        batcher.submit((), input).await.unwrap().unwrap_err();
    }
    let class = &scheduler.snapshot().classes[1];
    assert_eq!((class.counts.finished, class.counts.failed), (0, 3));
    assert_eq!(class.expected_run_time, guess);
    assert_eq!(batcher.submit((), 7).await.unwrap(), Ok(7));
    assert_eq!(scheduler.snapshot().classes[1].counts.finished, 1);
}
