//! Taking a device out for maintenance, and bringing it back.

use tokio::sync::oneshot;

use crate::error::Error;
use crate::queue::{DeviceId, DeviceState};
use crate::scheduler::Scheduler;
use crate::worker::Order;

impl<D: 'static> Scheduler<D> {
    /// Takes a device out: it gets no new work, its leases are waited for, and then it is dropped,
    /// so that nothing of this scheduler is on it any more. What waits goes to other devices, or is
    /// an error where no other one could run it. A lease that somebody keeps, keeps this waiting.
    ///
    /// If this future is dropped, the device stays out but may not be dropped. If the device gets
    /// work again meanwhile, this ends early and leaves it open.
    ///
    /// # Errors
    /// [`Error::UnknownDevice`]; [`Error::Closed`] where all devices are dropped already.
    pub async fn drain(&self, device: DeviceId) -> Result<(), Error> {
        self.check(device)?;
        self.shared.gate.set_state(device, DeviceState::Draining);
        if !self.shared.gate.drained(device).await {
            return Ok(());
        }
        let (tell, told) = oneshot::channel();
        self.shared.send(device, Order::Close(tell))?;
        told.await.map_err(|_| Error::Closed)?;
        self.shared.gate.set_resident(device, false);
        Ok(())
    }

    /// Brings a device back that was [drained](Self::drain) or lost: opens it if it is not open,
    /// and then gives it work again. Does nothing to one that is up.
    ///
    /// # Errors
    /// [`Error::UnknownDevice`]; [`Error::Closed`]; [`Error::DeviceLost`] when it cannot be opened:
    /// then it stays out.
    pub async fn restore(&self, device: DeviceId) -> Result<(), Error> {
        self.check(device)?;
        self.shared.send(device, Order::Restore)?;
        self.on([device.0], |_| Ok(()), false).await?;
        self.shared.gate.set_state(device, DeviceState::Up);
        Ok(())
    }

    fn check(&self, device: DeviceId) -> Result<(), Error> {
        let known = device.0 < self.shared.names.len();
        if known { Ok(()) } else { Err(self.unknown(format!("number {}", device.0))) }
    }
}
