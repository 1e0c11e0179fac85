//! Asking for a lease.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::gate::QueuePlace;
use crate::lease::Lease;
use crate::policy::Priority;
use crate::queue::Request;
use crate::shared::Shared;

/// Longer waits count as unlimited.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A request for a device, to be completed and awaited.
#[must_use = "nothing is asked for until the request is awaited"]
pub struct LeaseRequest<D> {
    shared: Arc<Shared<D>>,
    unknown: Option<Error>,
    request: Request,
    within: Option<Duration>,
    place: Option<QueuePlace>,
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
    pub(crate) fn new(shared: Arc<Shared<D>>, unknown: Option<Error>, request: Request) -> Self {
        Self { shared, unknown, request, within: None, place: None }
    }

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

    /// How long it may wait, from when it is awaited until its job begins; zero is now or never.
    /// It may run longer. More than a century counts as no limit.
    pub fn deadline(mut self, within: Duration) -> Self {
        self.within = Some(within).filter(|within| *within < CENTURY);
        self
    }

    /// Waits in the place that was [kept](crate::Scheduler::reserve) for this request, and so is
    /// not refused. A place of another class, flow or scheduler is given back and changes nothing.
    pub fn place(mut self, place: QueuePlace) -> Self {
        self.place = Some(place);
        self
    }

    async fn acquire(mut self) -> Result<Lease<D>, Error> {
        if let Some(error) = self.unknown.take() {
            return Err(error);
        }
        let shared = self.shared;
        let class = self.request.class;
        let acquire = shared.gate.submit(self.request, self.within, self.place)?;
        let permit = shared.wait(acquire, class).await?;
        Ok(Lease::new(shared, permit, class))
    }
}

impl<D: 'static> IntoFuture for LeaseRequest<D> {
    type Output = Result<Lease<D>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.acquire())
    }
}
