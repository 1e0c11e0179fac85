//! Waiting until a device, or the whole queue, has nothing to do.

use std::task::{Poll, Waker};

use super::core::Gate;
use crate::queue::{ClassId, DeviceId, DeviceState};
use crate::sync::lock;

impl Gate {
    /// Resolves when nothing waits and nothing runs.
    pub(crate) async fn idle(&self) {
        std::future::poll_fn(|cx| {
            let mut state = lock(&self.state);
            if state.queue.is_idle() {
                return Poll::Ready(());
            }
            note(&mut state.until_idle, cx.waker());
            Poll::Pending
        })
        .await;
    }

    /// Resolves when no lease of a draining device is held any more: with false where it does not
    /// drain, or no longer.
    pub(crate) async fn drained(&self, device: DeviceId) -> bool {
        std::future::poll_fn(|cx| {
            let mut state = lock(&self.state);
            match state.queue.device(device) {
                Some((DeviceState::Draining, 0)) => Poll::Ready(true),
                Some((DeviceState::Draining, _)) => {
                    note(&mut state.until_free, cx.waker());
                    Poll::Pending
                }
                _ => Poll::Ready(false),
            }
        })
        .await
    }

    /// Resolves when a device that can run the class has nothing to do.
    pub(crate) async fn device_idle(&self, class: ClassId) {
        std::future::poll_fn(|cx| {
            let mut state = lock(&self.state);
            if state.queue.has_idle_device(class) {
                return Poll::Ready(());
            }
            note(&mut state.until_free, cx.waker());
            Poll::Pending
        })
        .await;
    }
}

/// Adds a waker once, however often its task is polled.
fn note(wakers: &mut Vec<Waker>, waker: &Waker) {
    if !wakers.iter().any(|known| known.will_wake(waker)) {
        wakers.push(waker.clone());
    }
}
