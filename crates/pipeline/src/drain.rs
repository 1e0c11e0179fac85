//! Calls that are under way, and the end of new ones.

use crate::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Counts what is under way. Closed, it lets nothing new begin.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    under_way: usize,
}

/// One call that is under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Pass(Arc<Drain>);

impl Drain {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn enter(self: &Arc<Self>) -> Result<Pass, Error> {
        let mut state = self.state();
        if state.closed {
            return Err(Error::Closing);
        }
        state.under_way += 1;
        Ok(Pass(self.clone()))
    }

    /// Lets nothing new begin, and resolves when all that is under way has ended.
    pub(crate) async fn close(&self) {
        self.state().closed = true;
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            // From here on no end is missed.
            ended.as_mut().enable();
            if self.state().under_way == 0 {
                return;
            }
            ended.await;
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.under_way -= 1;
        if state.under_way == 0 {
            drop(state);
            self.0.ended.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn closing_waits_for_what_is_under_way_and_refuses_what_comes() {
        let drain = Arc::new(Drain::default());
        let passes = [drain.enter().unwrap(), drain.enter().unwrap()];
        let mut close = Box::pin(drain.close());
        assert_eq!(close.as_mut().now_or_never(), None);
        assert!(matches!(drain.enter(), Err(Error::Closing)));
        for pass in passes {
            assert_eq!(close.as_mut().now_or_never(), None);
            drop(pass);
        }
        assert_eq!(close.now_or_never(), Some(()));
        drain.close().await;
    }
}
