//! One thread for each device: it opens the device and runs the jobs, one after another.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use crate::error::{Cause, Error, Failure, Message};
use crate::protect::protect;

/// How a device is opened, on its own thread.
pub(crate) type Open<D> = Box<dyn FnMut() -> Result<D, Failure> + Send>;

/// A job with everything it holds. It gets the device, or the reason why there is none.
pub(crate) type Task<D> = Box<dyn FnOnce(Result<&mut D, Cause>) -> Keep + Send>;

/// What becomes of the device after a job.
#[derive(Debug)]
pub(crate) enum Keep {
    /// It is used on.
    Open,
    /// It is dropped, for this reason, and not opened again before it is restored.
    Close(Cause),
}

/// An order to a device's thread.
pub(crate) enum Order<D> {
    /// To run this.
    Run(Task<D>),
    /// To open the device anew, when it is next needed, if it has failed.
    Restore,
    /// To drop the device until it is next needed, and then to tell.
    Close(oneshot::Sender<()>),
}

/// What is done with a device that has had no job for a while, on its own thread.
pub(crate) struct WhenIdle<D> {
    pub(crate) after: Duration,
    pub(crate) hook: Arc<dyn Fn(&mut D) + Send + Sync>,
}

impl<D> Clone for WhenIdle<D> {
    fn clone(&self) -> Self {
        Self { after: self.after, hook: self.hook.clone() }
    }
}

/// How far a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
    orders: mpsc::Sender<Order<D>>,
    readiness: Arc<AtomicU8>,
}

impl<D: 'static> Worker<D> {
    /// Starts the thread. The receiver ends when the thread has dropped the device.
    pub(crate) fn spawn(
        name: &str,
        open: Open<D>,
        idle: Option<WhenIdle<D>>,
    ) -> Result<(Self, watch::Receiver<()>), Error> {
        let (orders, queue) = mpsc::channel();
        let (ended, end) = watch::channel(());
        let readiness = Arc::new(AtomicU8::new(Readiness::Cold as u8));
        let shared = readiness.clone();
        thread::Builder::new()
            .name(format!("device {name}"))
            .spawn(move || {
                work(open, idle.as_ref(), &queue, &shared);
                drop(ended);
            })
            .map_err(|e| Error::Policy(format!("no thread for device `{name}`: {e}")))?;
        Ok((Self { orders, readiness }, end))
    }

    /// Queues an order. Given back if the thread has ended.
    pub(crate) fn send(&self, order: Order<D>) -> Result<(), Order<D>> {
        self.orders.send(order).map_err(|e| e.0)
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

fn work<D>(
    mut open: Open<D>,
    idle: Option<&WhenIdle<D>>,
    orders: &mpsc::Receiver<Order<D>>,
    readiness: &AtomicU8,
) {
    let set = |r: Readiness| readiness.store(r as u8, Ordering::Relaxed);
    // None until it is needed.
    let mut device: Option<Result<D, Cause>> = None;
    let mut ran = false;
    while let Some(order) = next(orders, &mut device, idle.filter(|_| ran)) {
        ran = matches!(order, Order::Run(_));
        let task = match order {
            Order::Run(task) => task,
            Order::Restore => {
                if matches!(device, Some(Err(_))) {
                    device = None;
                    set(Readiness::Cold);
                }
                continue;
            }
            Order::Close(tell) => {
                if matches!(device, Some(Ok(_))) {
                    drop(protect(|| drop(device.take())));
                    set(Readiness::Cold);
                }
                // Who asked may have gone.
                let _ = tell.send(());
                continue;
            }
        };
        let opened = device.get_or_insert_with(|| {
            set(Readiness::Opening);
            let opened = try_open(&mut open);
            set(if opened.is_ok() { Readiness::Ready } else { Readiness::Failed });
            opened
        });
        // Jobs are protected on their own; this is for what they leave to be dropped.
        let keep = protect(|| task(opened.as_mut().map_err(|cause| cause.clone())));
        if let Ok(Keep::Close(cause)) = keep
            && opened.is_ok()
        {
            let broken = std::mem::replace(opened, Err(cause));
            set(Readiness::Failed);
            // A broken device may panic as it is dropped; the thread continues.
            drop(protect(|| drop(broken)));
        }
    }
    // The end of the thread must not be announced before its device is dropped.
    drop(protect(|| drop(device)));
}

/// The next order, or none when there will be none any more. If it does not come soon, a device
/// that is open gets the idle hook meanwhile, once.
fn next<D>(
    orders: &mpsc::Receiver<Order<D>>,
    device: &mut Option<Result<D, Cause>>,
    idle: Option<&WhenIdle<D>>,
) -> Option<Order<D>> {
    if let (Some(Ok(device)), Some(WhenIdle { after, hook })) = (device, idle) {
        match orders.recv_timeout(*after) {
            Err(mpsc::RecvTimeoutError::Timeout) => {
                if let Err(message) = protect(|| hook(device)) {
                    tracing::warn!(message, "what is done with an idle device panicked");
                }
            }
            order => return order.ok(),
        }
    }
    orders.recv().ok()
}

fn try_open<D>(open: &mut Open<D>) -> Result<D, Cause> {
    match protect(open) {
        Ok(Ok(device)) => Ok(device),
        Ok(Err(Failure::OutOfMemory(c) | Failure::DeviceLost(c) | Failure::Other(c))) => Err(c),
        Err(message) => Err(Arc::new(Message(message))),
    }
}
