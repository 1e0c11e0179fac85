//! Waiters, their wakers and their places, without threads.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{Acquire, Gate};
use crate::policy::{DeviceSpec, Policy};
use crate::queue::{ClassId, Queue, Request};
use crate::sync::lock;

const SECOND: Duration = Duration::from_secs(1);

fn gate() -> Arc<Gate> {
    Gate::new(Queue::new(Policy::standard(), vec![DeviceSpec::new("0", 1 << 30)]).unwrap())
}

fn submit(gate: &Arc<Gate>, class: usize, within: Option<Duration>) -> Acquire {
    gate.submit(Request::new(ClassId(class)), within, None).unwrap()
}

fn poll<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Poll<T> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// The device is granted to a waiter by the very call that withdraws it.
#[tokio::test(start_paused = true)]
async fn a_waiter_dropped_when_anothers_deadline_makes_room_for_it_leaks_nothing() {
    let gate = gate();
    let mut holder = submit(&gate, 0, None);
    let Poll::Ready(Ok(holder)) = poll(&mut holder) else { panic!() };
    let elected = submit(&gate, 1, Some(SECOND));
    let beside = submit(&gate, 0, None);
    tokio::time::advance(2 * SECOND).await;
    drop(beside);
    drop((elected, holder));
    let state = lock(&gate.state);
    assert!(state.queue.is_idle() && state.slots.is_empty(), "a lease leaked");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_end_is_noted_once_however_often_it_is_polled() {
    let gate = gate();
    let holder = submit(&gate, 1, None);
    let (idle, free) = (gate.idle(), gate.device_idle(ClassId(0)));
    let (mut idle, mut free) = (Box::pin(idle), Box::pin(free));
    for _ in 0..10 {
        assert!(poll(&mut idle).is_pending() && poll(&mut free).is_pending());
    }
    let noted = |gate: &Gate| {
        let state = lock(&gate.state);
        (state.until_idle.len(), state.until_free.len())
    };
    assert_eq!(noted(&gate), (1, 1));
    drop(holder);
    assert_eq!(noted(&gate), (0, 0));
}

#[test]
fn a_place_goes_to_its_request_or_back() {
    let gate = gate();
    let flow = |name: &str| Arc::<str>::from(name);
    let kept = |gate: &Gate| lock(&gate.state).queue.places();
    let place = gate.reserve(ClassId(1), flow("a")).unwrap();
    assert_eq!(kept(&gate), 1);
    let request = Request { flow: flow("a"), ..Request::new(ClassId(1)) };
    let running = gate.submit(request.clone(), None, Some(place)).unwrap();
    assert_eq!(kept(&gate), 0);
    drop(gate.reserve(ClassId(1), flow("a")).unwrap());
    assert_eq!(kept(&gate), 0);
    let others = gate.reserve(ClassId(0), flow("a")).unwrap();
    drop(gate.submit(request, None, Some(others)).unwrap());
    assert_eq!(kept(&gate), 0);
    drop(running);
}
