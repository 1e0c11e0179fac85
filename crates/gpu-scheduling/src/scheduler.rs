//! The handle an application holds: builder, leases, state.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::{Cause, Error, Failure};
use crate::gate::{Acquire, Denied, Gate};
use crate::lease::Lease;
use crate::policy::{DeviceSpec, Policy, Priority};
use crate::queue::{ClassId, DeviceId, DeviceState, Queue, Request};
use crate::snapshot::Snapshot;
use crate::sync::{Mutex, lock};
use crate::worker::{Keep, Open, Readiness, Worker};

/// Leases devices of type `D` to jobs. A cheap handle: clones share the devices.
///
/// Each device is opened, used and dropped on a thread of its own. When the last handle and lease
/// are gone, the threads finish what they have and end.
pub struct Scheduler<D> {
    pub(crate) shared: Arc<Shared<D>>,
}

pub(crate) struct Shared<D> {
    pub(crate) gate: Arc<Gate>,
    names: Vec<String>,
    classes: Vec<String>,
    /// The flow without a name, shared so that a request allocates none.
    unnamed: Arc<str>,
    /// None after the scheduler was closed.
    workers: Mutex<Option<Vec<Worker<D>>>>,
    ends: Mutex<Vec<oneshot::Receiver<()>>>,
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
    /// Follows this policy instead of [`Policy::seed`].
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

    /// Starts the devices' threads. No device is opened yet.
    ///
    /// # Errors
    /// [`Error::Policy`] as [`Queue::new`] says, or if a thread cannot be started.
    pub fn build(self) -> Result<Scheduler<D>, Error> {
        let specs: Vec<_> = self.devices.iter().map(|(spec, _)| spec.clone()).collect();
        let names: Vec<_> = specs.iter().map(|s| s.name.clone()).collect();
        let classes = self.policy.classes.iter().map(|c| c.name.clone()).collect();
        let gate = Gate::new(Queue::new(self.policy, specs)?);
        let (mut workers, mut ends) = (Vec::new(), Vec::new());
        for (spec, open) in self.devices {
            let (worker, end) = Worker::spawn(&spec.name, open)?;
            workers.push(worker);
            ends.push(end);
        }
        let workers = Mutex::new(Some(workers));
        let ends = Mutex::new(ends);
        let shared = Shared { gate, names, classes, unnamed: Arc::from(""), workers, ends };
        Ok(Scheduler { shared: Arc::new(shared) })
    }
}

impl<D: 'static> Scheduler<D> {
    /// Begins a scheduler with the default policy and no device.
    pub fn builder() -> Builder<D> {
        Builder { policy: Policy::default(), devices: Vec::new() }
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
        LeaseRequest { scheduler: self.clone(), unknown: class.err(), request, within: None }
    }

    /// The class of this name.
    ///
    /// # Errors
    /// [`Error::UnknownClass`].
    pub fn class(&self, name: &str) -> Result<ClassId, Error> {
        let found = self.shared.classes.iter().position(|c| c == name);
        found.map(ClassId).ok_or_else(|| Error::UnknownClass(name.into()))
    }

    /// How long a new request of this class would wait, going by the run times measured.
    pub fn expected_wait(&self, class: ClassId) -> Duration {
        self.shared.gate.expected_wait(class)
    }

    /// What runs and waits, and what happened so far.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.gate.snapshot()
    }

    /// How far each device is, in the order given; empty once the scheduler is closed.
    pub fn readiness(&self) -> Vec<Readiness> {
        let workers = lock(&self.shared.workers);
        workers.iter().flatten().map(Worker::readiness).collect()
    }

    /// Opens every device that is not open yet and runs `warm` on it, on its thread; so the first
    /// request need not wait for models to load. Runs before jobs that come later. A device that
    /// fails gets no work.
    ///
    /// # Errors
    /// The first failure, [`Error::DeviceLost`]; the other devices are still warmed up.
    pub async fn warm_up(
        &self,
        warm: impl Fn(&mut D) -> Result<(), Failure> + Clone + Send + 'static,
    ) -> Result<(), Error> {
        let mut answers = Vec::new();
        for device in 0..self.shared.names.len() {
            let (tell, told) = oneshot::channel();
            let warm = warm.clone();
            let task = Box::new(move |opened: Result<&mut D, Cause>| {
                let run = |d: &mut D| warm(d);
                let done = opened.map_err(Failure::DeviceLost).and_then(|d| {
                    crate::lease::protect(|| run(d)).unwrap_or_else(|message| {
                        Err(Failure::from(crate::error::Message(message)))
                    })
                });
                let keep = if done.is_ok() { Keep::Open } else { Keep::Close };
                // The caller may have gone.
                let _ = tell.send(done);
                keep
            });
            self.shared.send(DeviceId(device), task)?;
            answers.push(told);
        }
        let mut result = Ok(());
        for (device, told) in answers.into_iter().enumerate() {
            let cause = match told.await {
                Ok(Ok(())) => continue,
                Ok(Err(Failure::OutOfMemory(c) | Failure::DeviceLost(c) | Failure::Other(c))) => c,
                Err(_) => return Err(Error::Closed),
            };
            self.set_state(DeviceId(device), DeviceState::Lost);
            let device = self.shared.names[device].clone();
            result = result.and(Err(Error::DeviceLost { device, source: cause }));
        }
        result
    }

    /// Takes a device out of work or gives it work again, as [`Queue::set_state`].
    pub fn set_state(&self, device: DeviceId, state: DeviceState) {
        self.shared.gate.set_state(device, state);
    }

    /// Refuses new requests, serves those that wait, and resolves when all are done and the
    /// devices are dropped. A lease that somebody keeps, keeps this waiting.
    pub async fn close(&self) {
        self.shared.gate.close();
        self.shared.gate.idle().await;
        drop(lock(&self.shared.workers).take());
        let ends = std::mem::take(&mut *lock(&self.shared.ends));
        for end in ends {
            // An error says that the thread has ended, too.
            let _ = end.await;
        }
    }
}

impl<D: 'static> Shared<D> {
    pub(crate) fn name(&self, device: DeviceId) -> String {
        self.names[device.0].clone()
    }

    pub(crate) fn send(&self, device: DeviceId, task: crate::worker::Task<D>) -> Result<(), Error> {
        let rejected = {
            let workers = lock(&self.workers);
            match workers.as_ref() {
                Some(workers) => workers[device.0].send(task).err(),
                None => Some(task),
            }
        };
        // A rejected task holds a lease; it is dropped outside the lock.
        if rejected.is_some() { Err(Error::Closed) } else { Ok(()) }
    }

    /// Waits for a device, until the deadline.
    pub(crate) async fn wait(
        &self,
        mut acquire: Acquire,
        class: ClassId,
        deadline: Option<Duration>,
    ) -> Result<crate::gate::Permit, Error> {
        let denied = |denied| {
            let class = self.classes.get(class.0).cloned().unwrap_or_default();
            match denied {
                Denied::Expired => Error::Deadline { class },
                Denied::NoDevice => Error::NoDevice { class },
            }
        };
        let Some(deadline) = deadline else { return acquire.await.map_err(denied) };
        let sleep = tokio::time::sleep_until(self.gate.instant(deadline));
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

/// A request for a device, to be completed and awaited.
#[must_use = "nothing is asked for until the request is awaited"]
pub struct LeaseRequest<D> {
    scheduler: Scheduler<D>,
    unknown: Option<Error>,
    request: Request,
    within: Option<Duration>,
}

impl<D> fmt::Debug for LeaseRequest<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaseRequest")
            .field("request", &self.request)
            .field("within", &self.within)
            .finish_non_exhaustive()
    }
}

impl<D: 'static> LeaseRequest<D> {
    /// Who asks: flows share the devices fairly. Without it, the flow without a name.
    pub fn flow(mut self, flow: impl Into<Arc<str>>) -> Self {
        self.request.flow = flow.into();
        self
    }

    /// How urgent it is.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.request.priority = priority;
        self
    }

    /// How long it may wait, from when it is awaited. It may run longer.
    pub fn deadline(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    async fn acquire(mut self) -> Result<Lease<D>, Error> {
        if let Some(error) = self.unknown.take() {
            return Err(error);
        }
        let shared = self.scheduler.shared;
        self.request.deadline = self.within.map(|within| shared.gate.now() + within);
        let (class, deadline) = (self.request.class, self.request.deadline);
        let acquire = shared.gate.submit(self.request)?;
        let permit = shared.wait(acquire, class, deadline).await?;
        Ok(Lease::new(shared, permit, class, deadline))
    }
}

impl<D: 'static> IntoFuture for LeaseRequest<D> {
    type Output = Result<Lease<D>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.acquire())
    }
}
