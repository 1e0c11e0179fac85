//! The right to run one job on a device.

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::error::{Cause, Error, Failure};
use crate::gate::{Acquire, Permit};
use crate::protect::protect;
use crate::queue::{ClassId, DeviceId, DeviceState, Outcome};
use crate::shared::Shared;
use crate::worker::{Keep, Order};

/// A device for one run. Dropped unused, it goes to the next in the queue.
pub struct Lease<D> {
    shared: Arc<Shared<D>>,
    permit: Permit,
    class: ClassId,
}

impl<D> fmt::Debug for Lease<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("device", &self.permit.device).finish_non_exhaustive()
    }
}

/// What one attempt came to.
enum Attempt<T, F> {
    Done(Result<T, Error>),
    /// The same job again, when this wait is over.
    Again(F, Acquire),
}

impl<D: 'static> Lease<D> {
    pub(crate) fn new(shared: Arc<Shared<D>>, permit: Permit, class: ClassId) -> Self {
        Self { shared, permit, class }
    }

    /// The device leased.
    pub fn device(&self) -> DeviceId {
        self.permit.device
    }

    /// The device's name.
    pub fn device_name(&self) -> String {
        self.shared.name(self.permit.device)
    }

    /// Runs `job` on the device's thread. It must return only when the device has finished its
    /// work (synchronise the stream first): then the lease ends, before the result arrives here.
    ///
    /// If this future is dropped, a job that has not begun never runs; one that runs is finished,
    /// and its lease ends then. A job that reports [`Failure::OutOfMemory`] is called once more,
    /// alone on a device; one that reports [`Failure::DeviceLost`], on another device: after a
    /// second one that it costs, it ends with its error. Such a wait keeps the request's deadline.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::DeviceLost`], [`Error::Panicked`], [`Error::Job`] from the
    /// job; [`Error::Deadline`] from the wait behind other jobs on the device; that or
    /// [`Error::NoDevice`] from the wait for a second try.
    pub async fn run<T, F>(self, job: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut D) -> Result<T, Failure> + Send + 'static,
    {
        self.run_counting(job, |_| true).await
    }

    /// [`Self::run`] of a job whose value may be a failure of its own, such as that of each part of
    /// a batch: it counts as failed where it is not `finished`, and its time does not count as a
    /// run time of the class.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_counting<T, F>(
        self,
        job: F,
        finished: impl Fn(&T) -> bool + Clone + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut D) -> Result<T, Failure> + Send + 'static,
    {
        let Self { shared, mut permit, class } = self;
        let mut job = job;
        loop {
            match attempt(&shared, permit, class, job, finished.clone()).await? {
                Attempt::Done(result) => return result,
                Attempt::Again(same, acquire) => {
                    job = same;
                    permit = shared.wait(acquire, class).await?;
                }
            }
        }
    }
}

async fn attempt<D, T, F>(
    shared: &Arc<Shared<D>>,
    permit: Permit,
    class: ClassId,
    mut job: F,
    finished: impl Fn(&T) -> bool + Send + 'static,
) -> Result<Attempt<T, F>, Error>
where
    D: 'static,
    T: Send + 'static,
    F: FnMut(&mut D) -> Result<T, Failure> + Send + 'static,
{
    let device = permit.device;
    let (name, class) = (shared.name(device), shared.class_name(class));
    let (tell, told) = oneshot::channel();
    let task = Box::new(move |opened: Result<&mut D, Cause>| {
        if tell.is_closed() {
            // The caller was dropped; the permit is dropped with this closure.
            return Keep::Open;
        }
        let (is_open, mut keep) = (opened.is_ok(), Keep::Open);
        let done = match opened {
            Ok(_) if !permit.begin() => {
                permit.release(Outcome::Late);
                return send(tell, Attempt::Done(Err(Error::Deadline { class })), keep);
            }
            Ok(opened) => protect(|| job(opened)),
            Err(cause) => Ok(Err(Failure::DeviceLost(cause))),
        };
        let retry = !tell.is_closed();
        let (outcome, failed) = match done {
            Ok(Ok(value)) => {
                let finished = protect(|| finished(&value)).unwrap_or(false);
                permit.release(if finished { Outcome::Finished } else { Outcome::Failed });
                return send(tell, Attempt::Done(Ok(value)), keep);
            }
            Err(message) => {
                tracing::warn!(device = name, message, "a job panicked");
                (Outcome::Failed, Error::Panicked { device: name, message })
            }
            Ok(Err(Failure::Other(cause))) => (Outcome::Failed, Error::Job(cause)),
            Ok(Err(Failure::OutOfMemory(source))) => {
                tracing::warn!(device = name, error = %source, "a job ran out of memory");
                (Outcome::OutOfMemory { retry }, Error::OutOfMemory { device: name, source })
            }
            Ok(Err(Failure::DeviceLost(source))) => {
                tracing::error!(device = name, error = %source, "a device failed");
                keep = Keep::Close(source.clone());
                let lost = Error::DeviceLost { device: name, source };
                let unopened = Outcome::Unopened { retry };
                (if is_open { Outcome::DeviceLost { retry } } else { unopened }, lost)
            }
        };
        // Before the answer: who has it finds the device free.
        match permit.release(outcome) {
            Some(acquire) => send(tell, Attempt::Again(job, acquire), keep),
            None => send(tell, Attempt::Done(Err(failed)), keep),
        }
    });
    if let Err(closed) = shared.send(device, Order::Run(task)) {
        shared.gate.set_state(device, DeviceState::Lost);
        return Err(closed);
    }
    told.await.map_err(|_| Error::Closed)
}

/// Answers, where somebody still listens. An unheard second try leaves the queue as it is dropped.
fn send<T>(tell: oneshot::Sender<T>, answer: T, keep: Keep) -> Keep {
    drop(protect(|| tell.send(answer).is_ok()));
    keep
}
