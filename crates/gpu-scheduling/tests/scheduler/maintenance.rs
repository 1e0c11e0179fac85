//! Devices that are taken out and brought back, and what is done with idle ones.

use super::*;

/// A device that is counted while it is open; opening it fails while `broken`.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Cards {
    scheduler: Scheduler<Counted>,
    open: Vec<Arc<AtomicUsize>>,
    broken: Arc<AtomicBool>,
}

fn cards(count: usize) -> Cards {
    let broken = Arc::new(AtomicBool::new(false));
    let open: Vec<_> = (0..count).map(|_| Arc::new(AtomicUsize::new(0))).collect();
    let mut builder = Scheduler::builder();
    for (number, open) in open.iter().cloned().enumerate() {
        let broken = broken.clone();
        builder = builder.device(DeviceSpec::new(format!("gpu:{number}"), 1 << 30), move || {
            if broken.load(Ordering::SeqCst) {
                return Err(Failure::device_lost(std::io::Error::other("in the repair shop")));
            }
            open.fetch_add(1, Ordering::SeqCst);
            Ok(Counted(open.clone()))
        });
    }
    Cards { scheduler: builder.build().unwrap(), open, broken }
}

impl Cards {
    fn open(&self) -> Vec<usize> {
        self.open.iter().map(|open| open.load(Ordering::SeqCst)).collect()
    }

    fn states(&self) -> Vec<DeviceState> {
        self.scheduler.snapshot().devices.iter().map(|device| device.state).collect()
    }
}

#[tokio::test]
async fn a_drained_device_finishes_its_leases_is_dropped_and_comes_back() {
    let cards = cards(2);
    let scheduler = &cards.scheduler;
    scheduler.warm_up(|_| Ok(())).await.unwrap();
    let lease = scheduler.lease(BIREFNET).await.unwrap();
    let (device, other) = (lease.device(), DeviceId(1 - lease.device().0));
    let drain = {
        let scheduler = scheduler.clone();
        tokio::spawn(async move { scheduler.drain(device).await })
    };
    while cards.states()[device.0] != DeviceState::Draining {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        assert_eq!(scheduler.lease(BIREFNET).await.unwrap().device(), other, "no new work");
    }
    assert!(!drain.is_finished(), "a lease is held");
    lease.run(|_| Ok(())).await.unwrap();
    drain.await.unwrap().unwrap();
    assert_eq!((cards.open[device.0].load(Ordering::SeqCst), cards.open().len()), (0, 2));
    let now = &scheduler.snapshot().devices[device.0];
    assert_eq!((now.state, now.readiness), (DeviceState::Draining, Some(Readiness::Cold)));
    assert!(now.classes.iter().all(|class| !class.resident));
    // It is not opened behind the operator's back.
    scheduler.warm_up(|_| Ok(())).await.unwrap();
    scheduler.open().await.unwrap();
    assert_eq!(cards.open[device.0].load(Ordering::SeqCst), 0);
    scheduler.drain(device).await.unwrap();

    scheduler.restore(device).await.unwrap();
    assert_eq!((cards.open(), cards.states()), (vec![1, 1], vec![DeviceState::Up; 2]));
    let elsewhere = scheduler.lease(BIREFNET).await.unwrap();
    assert_eq!(scheduler.lease(BIREFNET).await.unwrap().device(), device);
    drop(elsewhere);
    assert_free(scheduler);
}

#[tokio::test]
async fn a_device_that_cannot_be_opened_stays_out() {
    let cards = cards(1);
    let scheduler = &cards.scheduler;
    let lost = |_: &mut Counted| -> Result<(), _> {
        Err(Failure::device_lost(std::io::Error::other("fell off the bus")))
    };
    let error = scheduler.lease(YOLO).await.unwrap().run(lost).await.unwrap_err();
    assert!(matches!(error, Error::DeviceLost { .. }), "{error}");
    cards.broken.store(true, Ordering::SeqCst);
    let error = scheduler.restore(DeviceId(0)).await.unwrap_err();
    let Error::DeviceLost { source, .. } = error else { panic!("{error}") };
    assert_eq!(source.to_string(), "in the repair shop");
    assert_eq!(cards.states(), [DeviceState::Lost]);
    assert!(matches!(scheduler.lease(YOLO).await, Err(Error::NoDevice { .. })));

    cards.broken.store(false, Ordering::SeqCst);
    scheduler.restore(DeviceId(0)).await.unwrap();
    scheduler.restore(DeviceId(0)).await.unwrap();
    assert_eq!((cards.open(), cards.states()), (vec![1], vec![DeviceState::Up]));
    scheduler.lease(YOLO).await.unwrap().run(|_| Ok(())).await.unwrap();
}

#[tokio::test]
async fn a_drain_that_is_taken_back_leaves_the_device_open() {
    let cards = cards(1);
    let scheduler = &cards.scheduler;
    let lease = scheduler.lease(YOLO).await.unwrap();
    let lease = {
        let drain = scheduler.drain(DeviceId(0));
        tokio::pin!(drain);
        let brief = tokio::time::timeout(Duration::from_millis(5), &mut drain).await;
        assert!(brief.is_err(), "a lease is held");
        scheduler.restore(DeviceId(0)).await.unwrap();
        drain.await.unwrap();
        lease
    };
    lease.run(|_| Ok(())).await.unwrap();
    assert_eq!((cards.open(), cards.states()), (vec![1], vec![DeviceState::Up]));
}

#[tokio::test]
async fn who_waits_for_the_only_device_is_told_when_it_is_drained() {
    let cards = cards(1);
    let scheduler = &cards.scheduler;
    let lease = scheduler.lease(BIREFNET).await.unwrap();
    let waiting = {
        let scheduler = scheduler.clone();
        tokio::spawn(async move { scheduler.lease(BIREFNET).await.map(drop) })
    };
    while scheduler.snapshot().waiting == 0 {
        tokio::task::yield_now().await;
    }
    let (drained, waited, ()) =
        tokio::join!(scheduler.drain(DeviceId(0)), waiting, async move { drop(lease) });
    drained.unwrap();
    assert!(matches!(waited.unwrap(), Err(Error::NoDevice { .. })));
    assert_free(scheduler);
}

#[tokio::test]
async fn devices_go_by_their_names() {
    let cards = cards(2);
    let scheduler = &cards.scheduler;
    assert_eq!(scheduler.device("gpu:1").unwrap(), DeviceId(1));
    let error = scheduler.device("gpu:2").unwrap_err();
    assert!(matches!(&error, Error::UnknownDevice { known, .. } if known.len() == 2), "{error}");
    for error in [scheduler.drain(DeviceId(2)).await, scheduler.restore(DeviceId(2)).await] {
        assert!(matches!(error, Err(Error::UnknownDevice { .. })), "{error:?}");
    }
    scheduler.close().await;
    assert!(matches!(scheduler.drain(DeviceId(0)).await, Err(Error::Closed)));
    assert!(matches!(scheduler.restore(DeviceId(0)).await, Err(Error::Closed)));
}

#[tokio::test]
async fn an_idle_device_is_seen_to_once_after_each_job() {
    let calls = Arc::new(AtomicUsize::new(0));
    let (counted, after) = (calls.clone(), Duration::from_millis(100));
    let scheduler: Scheduler<(u32, u32)> = Scheduler::builder()
        .device(DeviceSpec::new("gpu:0", 1 << 30), || Ok((0, 0)))
        .when_idle(after, move |device| {
            counted.fetch_add(1, Ordering::SeqCst);
            device.1 += 1;
            assert!(device.1 < 2, "a hook that fails");
        })
        .build()
        .unwrap();
    let calls = || calls.load(Ordering::SeqCst);
    let count = || async {
        let job = |device: &mut (u32, u32)| {
            device.0 += 1;
            Ok(device.0)
        };
        scheduler.lease(YOLO).await.unwrap().run(job).await.unwrap()
    };
    tokio::time::sleep(2 * after).await;
    assert_eq!(calls(), 0, "it is not even open");
    // Jobs follow each other for longer than the pause.
    let (begun, mut jobs, mut longest) = (std::time::Instant::now(), 0, Duration::ZERO);
    while begun.elapsed() < 2 * after {
        let job = std::time::Instant::now();
        count().await;
        jobs += 1;
        longest = longest.max(job.elapsed());
    }
    // On a machine that stands still for a moment there was a pause.
    assert!(calls() == 0 || longest >= after, "{} calls after {jobs} jobs", calls());
    let before = calls();
    tokio::time::sleep(6 * after).await;
    assert_eq!(calls(), before + 1, "once in a long pause");
    assert_eq!(count().await, jobs + 1, "on the same device");
    tokio::time::sleep(3 * after).await;
    assert_eq!(calls(), before + 2, "again after another job");
    assert_eq!(count().await, jobs + 2, "also after a call that panicked");
    scheduler.close().await;
}
