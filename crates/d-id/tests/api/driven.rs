//! Paused time that a driver lets pass, for futures that talk over real sockets.
//!
//! tokio's own paused clock jumps to the next timer as soon as every task waits, also for a packet
//! that is about to arrive, and so lets requests time out that are being answered. Here time
//! stands still until nothing has happened for many turns of the runtime, each of which looks at
//! every socket; then it passes in growing steps.

use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;

use futures::future::{FutureExt as _, LocalBoxFuture};
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::task::yield_now;
use tokio::time;

/// Turns without any event that count as "everybody waits".
const QUIET: u32 = 12;
const FIRST_STEP: Duration = Duration::from_millis(5);
const LONGEST_STEP: Duration = Duration::from_millis(500);

/// Runs `work` on a current-thread runtime that was started paused; `events` counts whatever else
/// shows that things go on, such as the requests a server has seen. Work of blocking tasks is
/// waited for where the runtime has two threads for them, of which one is in use here.
pub(crate) async fn driven<T>(work: impl Future<Output = T>, events: impl Fn() -> u64) -> T {
    // A blocking task keeps the runtime from moving the clock by itself.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let keeper = tokio::task::spawn_blocking(move || held.recv().is_err());
    let polls = Cell::new(0);
    let mut work = pin!(work);
    let work = std::future::poll_fn(|context| {
        polls.set(polls.get() + 1);
        work.as_mut().poll(context)
    });
    let clock = drive(|| polls.get() + events());
    let result = {
        // Polls only the one of the two that woke.
        let mut both: FuturesUnordered<LocalBoxFuture<'_, Option<T>>> = FuturesUnordered::new();
        both.push(work.map(Some).boxed_local());
        both.push(clock.map(|()| None).boxed_local());
        both.next().await.flatten().expect("the clock never stops")
    };
    drop(release);
    keeper.await.unwrap();
    result
}

async fn drive(events: impl Fn() -> u64) {
    let (mut step, mut seen, mut quiet) = (FIRST_STEP, events(), 0);
    loop {
        yield_now().await;
        let now = events();
        if now != seen {
            (step, seen, quiet) = (FIRST_STEP, now, 0);
            continue;
        }
        quiet += 1;
        if quiet >= QUIET {
            // Behind whatever is being computed.
            tokio::task::spawn_blocking(|| ()).await.unwrap();
            if events() != seen {
                continue;
            }
            time::advance(step).await;
            step = (step * 2).min(LONGEST_STEP);
            quiet = 0;
        }
    }
}
