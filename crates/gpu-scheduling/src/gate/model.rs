//! The wake-up path under a model checker, which tries many interleavings of its threads.
//!
//! `cargo test -p portrait-gpu-scheduling --features model gate::model`

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shuttle::{check_random, future, thread};

use super::{Acquire, Gate};
use crate::error::Error;
use crate::policy::{DeviceSpec, Policy};
use crate::queue::{ClassId, Outcome, Queue, Request};
use crate::sync::lock;

const RUNS: usize = 5_000;

fn gate(devices: usize) -> Arc<Gate> {
    let specs = (0..devices).map(|i| DeviceSpec::new(format!("{i}"), 1 << 30)).collect();
    Gate::new(Queue::new(Policy::standard(), specs).unwrap())
}

fn request(class: usize) -> Request {
    Request::new(ClassId(class))
}

fn submit(gate: &Arc<Gate>, class: usize) -> Acquire {
    gate.submit(request(class), None, None).unwrap()
}

fn assert_empty(gate: &Gate) {
    let state = lock(&gate.state);
    assert!(state.queue.is_idle(), "a lease leaked");
    assert!(state.slots.is_empty(), "a waiter leaked");
}

/// A lost wake-up would be a deadlock, which the checker reports.
#[test]
fn every_waiter_is_woken() {
    check_random(
        || {
            let gate = gate(1);
            let inside = Arc::new(AtomicUsize::new(0));
            let threads: Vec<_> = (0..4)
                .map(|i| {
                    let (gate, inside) = (gate.clone(), inside.clone());
                    thread::spawn(move || {
                        let class = usize::from(i % 2 == 0);
                        let acquire = submit(&gate, class);
                        let permit = future::block_on(acquire).unwrap();
                        let weight = if class == 1 { 2 } else { 1 };
                        let before = inside.fetch_add(weight, Ordering::SeqCst);
                        assert!(before + weight <= 2, "two small ones, or one alone");
                        thread::yield_now();
                        inside.fetch_sub(weight, Ordering::SeqCst);
                        permit.release(Outcome::Finished);
                    })
                })
                .collect();
            threads.into_iter().for_each(|t| t.join().unwrap());
            assert_empty(&gate);
        },
        RUNS,
    );
}

/// A waiter is dropped while the device is handed to it: the next one must still get it.
#[test]
fn a_waiter_dropped_while_it_is_granted_passes_the_device_on() {
    check_random(
        || {
            let gate = gate(1);
            let holder = future::block_on(submit(&gate, 1)).unwrap();
            let dropped = submit(&gate, 1);
            let next = submit(&gate, 1);
            let release = thread::spawn(move || drop(holder));
            let cancel = thread::spawn(move || drop(dropped));
            let permit = future::block_on(next).unwrap();
            permit.release(Outcome::Finished);
            release.join().unwrap();
            cancel.join().unwrap();
            assert_empty(&gate);
        },
        RUNS,
    );
}

/// A job out of memory waits again, while its caller may just be leaving.
#[test]
fn a_second_try_is_woken_or_withdrawn() {
    check_random(
        || {
            let gate = gate(1);
            let first = future::block_on(submit(&gate, 0)).unwrap();
            let beside = future::block_on(submit(&gate, 0)).unwrap();
            let other = thread::spawn(move || drop(beside));
            let again = first.release(Outcome::OutOfMemory { retry: true }).unwrap();
            let leaves = thread::spawn(move || {
                if shuttle::rand::Rng::r#gen::<bool>(&mut shuttle::rand::thread_rng()) {
                    drop(future::block_on(again).unwrap());
                } else {
                    drop(again);
                }
            });
            let last = future::block_on(submit(&gate, 1)).unwrap();
            drop(last);
            other.join().unwrap();
            leaves.join().unwrap();
            assert_empty(&gate);
        },
        RUNS,
    );
}

/// Closing waits for what runs and waits, and for nothing more.
#[test]
fn who_waits_for_the_end_is_woken() {
    check_random(
        || {
            let gate = gate(1);
            let holder = future::block_on(submit(&gate, 1)).unwrap();
            let waits = submit(&gate, 1);
            gate.close();
            let end = {
                let gate = gate.clone();
                thread::spawn(move || future::block_on(gate.idle()))
            };
            let other = thread::spawn(move || drop(future::block_on(waits).unwrap()));
            drop(holder);
            other.join().unwrap();
            end.join().unwrap();
            assert!(matches!(gate.submit(request(0), None, None), Err(Error::Closed)));
            assert_empty(&gate);
        },
        RUNS,
    );
}
