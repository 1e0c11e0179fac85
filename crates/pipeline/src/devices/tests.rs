//! What becomes of runs that fail, of callers that leave, and of several devices.

use super::engine::{Engine, Settings};
use super::ran::Ran;
use super::replica::{Replica, Source};
use super::turn::Turn;
use crate::models::{Model, with_starters};
use crate::{Code, DetectOptions, DeviceRequest, Error, Places, Precision, Progress, Stage};
use portrait_gpu_scheduling::{BIREFNET, DeviceState, Policy, Priority, Readiness, YOLO};
#[cfg(feature = "starter-models")]
use portrait_segmentation::Segmenter;
use portrait_weights::Family;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

async fn engine(devices: usize) -> Engine {
    let places = with_starters(Places::default());
    let mut sources = Vec::new();
    for family in [Family::Yolov8, Family::Birefnet] {
        let model = Model::preferred(family, &places).await.unwrap();
        let progress = Progress::default();
        sources.push(Source::new(model, places.clone(), Precision::F32, progress));
    }
    let (segmentation, detection) = (sources.pop().unwrap(), sources.pop().unwrap());
    let devices = vec![DeviceRequest::Cpu; devices];
    let policy = super::default_policy();
    let settings = Settings { policy, ..Settings::default() };
    Engine::start(&devices, settings, detection, segmentation).await.unwrap()
}

fn turn() -> Turn {
    Turn { flow: "test".into(), priority: Priority::Normal, max_wait: None }
}

fn no_room() -> crate::Cause {
    Arc::new(std::io::Error::other("no room"))
}

impl Engine {
    /// A run of any job, with nothing loaded.
    async fn any<T: Send + 'static>(
        &self,
        mut job: impl FnMut(&mut Replica) -> Result<T, Error> + Send + 'static,
    ) -> Result<Ran<T>, Error> {
        let job = move |replica: &mut Replica| Ok((Duration::ZERO, job(replica)?));
        let place = self.segmentation_place(&turn())?;
        self.run(BIREFNET, Stage::Segmentation, &turn(), place, job).await
    }
}

#[tokio::test]
async fn a_panic_is_an_error_and_the_device_goes_on() {
    let engine = engine(1).await;
    let error = engine.any(|_| -> Result<(), _> { panic!("a stone in the gears") }).await;
    let error = error.unwrap_err();
    assert_eq!(error.code(), Code::ServiceCrash);
    assert!(error.to_string().contains("a stone in the gears"), "{error}");
    assert_eq!(engine.any(|_| Ok(7)).await.unwrap().value, 7);
}

#[tokio::test]
async fn a_jobs_own_error_arrives_as_it_is() {
    let engine = engine(1).await;
    let error = engine.any(|_| Err::<(), _>(Error::NoPerson { confidence: 0.3 })).await;
    assert!(matches!(error, Err(Error::NoPerson { confidence }) if confidence == 0.3));
    assert_eq!(engine.snapshot().classes[1].counts.failed, 1);
}

#[tokio::test]
async fn out_of_memory_is_tried_once_more_alone() {
    let engine = engine(1).await;
    let full = || Error::OutOfMemory { stage: Stage::Segmentation, source: no_room() };
    let tries = Arc::new(AtomicUsize::new(0));
    let count = tries.clone();
    let second = engine.any(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Err(full()),
        n => Ok(n),
    });
    assert_eq!(second.await.unwrap().value, 1);
    let error = engine.any(move |_| Err::<(), _>(full())).await.unwrap_err();
    assert_eq!(error.code(), Code::GpuOom);
    assert!(error.to_string().contains("no room") && error.retry_after().is_some(), "{error}");
    assert_eq!(engine.snapshot().classes[1].counts.out_of_memory, 3);
}

#[tokio::test]
async fn a_job_whose_caller_has_gone_is_not_run() {
    let engine = Arc::new(engine(1).await);
    let (release, gate) = mpsc::channel::<()>();
    let holder = engine.clone();
    let first = tokio::spawn(async move { holder.any(move |_| Ok(gate.recv().is_ok())).await });
    let ran = Arc::new(AtomicUsize::new(0));
    let (waiter, count) = (engine.clone(), ran.clone());
    let second = tokio::spawn(async move {
        waiter.any(move |_| Ok(count.fetch_add(1, Ordering::SeqCst))).await.map(drop)
    });
    while engine.snapshot().waiting == 0 {
        tokio::task::yield_now().await;
    }
    second.abort();
    assert!(second.await.unwrap_err().is_cancelled());
    release.send(()).unwrap();
    assert!(first.await.unwrap().unwrap().value);
    engine.any(|_| Ok(())).await.unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    assert_eq!(engine.snapshot().classes[1].counts.cancelled, 1);
}

#[tokio::test]
async fn waiting_is_limited_where_the_caller_says_so() {
    let engine = Arc::new(engine(1).await);
    let (release, gate) = mpsc::channel::<()>();
    let holder = engine.clone();
    let first = tokio::spawn(async move { holder.any(move |_| Ok(gate.recv().is_ok())).await });
    while engine.snapshot().classes[1].active == 0 {
        tokio::task::yield_now().await;
    }
    let hasty = Turn { max_wait: Some(Duration::from_millis(20)), ..turn() };
    let job = |_: &mut Replica| Ok((Duration::ZERO, ()));
    let place = engine.segmentation_place(&hasty).unwrap();
    let error = engine.run(BIREFNET, Stage::Segmentation, &hasty, place, job).await.unwrap_err();
    assert_eq!(error.code(), Code::BirefnetTimeout);
    assert_eq!(error.details()["timeout_seconds"], 0.02);
    release.send(()).unwrap();
    first.await.unwrap().unwrap();
}

/// Networks are built on a device when they are first needed there, and by a warm-up on all.
#[cfg(feature = "starter-models")]
#[tokio::test]
async fn each_device_gets_its_replica_when_it_is_needed() {
    let engine = Arc::new(engine(2).await);
    let loaded = |engine: &Engine| {
        let devices = engine.snapshot().devices;
        assert!(devices.iter().all(|d| d.readiness == Some(Readiness::Ready)));
        [0, 1].map(|d| [0, 1].map(|class| devices[d].classes[class].resident))
    };
    assert_eq!(loaded(&engine), [[false; 2]; 2]);
    let load = engine.segmentation().open(&Progress::default()).await.unwrap();
    let size = |segmenter: &Segmenter, _: std::ops::Range<usize>| Ok(vec![segmenter.input_size()]);
    let place = || vec![engine.segmentation_place(&turn()).unwrap()];
    let ran = engine.segment(&turn(), place(), load.clone(), size).await.remove(0).unwrap();
    assert!(ran.loading > Duration::ZERO);
    assert_eq!(loaded(&engine), [[false, true], [false, false]]);
    let again = engine.segment(&turn(), place(), load.clone(), size).await.remove(0).unwrap();
    assert!(again.loading < ran.loading, "it is there: {:?} {:?}", again.loading, ran.loading);
    // The first device is taken: the other one loads.
    let (release, gate) = mpsc::channel::<()>();
    let (holder, held) = (engine.clone(), load.clone());
    let first = tokio::spawn(async move {
        let wait = move |_: &Segmenter, _| Ok(vec![gate.recv().is_ok()]);
        let place = vec![holder.segmentation_place(&turn())?];
        holder.segment(&turn(), place, held, wait).await.remove(0).map(drop)
    });
    while engine.snapshot().classes[1].active == 0 {
        tokio::task::yield_now().await;
    }
    engine.segment(&turn(), place(), load, size).await.remove(0).unwrap();
    assert_eq!(loaded(&engine), [[false, true], [false, true]]);
    release.send(()).unwrap();
    first.await.unwrap().unwrap();
    engine.warm_up(&Progress::default()).await.unwrap();
    assert_eq!(loaded(&engine), [[true; 2]; 2]);
}

#[tokio::test]
async fn a_lost_device_hands_its_run_to_another_and_the_last_one_is_told_of() {
    let engine = engine(2).await;
    let lost = || Error::crashed(Stage::Segmentation, "CUDA_ERROR_ILLEGAL_ADDRESS");
    let tries = Arc::new(AtomicUsize::new(0));
    let count = tries.clone();
    let ran = engine.any(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Err(lost()),
        n => Ok(n),
    });
    assert_eq!(ran.await.unwrap().value, 1);
    let states =
        |engine: &Engine| engine.snapshot().devices.iter().map(|d| d.state).collect::<Vec<_>>();
    assert_eq!(states(&engine), [DeviceState::Lost, DeviceState::Up]);
    let error = engine.any(move |_| Err::<(), _>(lost())).await.unwrap_err();
    assert_eq!(error.code(), Code::DeviceUnavailable);
    let error = engine.any(|_| Ok(())).await.unwrap_err();
    assert_eq!(error.code(), Code::DeviceUnavailable);
}

#[tokio::test]
async fn a_lost_device_comes_back_when_it_is_restored() {
    let pipeline = crate::Pipeline::builder().build().await.unwrap();
    let engine = &pipeline.inner.engine;
    let lost = || Error::crashed(Stage::Segmentation, "CUDA_ERROR_ILLEGAL_ADDRESS");
    let error = engine.any(move |_| Err::<(), _>(lost())).await.unwrap_err();
    assert_eq!(error.code(), Code::DeviceUnavailable);
    let device = || pipeline.snapshot().devices.swap_remove(0);
    assert_eq!(device().state, DeviceState::Lost);
    // Its thread drops it after the error was told.
    while device().readiness != Some(Readiness::Failed) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    pipeline.restore_device(&device().name).await.unwrap();
    assert_eq!((device().state, device().readiness), (DeviceState::Up, Some(Readiness::Ready)));
    assert_eq!(engine.any(|_| Ok(7)).await.unwrap().value, 7);
}

/// A batch of which a part fails: the others have their results, and nothing leaks.
#[cfg(feature = "starter-models")]
#[tokio::test]
async fn persons_that_fail_together_run_one_by_one() {
    let engine = engine(1).await;
    let load = engine.segmentation().open(&Progress::default()).await.unwrap();
    let places = || (0..3).map(|_| engine.segmentation_place(&turn()).unwrap()).collect();
    let full = || Error::OutOfMemory { stage: Stage::Segmentation, source: no_room() };
    let runs = Arc::new(Mutex::new(Vec::new()));
    let seen = runs.clone();
    let job = move |_: &Segmenter, persons: std::ops::Range<usize>| {
        seen.lock().unwrap().push(persons.clone());
        match persons.len() {
            1 if persons.start == 1 => Err(Error::NoPerson { confidence: 0.5 }),
            1 => Ok(vec![persons.start]),
            _ => Err(full()),
        }
    };
    let each = engine.segment(&turn(), places(), load.clone(), job).await;
    let each: Vec<_> = each.into_iter().map(|ran| ran.map(|ran| ran.value)).collect();
    assert!(matches!(each[..], [Ok(0), Err(Error::NoPerson { .. }), Ok(2)]), "{each:?}");
    assert_eq!(*runs.lock().unwrap(), [0..3, 0..1, 1..2, 2..3]);
    let counts = engine.snapshot().classes[1].counts;
    assert_eq!((counts.granted, counts.finished, counts.out_of_memory), (1, 1, 0));
    // What not even one has room for is tried once more, alone on the device, and then told of.
    let nothing = move |_: &Segmenter, _| Err::<Vec<()>, _>(full());
    let each = engine.segment(&turn(), places(), load, nothing).await;
    assert_eq!(each.len(), 3);
    assert!(each.iter().all(|ran| ran.as_ref().unwrap_err().code() == Code::GpuOom), "{each:?}");
    assert_eq!(engine.snapshot().classes[1].counts.out_of_memory, 2);
}

#[tokio::test]
async fn a_policy_without_the_classes_is_refused() {
    let places = with_starters(Places::default());
    let model = Model::find("yolov8n").unwrap();
    let source = || Source::new(model.clone(), places.clone(), Precision::F32, Progress::default());
    let policy = Policy::new(vec![portrait_gpu_scheduling::Class::shared(YOLO, 2, 0)]);
    let cpu = [DeviceRequest::Cpu];
    let settings = Settings { policy, ..Settings::default() };
    let engine = Engine::start(&cpu, settings, source(), source()).await;
    let error = engine.unwrap_err();
    assert_eq!(error.code(), Code::InvalidOption);
    assert!(error.to_string().contains("birefnet"), "{error}");
}

/// Occupies a device until it is released or dropped.
fn hold(
    pipeline: &crate::Pipeline,
) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<Ran<bool>, Error>>) {
    let (release, gate) = mpsc::channel::<()>();
    let pipeline = pipeline.clone();
    let held =
        tokio::spawn(
            async move { pipeline.inner.engine.any(move |_| Ok(gate.recv().is_ok())).await },
        );
    (release, held)
}

async fn until(condition: impl Fn() -> bool) {
    let reached = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reached).await.expect("it never came to that");
}

#[cfg(feature = "starter-models")]
fn photo() -> crate::Photo {
    let file = portrait_test_support::repository_root().join("examples/photos/grace_hopper.jpg");
    crate::Photo::decode(std::fs::read(file).unwrap()).unwrap()
}

/// A cut-out is prepared and finished while the device is busy with others.
#[cfg(feature = "starter-models")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_of_cores_overlaps_with_the_devices_work() {
    let pipeline = crate::Pipeline::builder().build().await.unwrap();
    let snapshot = || pipeline.snapshot();
    let photo = photo();
    let found = pipeline.detect(&photo, &DetectOptions::default()).await.unwrap();
    let (before, first) = hold(&pipeline);
    until(|| snapshot().classes[1].active == 1).await;
    let cut_out = {
        let pipeline = pipeline.clone();
        let selection = found.select(&[0]).unwrap();
        tokio::spawn(async move {
            let mut cut = pipeline.cut_out(&photo, &selection, &Default::default()).await?;
            cut.swap_remove(0).result
        })
    };
    // It waits in the queue, and so is prepared, while another one runs.
    until(|| snapshot().waiting == 1).await;
    let (after, second) = hold(&pipeline);
    until(|| snapshot().waiting == 2).await;
    before.send(()).unwrap();
    assert!(first.await.unwrap().unwrap().value);
    // It is finished while the next one runs.
    let cut_out = tokio::time::timeout(Duration::from_secs(60), cut_out).await;
    assert!(!cut_out.expect("it waits for the device").unwrap().unwrap().png.is_empty());
    assert_eq!(snapshot().classes[1].active, 1);
    after.send(()).unwrap();
    assert!(second.await.unwrap().unwrap().value);
}

#[cfg(feature = "starter-models")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_would_be_refused_is_told_before_any_work_is_done() {
    let policy = Policy { waiting: 1, ..super::default_policy() };
    let pipeline = crate::Pipeline::builder().policy(policy).build().await.unwrap();
    let photo = photo();
    let found = pipeline.detect(&photo, &DetectOptions::default()).await.unwrap();
    let (release, held) = hold(&pipeline);
    until(|| pipeline.snapshot().classes[1].active == 1).await;
    // All cores are at work, so that nothing can be prepared.
    let cores = std::thread::available_parallelism().unwrap().get();
    let (stop, stopped) = mpsc::channel::<()>();
    let stopped = Arc::new(Mutex::new(stopped));
    let working: Vec<_> = (0..cores)
        .map(|_| {
            let (pipeline, stopped) = (pipeline.clone(), stopped.clone());
            let work = move || stopped.lock().unwrap().recv().is_ok();
            tokio::spawn(async move {
                pipeline.inner.cores.run(&"test".into(), Stage::Photo, work).await
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let prepared = {
        let (pipeline, photo) = (pipeline.clone(), photo.clone());
        tokio::spawn(async move { pipeline.detect(&photo, &DetectOptions::default()).await })
    };
    let engine = &pipeline.inner.engine;
    until(|| engine.detection_place(&turn()).is_err()).await;
    let limit = Duration::from_secs(30);
    let options = DetectOptions::default();
    let detect = tokio::time::timeout(limit, pipeline.detect(&photo, &options)).await;
    assert_eq!(detect.expect("it waits for a core").unwrap_err().code(), Code::ServiceBusy);
    let selection = found.select(&[0]).unwrap();
    let options = Default::default();
    let cut_out = pipeline.cut_out(&photo, &selection, &options);
    let cut_out = tokio::time::timeout(limit, cut_out).await.expect("it waits for a core").unwrap();
    assert_eq!(cut_out[0].result.as_ref().unwrap_err().code(), Code::ServiceBusy);
    drop(stop);
    for work in working {
        work.await.unwrap().unwrap();
    }
    drop(release);
    held.await.unwrap().unwrap();
    prepared.await.unwrap().unwrap();
    drop(engine.detection_place(&turn()).expect("its place is free again"));
}
