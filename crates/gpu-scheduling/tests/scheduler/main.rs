//! The scheduler with its threads and tokio, on devices that are plain values.
#![cfg(not(feature = "model"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod closing;
mod failures;
mod maintenance;

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use portrait_gpu_scheduling::{
    BIREFNET, Card, Class, DeviceId, DeviceSpec, DeviceState, Error, Failure, Policy, Priority,
    Readiness, Scheduler, YOLO, card_memory,
};

/// Not `Send`, as a device that belongs to its thread.
struct Device {
    number: usize,
    jobs: usize,
    _thread_bound: std::rc::Rc<()>,
}

fn scheduler(devices: usize) -> Scheduler<Device> {
    with_policy(Policy::standard(), devices)
}

fn with_policy(policy: Policy, devices: usize) -> Scheduler<Device> {
    let mut builder = Scheduler::builder().policy(policy);
    for number in 0..devices {
        builder = builder.device(DeviceSpec::new(format!("gpu:{number}"), 16 << 30), move || {
            Ok(Device { number, jobs: 0, _thread_bound: std::rc::Rc::default() })
        });
    }
    builder.build().unwrap()
}

/// Everything back as it was: nothing waits, runs or is leased.
fn assert_free<D: 'static>(scheduler: &Scheduler<D>) {
    let now = scheduler.snapshot();
    assert_eq!(now.waiting, 0);
    assert!(now.classes.iter().all(|c| c.active == 0 && c.waiting == 0), "{now:?}");
    assert!(now.devices.iter().all(|d| d.memory_leased == 0 && d.reserved_for.is_none()));
}

#[tokio::test]
async fn a_job_runs_on_its_devices_thread_and_keeps_its_state() {
    let scheduler = scheduler(1);
    assert_eq!(scheduler.readiness(), [Readiness::Cold]);
    for expected in 1..=3 {
        let lease = scheduler.lease(YOLO).await.unwrap();
        assert_eq!(lease.device_name(), "gpu:0");
        let (jobs, thread) = lease
            .run(|device| {
                device.jobs += 1;
                Ok((device.jobs, std::thread::current().name().map(str::to_owned)))
            })
            .await
            .unwrap();
        assert_eq!((jobs, thread.as_deref()), (expected, Some("device gpu:0")));
    }
    assert_eq!(scheduler.readiness(), [Readiness::Ready]);
    assert_free(&scheduler);
    let error = scheduler.lease("none").await.unwrap_err();
    assert!(matches!(error, Error::UnknownClass(_)), "{error}");
}

#[tokio::test]
async fn a_hundred_acquirers_of_one_device_hold_it_one_at_a_time() {
    let scheduler = scheduler(1);
    let holders = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (scheduler, holders) = (scheduler.clone(), holders.clone());
            tokio::spawn(async move {
                let lease = scheduler.lease(BIREFNET).await.unwrap();
                assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                tokio::task::yield_now().await;
                assert_eq!(holders.fetch_sub(1, Ordering::SeqCst), 1);
                lease.run(|device| Ok(device.number)).await.unwrap()
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), 0);
    }
    assert_eq!(scheduler.snapshot().classes[1].counts.finished, 100);
    assert_free(&scheduler);
}

#[tokio::test]
async fn a_yolo_holder_and_a_birefnet_waiter_do_not_lock_each_other() {
    let scheduler = scheduler(1);
    let yolo = scheduler.lease(YOLO).await.unwrap();
    let waiter = {
        let scheduler = scheduler.clone();
        tokio::spawn(async move { scheduler.lease(BIREFNET).await.unwrap().device() })
    };
    tokio::task::yield_now().await;
    assert_eq!(scheduler.snapshot().classes[1].waiting, 1, "and it can be seen");
    drop(yolo);
    assert_eq!(waiter.await.unwrap(), DeviceId(0));
    assert_free(&scheduler);
}

#[tokio::test]
async fn one_birefnet_gets_through_a_steady_stream_of_yolo() {
    let scheduler = scheduler(1);
    let stop = Arc::new(AtomicBool::new(false));
    let streams: Vec<_> = (0..6)
        .map(|i| {
            let (scheduler, stop) = (scheduler.clone(), stop.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let lease = scheduler.lease(YOLO).flow(format!("{i}")).await.unwrap();
                    tokio::task::yield_now().await;
                    lease.run(|_| Ok(())).await.unwrap();
                }
            })
        })
        .collect();
    let twenty = async {
        for _ in 0..20 {
            let lease = scheduler.lease(BIREFNET).flow("big").await.unwrap();
            lease.run(|_| Ok(())).await.unwrap();
        }
    };
    let served = tokio::time::timeout(Duration::from_secs(60), twenty).await;
    served.expect("a run starves behind the stream");
    stop.store(true, Ordering::Relaxed);
    for stream in streams {
        stream.await.unwrap();
    }
    assert_free(&scheduler);
}

#[tokio::test]
async fn no_limit_is_too_long_and_none_is_too_short() {
    let scheduler = scheduler(1);
    for within in [Duration::MAX, Duration::from_secs(u64::MAX / 2), Duration::ZERO] {
        let lease = scheduler.lease(BIREFNET).deadline(within).await.unwrap();
        lease.run(|_| Ok(())).await.unwrap();
    }
    let held = scheduler.lease(BIREFNET).await.unwrap();
    let error = scheduler.lease(BIREFNET).deadline(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, Error::Deadline { .. }), "{error}");
    let (waited, ()) =
        tokio::join!(scheduler.lease(YOLO).deadline(Duration::MAX).into_future(), async {
            tokio::task::yield_now().await;
            drop(held);
        });
    drop(waited.unwrap());
    assert_free(&scheduler);
}

#[tokio::test]
async fn a_job_behind_others_on_its_device_does_not_start_after_its_deadline() {
    let scheduler = with_policy(Policy::by_memory(), 1);
    let within = Duration::from_millis(20);
    let first = scheduler.lease(BIREFNET).deadline(within).await.unwrap();
    let second = scheduler.lease(BIREFNET).deadline(within).await.unwrap();
    let slow = first.run(|_| {
        std::thread::sleep(Duration::from_millis(60));
        Ok(())
    });
    let late = second.run(|_| -> Result<(), Failure> { panic!("ran after its deadline") });
    let (slow, late) = tokio::join!(slow, late);
    slow.unwrap();
    assert!(matches!(late, Err(Error::Deadline { .. })), "{late:?}");
    assert_eq!(scheduler.snapshot().classes[1].counts.expired, 1);
    assert_free(&scheduler);
}

#[tokio::test]
async fn a_place_is_kept_while_a_request_is_prepared() {
    let policy = Policy { waiting: 1, ..Policy::standard() };
    let scheduler = with_policy(policy, 1);
    let held = scheduler.lease(BIREFNET).await.unwrap();
    let place = scheduler.reserve(BIREFNET, "a").unwrap();
    assert!(matches!(scheduler.reserve(BIREFNET, "b"), Err(Error::Full { .. })));
    assert!(matches!(scheduler.lease(BIREFNET).await, Err(Error::Full { .. })));
    let kept = scheduler.lease(BIREFNET).flow("a").place(place);
    let (kept, ()) = tokio::join!(kept.into_future(), async {
        tokio::task::yield_now().await;
        drop(held);
    });
    kept.unwrap().run(|_| Ok(())).await.unwrap();
    drop(scheduler.reserve(BIREFNET, "b").unwrap());
    assert_free(&scheduler);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_wait_and_not_before() {
    let scheduler = scheduler(1);
    let held = scheduler.lease(BIREFNET).await.unwrap();
    let start = tokio::time::Instant::now();
    let error = scheduler.lease(YOLO).deadline(Duration::from_secs(30)).await.unwrap_err();
    assert!(matches!(error, Error::Deadline { .. }), "{error}");
    let waited = start.elapsed();
    let second = Duration::from_secs(1);
    assert!(waited >= 30 * second && waited < 31 * second, "{waited:?}");
    assert_eq!(scheduler.snapshot().classes[0].counts.expired, 1);
    let in_time = tokio::join!(
        async { scheduler.lease(YOLO).deadline(Duration::from_secs(30)).await.map(drop) },
        async {
            tokio::time::sleep(Duration::from_secs(29)).await;
            drop(held);
        }
    );
    in_time.0.unwrap();
    assert_free(&scheduler);
}

#[tokio::test]
async fn a_dropped_waiter_never_runs_and_holds_up_nobody() {
    let scheduler = scheduler(1);
    let held = scheduler.lease(BIREFNET).await.unwrap();
    let waiter = {
        let scheduler = scheduler.clone();
        tokio::spawn(async move {
            let lease = scheduler.lease(BIREFNET).await.unwrap();
            lease.run(|_| -> Result<(), Failure> { panic!("ran after it was dropped") }).await
        })
    };
    tokio::task::yield_now().await;
    assert_eq!(scheduler.snapshot().waiting, 1);
    waiter.abort();
    assert!(waiter.await.unwrap_err().is_cancelled());
    assert_eq!(scheduler.snapshot().waiting, 0);
    drop(held);
    scheduler.lease(BIREFNET).await.unwrap().run(|_| Ok(())).await.unwrap();
    assert_eq!(scheduler.snapshot().classes[1].counts.cancelled, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancels_that_race_with_releases_leak_nothing() {
    let scheduler = scheduler(2);
    let tasks: Vec<_> = (0..400)
        .map(|i| {
            let scheduler = scheduler.clone();
            tokio::spawn(async move {
                let class = if i % 3 == 0 { BIREFNET } else { YOLO };
                let lease = scheduler.lease(class).flow(format!("{}", i % 5)).await.unwrap();
                lease.run(|_| Ok(())).await.unwrap();
            })
        })
        .collect();
    for (i, task) in tasks.iter().enumerate() {
        if i % 2 == 0 {
            tokio::task::yield_now().await;
            task.abort();
        }
    }
    for (i, task) in tasks.into_iter().enumerate() {
        let ended = task.await;
        assert!(i % 2 == 0 || ended.is_ok());
    }
    scheduler.close().await;
    assert_free(&scheduler);
}

#[tokio::test]
async fn a_job_whose_caller_left_is_finished_before_the_next_one_starts() {
    let scheduler = scheduler(1);
    let (started, begun) = tokio::sync::oneshot::channel();
    let (go, gate) = mpsc::channel::<()>();
    let finished = Arc::new(AtomicBool::new(false));
    let caller = {
        let (scheduler, finished) = (scheduler.clone(), finished.clone());
        let mut started = Some(started);
        tokio::spawn(async move {
            let lease = scheduler.lease(BIREFNET).await.unwrap();
            lease
                .run(move |_| {
                    started.take().unwrap().send(()).unwrap();
                    gate.recv().unwrap();
                    finished.store(true, Ordering::SeqCst);
                    Ok(())
                })
                .await
        })
    };
    begun.await.unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    assert_eq!(scheduler.snapshot().classes[1].active, 1, "the job holds its lease");
    let next = {
        let (scheduler, finished) = (scheduler.clone(), finished.clone());
        tokio::spawn(async move {
            let lease = scheduler.lease(BIREFNET).await.unwrap();
            assert!(finished.load(Ordering::SeqCst));
            lease.run(|_| Ok(())).await
        })
    };
    tokio::task::yield_now().await;
    go.send(()).unwrap();
    next.await.unwrap().unwrap();
    assert_free(&scheduler);
}

#[tokio::test]
async fn a_job_that_has_not_begun_is_skipped_when_its_caller_leaves() {
    let scheduler = scheduler(1);
    let (go, gate) = mpsc::channel::<()>();
    let first = scheduler.lease(YOLO).await.unwrap();
    let second = scheduler.lease(YOLO).await.unwrap();
    let first = tokio::spawn(first.run(move |_| Ok(gate.recv()?)));
    let ran = Arc::new(AtomicBool::new(false));
    let second = {
        let ran = ran.clone();
        tokio::spawn(second.run(move |_| {
            ran.store(true, Ordering::SeqCst);
            Ok(())
        }))
    };
    tokio::task::yield_now().await;
    second.abort();
    assert!(second.await.unwrap_err().is_cancelled());
    go.send(()).unwrap();
    first.await.unwrap().unwrap();
    scheduler.close().await;
    assert!(!ran.load(Ordering::SeqCst));
    assert_free(&scheduler);
}

#[tokio::test]
async fn a_card_that_nobody_can_tell_of_is_left_out() {
    let cards = [Card::Index(0), Card::Uuid("GPU-none".into()), Card::PciBusId("none".into())];
    let mut builder = Scheduler::builder();
    for card in &cards {
        let spec = DeviceSpec::new(format!("{card:?}"), 1 << 30).on_card(card.clone());
        builder = builder.device(spec, || Ok(()));
    }
    let scheduler = builder.build().unwrap();
    let devices = scheduler.snapshot().devices;
    assert_eq!((devices[1].card.as_ref(), devices[2].card.as_ref()), (None, None));
    // Where there is a driver it tells of its first card.
    let driver = cfg!(feature = "nvml") && std::path::Path::new("/proc/driver/nvidia").exists();
    assert_eq!(devices[0].card.is_some(), driver);
    assert_eq!(card_memory(&cards[0]).is_some(), driver);
    scheduler.lease(YOLO).await.unwrap().run(|()| Ok(())).await.unwrap();
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let mut policy = Policy::standard();
    policy.waiting = 1;
    let scheduler = with_policy(policy, 1);
    let held = scheduler.lease(BIREFNET).await.unwrap();
    let waiter = {
        let scheduler = scheduler.clone();
        tokio::spawn(async move { scheduler.lease(BIREFNET).await.map(drop) })
    };
    tokio::task::yield_now().await;
    let error = scheduler.lease(BIREFNET).priority(Priority::High).await.unwrap_err();
    let Error::Full { retry_after, .. } = error else { panic!("{error}") };
    assert!(retry_after >= Duration::from_millis(200), "{retry_after:?}");
    drop(held);
    waiter.await.unwrap().unwrap();
    assert_eq!(scheduler.snapshot().classes[1].counts.refused, 1);
}
