//! One thread that owns a device and runs what is sent to it, one job after the other.

use crate::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Jobs that may wait for the device before new ones wait at the door.
const QUEUE: usize = 64;

type Job = Box<dyn FnOnce() + Send>;

/// A handle; the thread ends after the last one is dropped and the queue is empty.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    jobs: mpsc::Sender<Job>,
}

impl Worker {
    pub(crate) fn start(name: &str) -> Result<Self, Error> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                while let Some(job) = queue.blocking_recv() {
                    job();
                }
            })
            .map_err(|error| Error::crashed("start", error.to_string()))?;
        Ok(Self { jobs })
    }

    /// Runs `job` on the worker's thread.
    ///
    /// A job whose caller has gone before it starts is skipped. A panic becomes
    /// [`Error::Crashed`] and the worker goes on.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        stage: &'static str,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, result) = oneshot::channel();
        let job = Box::new(move || {
            if !answer.is_closed() {
                // The receiver may have gone while the job ran; then nobody wants the answer.
                let _ = answer.send(guarded(job));
            }
        });
        let gone = || Error::crashed(stage, "the device's thread has ended".into());
        self.jobs.send(job).await.map_err(|_| gone())?;
        result.await.map_err(|_| gone())?.map_err(|message| Error::crashed(stage, message))
    }
}

fn guarded<T>(job: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(job)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
    })
}

/// Runs work of a processor core (decoding, mattes, PNG) beside the async runtime, bounded.
#[derive(Debug, Clone)]
pub(crate) struct Cores {
    permits: Arc<Semaphore>,
}

impl Cores {
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self { permits: Arc::new(Semaphore::new(cores)) }
    }

    /// Runs `job`; the permit goes with the work, also when the caller is dropped.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        stage: &'static str,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let crashed = |message: String| Error::crashed(stage, message);
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|error| crashed(error.to_string()))?;
        let work = move || {
            let result = guarded(job);
            drop(permit);
            result
        };
        let result = tokio::task::spawn_blocking(work).await;
        result.map_err(|error| crashed(error.to_string()))?.map_err(crashed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc as blocking;

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_worker_goes_on() {
        let worker = Worker::start("test").unwrap();
        let error = worker.run("detection", || -> u8 { panic!("a stone in the gears") }).await;
        let error = error.unwrap_err();
        assert!(matches!(error, Error::Crashed { stage: "detection", .. }), "{error}");
        assert!(error.to_string().contains("a stone in the gears"));
        assert_eq!(worker.run("detection", || 7).await.unwrap(), 7);
        let cores = Cores::new();
        assert!(cores.run("encode", || -> u8 { panic!("again") }).await.is_err());
        assert_eq!(cores.run("encode", || 8).await.unwrap(), 8);
    }

    #[tokio::test]
    async fn a_job_whose_caller_has_gone_is_not_run() {
        let worker = Worker::start("test").unwrap();
        let (release, gate) = blocking::channel::<()>();
        let first = worker.clone();
        let first = tokio::spawn(async move { first.run("first", move || gate.recv()).await });
        let ran = Arc::new(AtomicUsize::new(0));
        let count = ran.clone();
        let second = worker.clone();
        let second = tokio::spawn(async move {
            second.run("second", move || count.fetch_add(1, Ordering::SeqCst)).await
        });
        tokio::task::yield_now().await;
        second.abort();
        assert!(second.await.unwrap_err().is_cancelled());
        release.send(()).unwrap();
        first.await.unwrap().unwrap().unwrap();
        worker.run("third", || ()).await.unwrap();
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    }
}
