//! Calls that are under way, and the end of new ones.

use crate::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// Counts what is under way. Closed, it lets nothing new begin.
#[derive(Debug)]
pub(crate) struct Closing {
    state: Mutex<State>,
    ended: Notify,
    /// Turns true when the time of grace is over.
    cut_off: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    under_way: usize,
}

/// One call that is under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Pass(Arc<Closing>);

impl Default for Closing {
    fn default() -> Self {
        Self { state: Mutex::default(), ended: Notify::new(), cut_off: watch::Sender::new(false) }
    }
}

impl Closing {
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

    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Lets nothing new begin, and resolves when all that is under way has ended: by itself, or
    /// after `grace` because it is cut off.
    pub(crate) async fn close(&self, grace: Duration) {
        self.state().closed = true;
        if tokio::time::timeout(grace, self.empty()).await.is_err() {
            self.cut_off.send_replace(true);
            self.empty().await;
        }
    }

    /// Resolves when the time of grace is over.
    pub(crate) async fn cut_off(&self) {
        let mut cut_off = self.cut_off.subscribe();
        // The sender lives as long as `self`.
        if cut_off.wait_for(|cut_off| *cut_off).await.is_err() {
            std::future::pending().await
        }
    }

    async fn empty(&self) {
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
        let closing = Arc::new(Closing::default());
        let passes = [closing.enter().unwrap(), closing.enter().unwrap()];
        let mut close = Box::pin(closing.close(Duration::MAX));
        assert_eq!(close.as_mut().now_or_never(), None);
        assert!(matches!(closing.enter(), Err(Error::Closing)));
        for pass in passes {
            assert_eq!(close.as_mut().now_or_never(), None);
            drop(pass);
        }
        assert_eq!(close.now_or_never(), Some(()));
        closing.close(Duration::MAX).await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_under_way_is_cut_off_after_the_grace() {
        let closing = Arc::new(Closing::default());
        let pass = closing.enter().unwrap();
        let call = async {
            closing.cut_off().await;
            drop(pass);
        };
        let begun = tokio::time::Instant::now();
        tokio::join!(call, closing.close(Duration::from_secs(5)));
        assert_eq!(begun.elapsed(), Duration::from_secs(5));
    }
}
