//! What the handles of one scheduler share.

use std::sync::Arc;

use tokio::sync::watch;

use crate::cards::Cards;
use crate::error::Error;
use crate::gate::{Acquire, Denied, Gate, Permit};
use crate::queue::{ClassId, DeviceId};
use crate::sync::{Mutex, lock};
use crate::worker::{Order, Worker};

/// What a [`Scheduler`](crate::Scheduler), its leases and its requests for leases share.
pub(crate) struct Shared<D> {
    pub(crate) gate: Arc<Gate>,
    pub(crate) names: Vec<String>,
    pub(crate) classes: Vec<String>,
    /// The flow without a name, shared so that a request allocates none.
    pub(crate) unnamed: Arc<str>,
    /// None after the scheduler was closed.
    pub(crate) workers: Mutex<Option<Vec<Worker<D>>>>,
    /// Each ends with its device's thread.
    pub(crate) ends: Vec<watch::Receiver<()>>,
    /// What the driver reports of the devices' cards.
    pub(crate) cards: Cards,
}

impl<D: 'static> Shared<D> {
    pub(crate) fn name(&self, device: DeviceId) -> String {
        self.names[device.0].clone()
    }

    pub(crate) fn class_name(&self, class: ClassId) -> String {
        self.classes.get(class.0).cloned().unwrap_or_default()
    }

    pub(crate) fn send(&self, device: DeviceId, order: Order<D>) -> Result<(), Error> {
        let rejected = {
            let workers = lock(&self.workers);
            match workers.as_ref() {
                Some(workers) => workers[device.0].send(order).err(),
                None => Some(order),
            }
        };
        // A rejected task holds a lease; it is dropped outside the lock.
        if rejected.is_some() { Err(Error::Closed) } else { Ok(()) }
    }

    /// Waits for a device, until the deadline.
    pub(crate) async fn wait(&self, mut acquire: Acquire, class: ClassId) -> Result<Permit, Error> {
        let denied = |denied| {
            let class = self.class_name(class);
            match denied {
                Denied::Expired => Error::Deadline { class },
                Denied::NoDevice => Error::NoDevice { class },
            }
        };
        let Some(deadline) = acquire.deadline() else { return acquire.await.map_err(denied) };
        let sleep = tokio::time::sleep_until(deadline);
        tokio::select! {
            biased;
            permit = &mut acquire => return permit.map_err(denied),
            () = sleep => {}
        }
        // The queue decides; it may have granted in this moment.
        acquire.tick();
        acquire.await.map_err(denied)
    }
}
