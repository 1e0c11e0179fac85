//! Jobs and devices that fail.

use super::*;

#[tokio::test]
async fn a_panic_is_the_error_of_its_job_alone() {
    let scheduler = scheduler(1);
    let lease = scheduler.lease(YOLO).await.unwrap();
    let error = lease.run(|_| -> Result<(), Failure> { panic!("bad tensor") }).await.unwrap_err();
    let Error::Panicked { device, message } = error else { panic!("{error}") };
    assert_eq!((device.as_str(), message.as_str()), ("gpu:0", "bad tensor"));
    let lease = scheduler.lease(YOLO).await.unwrap();
    assert_eq!(lease.run(|device| Ok(device.number)).await.unwrap(), 0);
    let lease = scheduler.lease(YOLO).await.unwrap();
    let error = lease.run(|_| Ok("x".parse::<u32>()?)).await.unwrap_err();
    let Error::Job(cause) = error else { panic!("{error}") };
    assert!(cause.downcast_ref::<std::num::ParseIntError>().is_some());
    assert_free(&scheduler);
}

#[derive(Debug, thiserror::Error)]
#[error("simulated")]
struct Simulated;

#[tokio::test]
async fn out_of_memory_is_tried_once_more_alone_and_then_reported() {
    let policy = Policy::new(vec![Class::shared(YOLO, 4, 1 << 30)]);
    let scheduler = with_policy(policy, 1);
    let beside = scheduler.lease(YOLO).await.unwrap();
    let lease = scheduler.lease(YOLO).await.unwrap();
    let mut calls = 0;
    let job = tokio::spawn(lease.run(move |_| {
        calls += 1;
        if calls == 1 { Err(Failure::out_of_memory(Simulated)) } else { Ok(calls) }
    }));
    // Wait until the first try has failed; the second one waits for the device to itself.
    while scheduler.snapshot().classes[0].counts.out_of_memory == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let now = scheduler.snapshot();
    assert_eq!((now.waiting, now.devices[0].classes[0].slots), (1, 1));
    drop(beside);
    assert_eq!(job.await.unwrap().unwrap(), 2);

    let lease = scheduler.lease(YOLO).await.unwrap();
    let error = lease
        .run(|_| -> Result<(), _> { Err(Failure::out_of_memory(Simulated)) })
        .await
        .unwrap_err();
    assert!(matches!(error, Error::OutOfMemory { .. }), "{error}");
    assert_eq!(scheduler.snapshot().classes[0].counts.out_of_memory, 3);
    assert_free(&scheduler);
}

#[tokio::test]
async fn a_device_that_fails_hands_its_job_to_another() {
    let mut builder = Scheduler::builder();
    let opened = Arc::new(AtomicUsize::new(0));
    let counted = opened.clone();
    builder = builder.device(DeviceSpec::new("broken", 1 << 30), move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Err(Failure::device_lost(Simulated))
    });
    builder = builder.device(DeviceSpec::new("whole", 1 << 30), || Ok(7));
    let scheduler: Scheduler<i32> = builder.build().unwrap();
    let lease = scheduler.lease(BIREFNET).await.unwrap();
    assert_eq!(lease.device_name(), "broken");
    assert_eq!(lease.run(|device| Ok(*device)).await.unwrap(), 7);
    assert_eq!(scheduler.readiness(), [Readiness::Failed, Readiness::Ready]);
    assert_eq!(scheduler.snapshot().devices[0].state, DeviceState::Lost);
    assert_eq!(opened.load(Ordering::SeqCst), 1);

    let lease = scheduler.lease(BIREFNET).await.unwrap();
    let lost = |_: &mut i32| -> Result<(), _> { Err(Failure::device_lost(Simulated)) };
    let error = lease.run(lost).await.unwrap_err();
    assert!(matches!(error, Error::DeviceLost { .. }), "{error}");
    let error = scheduler.lease(YOLO).await.unwrap_err();
    assert!(matches!(error, Error::NoDevice { .. }), "{error}");

    scheduler.set_state(DeviceId(1), DeviceState::Up);
    let lease = scheduler.lease(YOLO).await.unwrap();
    assert_eq!(lease.run(|device| Ok(*device)).await.unwrap(), 7, "opened anew");
}

#[tokio::test]
async fn one_bad_job_takes_two_devices_out_and_no_more() {
    let scheduler = scheduler(5);
    let lease = scheduler.lease(BIREFNET).await.unwrap();
    let lost = |_: &mut Device| -> Result<(), _> { Err(Failure::device_lost(Simulated)) };
    let error = lease.run(lost).await.unwrap_err();
    assert!(matches!(error, Error::DeviceLost { .. }), "{error}");
    let left = scheduler.snapshot().devices.iter().filter(|d| d.state == DeviceState::Up).count();
    assert_eq!(left, 3);
    scheduler.lease(BIREFNET).await.unwrap().run(|_| Ok(())).await.unwrap();
}

#[tokio::test]
async fn warming_up_opens_the_devices_and_reports_a_broken_one() {
    let scheduler: Scheduler<u32> = Scheduler::builder()
        .device(DeviceSpec::new("whole", 1 << 30), || Ok(0))
        .device(DeviceSpec::new("broken", 1 << 30), || panic!("no driver"))
        .build()
        .unwrap();
    let warm = |device: &mut u32| {
        *device += 1;
        Ok(())
    };
    let error = scheduler.warm_up(warm).await.unwrap_err();
    let Error::DeviceLost { device, source } = error else { panic!("{error}") };
    assert_eq!((device.as_str(), source.to_string().as_str()), ("broken", "no driver"));
    assert_eq!(scheduler.readiness(), [Readiness::Ready, Readiness::Failed]);
    let lease = scheduler.lease(BIREFNET).await.unwrap();
    assert_eq!(lease.run(|device| Ok(*device)).await.unwrap(), 1);
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_costs_no_device() {
    let scheduler = scheduler(2);
    scheduler.open().await.unwrap();
    assert_eq!(scheduler.readiness(), [Readiness::Ready, Readiness::Ready]);
    assert!(!scheduler.snapshot().devices[0].classes[0].resident);
    let error = scheduler.warm_up(|_| Err(Failure::from(Simulated))).await.unwrap_err();
    assert!(matches!(error, Error::Job(_)), "{error}");
    scheduler.warm_up(|_| Ok(())).await.unwrap();
    let now = scheduler.snapshot();
    assert!(now.devices.iter().all(|d| d.state == DeviceState::Up));
    assert!(now.devices.iter().all(|d| d.readiness == Some(Readiness::Ready)));
    assert!(now.devices.iter().flat_map(|d| &d.classes).all(|c| c.resident));
}

#[tokio::test]
async fn a_lost_device_is_not_opened_before_it_is_restored() {
    let opened = Arc::new(AtomicUsize::new(0));
    let counted = opened.clone();
    let scheduler: Scheduler<()> = Scheduler::builder()
        .policy(Policy::by_memory())
        .device(DeviceSpec::new("gpu:0", 16 << 30), move || {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
        .build()
        .unwrap();
    let first = scheduler.lease(BIREFNET).await.unwrap();
    let second = scheduler.lease(BIREFNET).await.unwrap();
    let lost = first.run(|()| -> Result<(), _> { Err(Failure::device_lost(Simulated)) });
    let behind = second.run(|()| -> Result<(), Failure> { panic!("ran on a lost device") });
    let (lost, behind) = tokio::join!(lost, behind);
    assert!(matches!(lost, Err(Error::DeviceLost { .. })), "{lost:?}");
    let Err(Error::DeviceLost { source, .. }) = behind else { panic!("{behind:?}") };
    assert_eq!(source.to_string(), "simulated", "with the cause of the loss");
    let error = scheduler.warm_up(|()| Ok(())).await.unwrap_err();
    assert!(matches!(error, Error::DeviceLost { .. }), "{error}");
    assert_eq!(scheduler.readiness(), [Readiness::Failed]);
    assert_eq!(scheduler.snapshot().devices[0].state, DeviceState::Lost);
    assert_eq!(opened.load(Ordering::SeqCst), 1);

    scheduler.set_state(DeviceId(0), DeviceState::Up);
    scheduler.warm_up(|()| Ok(())).await.unwrap();
    assert_eq!(scheduler.readiness(), [Readiness::Ready]);
    scheduler.lease(BIREFNET).await.unwrap().run(|()| Ok(())).await.unwrap();
    assert_eq!(opened.load(Ordering::SeqCst), 2);
}
