//! Who asks, how urgently, how long it may take, and who is told of it.

use crate::progress::Progress;
use portrait_gpu_scheduling::Priority;
use portrait_storage::PhotoId;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What all steps of one caller have in common; see [`Pipeline::with`](crate::Pipeline::with).
///
/// ```
/// use portrait_pipeline::{Context, Priority};
///
/// let tenant = Context { flow: Some("tenant 7".into()), ..Context::default() };
/// let bulk = Context { priority: Priority::Low, ..tenant };
/// assert_eq!(bulk.max_wait, None);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Who asks, such as a tenant: flows share the devices, the cores and the talks fairly, however
    /// much each asks for. `None` lets each photo be a flow, so that one with ten persons does not
    /// hold up one with a single person.
    pub flow: Option<Arc<str>>,
    /// How urgent it is; normal by default.
    pub priority: Priority,
    /// How long each network of a request may wait for its device, from when its input is made
    /// until its run begins (in a batch, until the batch has a device), beside the limits of
    /// [`Timeouts`](crate::Timeouts); unlimited by default.
    pub max_wait: Option<Duration>,
    /// When the caller has no more use for a result: a step that is not finished by then ends with
    /// [`Error::Timeout`](crate::Error::Timeout). None by default. What was paid for by then is not
    /// lost: [`Pipeline::resume`](crate::Pipeline::resume) finds it.
    pub deadline: Option<Instant>,
    /// Who is told what happens.
    pub progress: Progress,
    /// To whom what is stored belongs; written beside each artifact. At most 256 bytes.
    pub owner: Option<Arc<str>>,
}

impl Context {
    /// The flow of work on this photo.
    pub(crate) fn flow_of(&self, photo: PhotoId) -> Arc<str> {
        self.flow.clone().unwrap_or_else(|| photo.to_string().into())
    }

    /// The flow of work that belongs to no photo.
    pub(crate) fn flow_or(&self, name: &str) -> Arc<str> {
        self.flow.clone().unwrap_or_else(|| name.into())
    }

    /// What is left of `limit` before the deadline.
    pub(crate) fn limit(&self, limit: Duration) -> Duration {
        match self.deadline {
            Some(deadline) => limit.min(deadline.saturating_duration_since(Instant::now())),
            None => limit,
        }
    }

    /// How long a network may wait for its device.
    pub(crate) fn wait_limit(&self) -> Option<Duration> {
        match (self.max_wait, self.deadline) {
            (None, None) => None,
            (wait, _) => Some(self.limit(wait.unwrap_or(Duration::MAX))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_bounds_every_limit() {
        let minute = Duration::from_secs(60);
        let open = Context::default();
        assert_eq!((open.limit(minute), open.wait_limit()), (minute, None));
        let late = Context { deadline: Some(Instant::now()), ..Context::default() };
        assert_eq!((late.limit(minute), late.wait_limit()), (Duration::ZERO, Some(Duration::ZERO)));
        let soon = Context { deadline: Some(Instant::now() + minute), ..Context::default() };
        assert!(soon.limit(Duration::MAX) <= minute && soon.wait_limit() <= Some(minute));
        let photo = PhotoId::generate();
        assert_eq!(&*open.flow_of(photo), photo.to_string());
        let tenant = Context { flow: Some("tenant".into()), ..Context::default() };
        assert_eq!(&*tenant.flow_of(photo), "tenant");
    }
}
