//! One thread for each device: it opens the device and runs the jobs, one after another.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc;
use std::thread;

use tokio::sync::oneshot;

use crate::error::{Cause, Error, Failure, Message};

/// How a device is opened, on its own thread.
pub(crate) type Open<D> = Box<dyn FnMut() -> Result<D, Failure> + Send>;

/// A job with everything it holds. It gets the device, or the reason why there is none.
pub(crate) type Task<D> = Box<dyn FnOnce(Result<&mut D, Cause>) -> Keep + Send>;

/// What becomes of the device after a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It is used on.
    Open,
    /// It is dropped, and opened anew for the next job.
    Close,
}

/// How far a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum Readiness {
    /// Not opened yet: its first job, or a warm-up, opens it.
    Cold,
    /// Being opened.
    Opening,
    /// Open.
    Ready,
    /// Opening it, or a job on it, found that it does not work.
    Failed,
}

/// The worker's end of a device.
#[derive(Debug)]
pub(crate) struct Worker<D> {
    tasks: mpsc::Sender<Task<D>>,
    readiness: Arc<AtomicU8>,
}

impl<D: 'static> Worker<D> {
    /// Starts the thread. The receiver resolves when the thread has dropped the device.
    pub(crate) fn spawn(name: &str, open: Open<D>) -> Result<(Self, oneshot::Receiver<()>), Error> {
        let (tasks, queue) = mpsc::channel();
        let (ended, end) = oneshot::channel();
        let readiness = Arc::new(AtomicU8::new(Readiness::Cold as u8));
        let shared = readiness.clone();
        thread::Builder::new()
            .name(format!("device {name}"))
            .spawn(move || {
                work(open, &queue, &shared);
                // Nobody may wait for the end.
                let _ = ended.send(());
            })
            .map_err(|e| Error::Policy(format!("no thread for device `{name}`: {e}")))?;
        Ok((Self { tasks, readiness }, end))
    }

    /// Queues a task. Given back if the thread has ended.
    pub(crate) fn send(&self, task: Task<D>) -> Result<(), Task<D>> {
        self.tasks.send(task).map_err(|e| e.0)
    }

    pub(crate) fn readiness(&self) -> Readiness {
        match self.readiness.load(Ordering::Relaxed) {
            0 => Readiness::Cold,
            1 => Readiness::Opening,
            2 => Readiness::Ready,
            _ => Readiness::Failed,
        }
    }
}

fn work<D>(mut open: Open<D>, tasks: &mpsc::Receiver<Task<D>>, readiness: &AtomicU8) {
    let set = |r: Readiness| readiness.store(r as u8, Ordering::Relaxed);
    let mut device: Option<D> = None;
    while let Ok(task) = tasks.recv() {
        if device.is_none() {
            set(Readiness::Opening);
            match protect(&mut open) {
                Ok(opened) => {
                    set(Readiness::Ready);
                    device = Some(opened);
                }
                Err(cause) => {
                    set(Readiness::Failed);
                    let _ = catch_unwind(AssertUnwindSafe(|| task(Err(cause))));
                    continue;
                }
            }
        }
        let Some(open) = &mut device else { continue };
        // Jobs are protected on their own; this is for what they leave to be dropped.
        let keep = catch_unwind(AssertUnwindSafe(|| task(Ok(open)))).unwrap_or(Keep::Open);
        if keep == Keep::Close {
            set(Readiness::Failed);
            // A broken device may panic as it is dropped; the thread goes on.
            let broken = device.take();
            let _ = catch_unwind(AssertUnwindSafe(|| drop(broken)));
        }
    }
}

fn protect<D>(open: &mut Open<D>) -> Result<D, Cause> {
    match catch_unwind(AssertUnwindSafe(open)) {
        Ok(Ok(device)) => Ok(device),
        Ok(Err(Failure::OutOfMemory(c) | Failure::DeviceLost(c) | Failure::Other(c))) => Err(c),
        Err(payload) => Err(Arc::new(Message(panic_message(payload.as_ref())))),
    }
}

/// The text of a panic, where it has one.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".into())
}
