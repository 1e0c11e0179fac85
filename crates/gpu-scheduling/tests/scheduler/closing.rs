//! What closing waits for.

use super::*;

#[tokio::test]
async fn closing_serves_what_waits_and_drops_the_devices() {
    struct Told(mpsc::Sender<()>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }
    let (tell, told) = mpsc::channel();
    let scheduler = Scheduler::builder()
        .device(DeviceSpec::new("gpu:0", 1 << 30), move || Ok(Told(tell.clone())))
        .build()
        .unwrap();
    let served = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let (scheduler, served) = (scheduler.clone(), served.clone());
            tokio::spawn(async move {
                let lease = scheduler.lease(BIREFNET).await.unwrap();
                lease.run(|_| Ok(())).await.unwrap();
                served.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    tokio::task::yield_now().await;
    scheduler.close().await;
    told.try_recv().expect("the device is dropped when closing ends");
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(served.load(Ordering::SeqCst), 10);
    assert!(matches!(scheduler.lease(YOLO).await, Err(Error::Closed)));
    scheduler.close().await;
}

/// A device that takes its time to go.
struct Slow(Arc<AtomicBool>);

impl Drop for Slow {
    fn drop(&mut self) {
        std::thread::sleep(Duration::from_millis(50));
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_closes_finds_the_devices_dropped() {
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = dropped.clone();
    let scheduler = Scheduler::builder()
        .device(DeviceSpec::new("gpu:0", 1 << 30), move || Ok(Slow(flag.clone())))
        .build()
        .unwrap();
    scheduler.open().await.unwrap();
    // One that is cancelled, and two at the same time.
    let brief = Duration::from_millis(5);
    assert!(tokio::time::timeout(brief, scheduler.close()).await.is_err());
    let closing = || async {
        scheduler.close().await;
        assert!(dropped.load(Ordering::SeqCst));
    };
    tokio::join!(closing(), closing());
    closing().await;
}
