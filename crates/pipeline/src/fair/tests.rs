use super::*;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

type Waiting = BoxFuture<'static, FairPermit>;

fn flow(name: &str) -> Arc<str> {
    name.into()
}

/// Waits for a permit: it has its place in the queue, or the permit, when this returns.
fn wait(permits: &FairPermits, name: &str) -> Result<FairPermit, Waiting> {
    let (permits, name) = (permits.clone(), flow(name));
    let mut waiting: Waiting = Box::pin(async move { permits.acquire(&name).await });
    (&mut waiting).now_or_never().ok_or(waiting)
}

fn take(permits: &FairPermits, name: &str) -> FairPermit {
    wait(permits, name).unwrap_or_else(|_| panic!("no permit for {name}"))
}

fn queue(permits: &FairPermits, name: &str) -> Waiting {
    wait(permits, name).err().unwrap_or_else(|| panic!("a permit for {name}"))
}

#[test]
fn nobody_waits_while_permits_are_free_and_none_has_more_than_its_share() {
    let permits = FairPermits::new(3, 2);
    let first = take(&permits, "a");
    let second = take(&permits, "a");
    let mut third = queue(&permits, "a");
    let other = take(&permits, "b");
    let mut last = queue(&permits, "b");
    let want = PermitUse { total: 3, per_flow: 2, in_use: 3, waiting: 2, flows: 2 };
    assert_eq!(permits.snapshot(), want);
    drop(second);
    // `b` waited with a permit to spare, `a` had all it may have.
    let last = (&mut last).now_or_never().unwrap();
    assert!((&mut third).now_or_never().is_none());
    drop(other);
    let third = (&mut third).now_or_never().unwrap();
    drop((first, last, third));
    let want = PermitUse { total: 3, per_flow: 2, in_use: 0, waiting: 0, flows: 0 };
    assert_eq!(permits.snapshot(), want);
}

/// How many releases the first waiter of a flow needs, where each of these other flows has 1,000
/// waiters and all permits are in use by them.
fn releases(total: usize, per_flow: usize, others: &[&str]) -> usize {
    let permits = FairPermits::new(total, per_flow);
    let (mut held, mut waiting) = (VecDeque::new(), Vec::new());
    for _ in 0..1000 {
        for other in others {
            match wait(&permits, other) {
                Ok(permit) => held.push_back(permit),
                Err(waiter) => waiting.push(waiter),
            }
        }
    }
    assert_eq!(held.len(), total);
    let mut first = queue(&permits, "first");
    let mut released = 0;
    loop {
        drop(held.pop_front().unwrap());
        released += 1;
        let permit = (&mut first).now_or_never();
        let mut got = 0;
        waiting.retain_mut(|waiter| match waiter.now_or_never() {
            Some(permit) => {
                held.push_back(permit);
                got += 1;
                false
            }
            None => true,
        });
        // Each release is one permit for one of them.
        assert_eq!(got + usize::from(permit.is_some()), 1);
        if permit.is_some() {
            return released;
        }
    }
}

#[test]
fn a_thousand_waiters_of_a_flow_delay_another_flow_by_one_release() {
    // The bound of one flow: its turn, and then the other's.
    assert_eq!(releases(4, 5, &["busy"]), 2);
    assert_eq!(releases(1, 2, &["busy"]), 2);
    // A flow that has all it may have gives its turn up.
    assert_eq!(releases(4, 4, &["busy"]), 1);
    assert_eq!(releases(1, 1, &["busy"]), 1);
    // With others, each has its turn before.
    assert_eq!(releases(16, 100, &["a", "b", "c"]), 4);
    assert_eq!(releases(3, 1, &["a", "b", "c"]), 1);
}

#[test]
fn flows_take_turns_and_each_is_first_come_first_served() {
    let permits = FairPermits::new(1, 1);
    let mut held = Some(take(&permits, "z"));
    let names = ["a", "a", "a", "b", "c", "c", "z"];
    let mut waiting: Vec<_> =
        (0..).zip(names).map(|(n, name)| (n, queue(&permits, name))).collect();
    let mut order = Vec::new();
    while !waiting.is_empty() {
        held.take();
        waiting.retain_mut(|(number, waiter)| match waiter.now_or_never() {
            Some(permit) => {
                held = Some(permit);
                order.push(*number);
                false
            }
            None => true,
        });
    }
    assert_eq!(order, [0, 3, 4, 6, 1, 5, 2]);
}

#[test]
fn a_waiter_that_goes_loses_no_permit() {
    let permits = FairPermits::new(1, 1);
    let held = take(&permits, "a");
    let mut next = queue(&permits, "b");
    // One leaves the queue, one goes with a permit that it was given and never saw.
    drop(queue(&permits, "a"));
    let granted = queue(&permits, "a");
    assert_eq!(permits.snapshot().waiting, 2);
    drop(held);
    let permit = (&mut next).now_or_never().unwrap();
    drop(permit);
    assert_eq!((permits.snapshot().in_use, permits.snapshot().waiting), (1, 0));
    drop(granted);
    assert_eq!((permits.snapshot().in_use, permits.snapshot().flows), (0, 0));
    drop(take(&permits, "c"));
}

/// Random numbers (an xorshift), the same ones in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

#[test]
fn whatever_is_cancelled_no_permit_is_lost_or_doubled() {
    const FLOWS: [&str; 5] = ["a", "b", "c", "d", "e"];
    for seed in 1..=300 {
        let mut random = Random(seed * 0x9e37_79b9);
        let (total, per_flow) = (1 + random.below(6), 1 + random.below(4));
        let permits = FairPermits::new(total, per_flow);
        let mut waiting: Vec<(usize, Waiting)> = Vec::new();
        let mut held: Vec<(usize, FairPermit)> = Vec::new();
        for _ in 0..300 {
            match random.below(6) {
                0..3 => {
                    let flow = random.below(FLOWS.len());
                    match wait(&permits, FLOWS[flow]) {
                        Ok(permit) => held.push((flow, permit)),
                        Err(waiter) => waiting.push((flow, waiter)),
                    }
                }
                3 if !waiting.is_empty() => {
                    drop(waiting.swap_remove(random.below(waiting.len())));
                }
                4 if !held.is_empty() => drop(held.swap_remove(random.below(held.len()))),
                _ => {
                    // All look: who was given a permit takes it.
                    for (flow, mut waiter) in std::mem::take(&mut waiting) {
                        match (&mut waiter).now_or_never() {
                            Some(permit) => held.push((flow, permit)),
                            None => waiting.push((flow, waiter)),
                        }
                    }
                    let snapshot = permits.snapshot();
                    let counts = (snapshot.in_use, snapshot.waiting);
                    assert_eq!(counts, (held.len(), waiting.len()), "seed {seed}");
                    // Who still waits does so for a reason.
                    for (flow, _) in &waiting {
                        let has = held.iter().filter(|(of, _)| of == flow).count();
                        assert!(held.len() == total || has == per_flow, "seed {seed}");
                    }
                }
            }
            let snapshot = permits.snapshot();
            assert!(held.len() <= snapshot.in_use && snapshot.in_use <= total, "seed {seed}");
            for flow in 0..FLOWS.len() {
                let has = held.iter().filter(|(of, _)| *of == flow).count();
                assert!(has <= per_flow, "seed {seed}");
            }
        }
        drop((waiting, held));
        let empty = PermitUse { total, per_flow, in_use: 0, waiting: 0, flows: 0 };
        assert_eq!(permits.snapshot(), empty, "seed {seed}");
        let all: Vec<_> = (0..total).map(|n| take(&permits, &n.to_string())).collect();
        assert_eq!((all.len(), permits.snapshot().in_use), (total, total));
    }
}

/// Somebody who has a permit.
struct AtWork<'a>(&'a AtomicUsize);

impl<'a> AtWork<'a> {
    fn new(count: &'a AtomicUsize, most: usize) -> Self {
        assert!(count.fetch_add(1, Ordering::SeqCst) < most);
        Self(count)
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_on_many_threads_that_are_cut_off_leave_all_permits() {
    let permits = FairPermits::new(3, 2);
    let count = Arc::new(AtomicUsize::new(0));
    let task = |number: u64| {
        let (permits, count) = (permits.clone(), count.clone());
        let name = flow(&(number % 7).to_string());
        let work = async move {
            let _permit = permits.acquire(&name).await;
            let _at_work = AtWork::new(&count, 3);
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        // A third of them are cut off as they wait or work.
        let limit = if number.is_multiple_of(3) { number / 10 } else { 60_000 };
        tokio::spawn(async move {
            tokio::time::timeout(Duration::from_millis(limit), work).await.is_ok()
        })
    };
    let tasks: Vec<_> = (0..300).map(task).collect();
    let mut done = 0;
    for task in tasks {
        done += usize::from(task.await.unwrap());
    }
    assert!(done >= 200, "{done}");
    let snapshot = permits.snapshot();
    assert_eq!((snapshot.in_use, snapshot.waiting, snapshot.flows), (0, 0, 0));
}
