//! Taking a device out of work and bringing it back.

use super::engine::Engine;
use super::failure::not_opened;
use crate::error::Error;
use portrait_gpu_scheduling::{self as scheduling, DeviceId};

impl Engine {
    pub(crate) async fn drain_device(&self, name: &str) -> Result<(), Error> {
        let device = self.device_named(name)?;
        self.scheduler.drain(device).await.map_err(not_opened)
    }

    pub(crate) async fn restore_device(&self, name: &str) -> Result<(), Error> {
        let device = self.device_named(name)?;
        self.scheduler.restore(device).await.map_err(not_opened)
    }

    fn device_named(&self, name: &str) -> Result<DeviceId, Error> {
        self.scheduler.device(name).map_err(|error| match error {
            scheduling::Error::UnknownDevice { name, known } => Error::Option {
                option: "device",
                value: name,
                expected: format!("one of {}", known.join(", ")),
            },
            error => not_opened(error),
        })
    }
}
