//! The handle an application holds: builder, leases, state.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::cards::Cards;
use crate::error::{Error, Failure};
use crate::gate::{Gate, QueuePlace};
use crate::policy::{DeviceSpec, Policy, Priority};
use crate::queue::{ClassId, DeviceId, DeviceState, Queue, Request};
use crate::request::LeaseRequest;
use crate::shared::Shared;
use crate::snapshot::Snapshot;
use crate::sync::{Mutex, lock};
use crate::worker::{Open, Order, Readiness, WhenIdle, Worker};

/// Leases devices of type `D` to jobs. A cheap handle: clones share the devices.
///
/// Each device is opened, used and dropped on a thread of its own. When the last handle and lease
/// are gone, the threads finish what they have and end.
pub struct Scheduler<D> {
    pub(crate) shared: Arc<Shared<D>>,
}

impl<D> Clone for Scheduler<D> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<D> fmt::Debug for Scheduler<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler").field("devices", &self.shared.names).finish_non_exhaustive()
    }
}

/// Collects what a [`Scheduler`] needs.
pub struct Builder<D> {
    policy: Policy,
    devices: Vec<(DeviceSpec, Open<D>)>,
    idle: Option<WhenIdle<D>>,
}

impl<D> fmt::Debug for Builder<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let devices: Vec<_> = self.devices.iter().map(|(spec, _)| spec).collect();
        f.debug_struct("Builder")
            .field("policy", &self.policy)
            .field("devices", &devices)
            .finish_non_exhaustive()
    }
}

impl<D: 'static> Builder<D> {
    /// Follows this policy instead of [`Policy::standard`].
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Adds a device. `open` is called on the device's thread before its first job, or by
    /// [`Scheduler::warm_up`]; and again if the device is [restored](Scheduler::set_state) after a
    /// loss. `D` needs not be `Send`: it never leaves that thread.
    #[must_use]
    pub fn device(
        mut self,
        spec: DeviceSpec,
        open: impl FnMut() -> Result<D, Failure> + Send + 'static,
    ) -> Self {
        self.devices.push((spec, Box::new(open)));
        self
    }

    /// Does this with a device that has had no job for this long, such as giving back memory that
    /// is kept for the next one. `hook` is called on the device's thread, once after a job and
    /// never while another one waits there; one that comes meanwhile waits for it. A panic is
    /// logged, and the device stays in use. A later call of this replaces an earlier one.
    #[must_use]
    pub fn when_idle(
        mut self,
        after: Duration,
        hook: impl Fn(&mut D) + Send + Sync + 'static,
    ) -> Self {
        self.idle = Some(WhenIdle { after, hook: Arc::new(hook) });
        self
    }

    /// Starts the devices' threads. No device is opened yet.
    ///
    /// # Errors
    /// [`Error::Policy`] as [`Queue::new`] says, or if a thread cannot be started.
    pub fn build(self) -> Result<Scheduler<D>, Error> {
        let specs: Vec<_> = self.devices.iter().map(|(spec, _)| spec.clone()).collect();
        let names: Vec<_> = specs.iter().map(|s| s.name.clone()).collect();
        let cards = Cards::new(&specs);
        let classes = self.policy.classes.iter().map(|c| c.name.clone()).collect();
        let gate = Gate::new(Queue::new(self.policy, specs)?.one_at_a_time());
        let (mut workers, mut ends) = (Vec::new(), Vec::new());
        for (spec, open) in self.devices {
            let (worker, end) = Worker::spawn(&spec.name, open, self.idle.clone())?;
            workers.push(worker);
            ends.push(end);
        }
        let workers = Mutex::new(Some(workers));
        let unnamed = Arc::from("");
        let shared = Shared { gate, names, classes, unnamed, workers, ends, cards };
        Ok(Scheduler { shared: Arc::new(shared) })
    }
}

impl<D: 'static> Scheduler<D> {
    /// Begins a scheduler with the default policy and no device.
    pub fn builder() -> Builder<D> {
        Builder { policy: Policy::default(), devices: Vec::new(), idle: None }
    }

    /// Asks for a device for one run of `class`. Nothing happens before the request is awaited.
    pub fn lease(&self, class: &str) -> LeaseRequest<D> {
        let class = self.class(class);
        let request = Request {
            class: class.as_ref().map_or(ClassId(usize::MAX), |c| *c),
            flow: self.shared.unnamed.clone(),
            priority: Priority::Normal,
            deadline: None,
        };
        LeaseRequest::new(self.shared.clone(), class.err(), request)
    }

    /// The class of this name.
    ///
    /// # Errors
    /// [`Error::UnknownClass`].
    pub fn class(&self, name: &str) -> Result<ClassId, Error> {
        let found = self.shared.classes.iter().position(|c| c == name);
        found.map(ClassId).ok_or_else(|| Error::UnknownClass(name.into()))
    }

    /// The device of this name; the first one, where several have it.
    ///
    /// # Errors
    /// [`Error::UnknownDevice`].
    pub fn device(&self, name: &str) -> Result<DeviceId, Error> {
        let found = self.shared.names.iter().position(|known| known == name);
        found.map(DeviceId).ok_or_else(|| self.unknown(name.into()))
    }

    pub(crate) fn unknown(&self, name: String) -> Error {
        Error::UnknownDevice { name, known: self.shared.names.clone() }
    }

    /// How long a new request of this class would wait, going by the run times measured.
    pub fn expected_wait(&self, class: ClassId) -> Duration {
        self.shared.gate.expected_wait(class)
    }

    /// How many requests of this class wait now, with those that have a place and are prepared.
    /// Takes one short lock.
    pub fn waiting(&self, class: ClassId) -> usize {
        self.shared.gate.waiting(class)
    }

    /// What runs and waits, and what happened so far. Asks the cards' driver, where there is one:
    /// up to some milliseconds.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = self.shared.gate.snapshot();
        let readiness = self.readiness();
        for (i, device) in snapshot.devices.iter_mut().enumerate() {
            device.readiness = readiness.get(i).copied();
            device.card = self.shared.cards.usage(i);
        }
        snapshot
    }

    /// How far each device is, in the order given; empty once the scheduler is closed.
    pub fn readiness(&self) -> Vec<Readiness> {
        let workers = lock(&self.shared.workers);
        workers.iter().flatten().map(Worker::readiness).collect()
    }

    /// Takes a device out of work or gives it work again, as [`Queue::set_state`]. One that failed
    /// is opened anew after [`DeviceState::Up`], when it is next needed, and not before.
    /// [`drain`](Self::drain) and [`restore`](Self::restore) also close and open it.
    pub fn set_state(&self, device: DeviceId, state: DeviceState) {
        if state == DeviceState::Up && device.0 < self.shared.names.len() {
            // Before the work that it gets from now on. A closed scheduler has none.
            let _ = self.shared.send(device, Order::Restore);
        }
        self.shared.gate.set_state(device, state);
    }

    /// Keeps a place in the queue for a request of `class` in `flow` that is still being prepared,
    /// to be used by [`LeaseRequest::place`]: so that a request is refused before the work
    /// of preparing, and what is being prepared counts against the policy's bounds.
    ///
    /// # Errors
    /// [`Error::Full`] at once; [`Error::UnknownClass`], [`Error::NoDevice`], [`Error::Closed`].
    pub fn reserve(&self, class: &str, flow: impl Into<Arc<str>>) -> Result<QueuePlace, Error> {
        self.shared.gate.reserve(self.class(class)?, flow.into())
    }

    /// Refuses new requests, serves those that wait, and resolves when all are done and the
    /// devices are dropped, for whoever calls it, and however often. A lease that somebody keeps,
    /// keeps this waiting.
    pub async fn close(&self) {
        self.shared.gate.close();
        self.shared.gate.idle().await;
        drop(lock(&self.shared.workers).take());
        for mut end in self.shared.ends.iter().cloned() {
            // Nothing is ever sent: the error says that the thread has ended.
            while end.changed().await.is_ok() {}
        }
    }
}
