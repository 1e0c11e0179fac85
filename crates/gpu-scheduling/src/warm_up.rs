//! Opening devices, and loading models onto them, before the first request.

use tokio::sync::oneshot;

use crate::error::{Cause, Error, Failure, Message};
use crate::protect::protect;
use crate::queue::{DeviceId, DeviceState};
use crate::scheduler::Scheduler;
use crate::worker::{Keep, Order};

impl<D: 'static> Scheduler<D> {
    /// Opens every device that is not open yet, but those that [drain](Scheduler::drain). One that
    /// cannot be opened gets no work; one that failed before is not opened again, but an error
    /// until it is [restored](Scheduler::restore).
    ///
    /// # Errors
    /// The first failure, [`Error::DeviceLost`]; the other devices are opened all the same.
    pub async fn open(&self) -> Result<(), Error> {
        self.on(self.not_draining(), |_| Ok(()), false).await
    }

    /// Opens every device that is not open yet, but those that [drain](Scheduler::drain), and runs
    /// `warm` on it, on its thread, which should load the models of all classes; so the first
    /// request need not wait for them. Runs before jobs that come later, on all devices at the same
    /// time. A device that cannot be opened, or for which `warm` reports [`Failure::DeviceLost`],
    /// gets no work; one that failed before is an error until it is
    /// [restored](Scheduler::restore).
    ///
    /// # Errors
    /// The first failure: [`Error::DeviceLost`], or as [`Lease::run`](crate::Lease::run) for what
    /// `warm` reports. The other devices are warmed up all the same.
    pub async fn warm_up(
        &self,
        warm: impl Fn(&mut D) -> Result<(), Failure> + Clone + Send + 'static,
    ) -> Result<(), Error> {
        self.on(self.not_draining(), warm, true).await
    }

    fn not_draining(&self) -> Vec<usize> {
        let all = 0..self.shared.names.len();
        all.filter(|device| !self.shared.gate.is_draining(DeviceId(*device))).collect()
    }

    /// Opens these devices and runs `warm` on each, on all at the same time.
    pub(crate) async fn on(
        &self,
        devices: impl IntoIterator<Item = usize>,
        warm: impl Fn(&mut D) -> Result<(), Failure> + Clone + Send + 'static,
        loads_models: bool,
    ) -> Result<(), Error> {
        let mut answers = Vec::new();
        for device in devices {
            let (tell, told) = oneshot::channel();
            let warm = warm.clone();
            let task = Box::new(move |opened: Result<&mut D, Cause>| {
                let done = match opened {
                    Ok(device) => protect(|| warm(device))
                        .unwrap_or_else(|message| Err(Failure::from(Message(message)))),
                    Err(cause) => Err(Failure::DeviceLost(cause)),
                };
                let keep = match &done {
                    Err(Failure::DeviceLost(cause)) => Keep::Close(cause.clone()),
                    _ => Keep::Open,
                };
                // The caller may have gone.
                let _ = tell.send(done);
                keep
            });
            self.shared.send(DeviceId(device), Order::Run(task))?;
            answers.push((device, told));
        }
        let mut result = Ok(());
        for (index, told) in answers {
            let device = self.shared.names[index].clone();
            let error = match told.await.map_err(|_| Error::Closed)? {
                Ok(()) => {
                    if loads_models {
                        self.shared.gate.set_resident(DeviceId(index), true);
                    }
                    continue;
                }
                Err(Failure::DeviceLost(source)) => {
                    self.set_state(DeviceId(index), DeviceState::Lost);
                    Error::DeviceLost { device, source }
                }
                Err(Failure::OutOfMemory(source)) => Error::OutOfMemory { device, source },
                Err(Failure::Other(cause)) => Error::Job(cause),
            };
            result = result.and(Err(error));
        }
        result
    }
}
