//! Thousands of callers at once on the scheduler with its threads: runs that panic, fail, run out
//! of memory and lose their device, callers that leave, devices that come back.
#![cfg(not(feature = "model"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use portrait_gpu_scheduling::{
    BIREFNET, DeviceId, DeviceSpec, DeviceState, Error, Failure, Policy, Priority, Scheduler, YOLO,
};

const DEVICES: usize = 3;
const CALLERS: u64 = 3_000;

#[derive(Debug, thiserror::Error)]
#[error("simulated")]
struct Simulated;

/// A number that looks random, of this one (SplitMix64).
fn random(seed: u64) -> u64 {
    let z = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A device, as its thread has it.
struct Device {
    number: usize,
    /// Runs on it now.
    inside: usize,
}

/// What a run does, by its caller's number. The first device is never lost: without any device
/// nothing could be tried again.
fn job(
    number: u64,
    runs: Arc<AtomicUsize>,
) -> impl FnMut(&mut Device) -> Result<u64, Failure> + Send + 'static {
    move |Device { number: device, inside }| {
        assert_eq!(*inside, 0, "one run at a time on a device's thread");
        *inside = 1;
        let first = runs.fetch_add(1, Ordering::SeqCst) == 0;
        let result = match random(number) % 20 {
            0 => {
                *inside = 0;
                panic!("simulated")
            }
            1 => Err(Failure::from(Simulated)),
            2 if first => Err(Failure::out_of_memory(Simulated)),
            3 => Err(Failure::out_of_memory(Simulated)),
            4 if first && *device > 0 => Err(Failure::device_lost(Simulated)),
            _ => Ok(number),
        };
        *inside = 0;
        result
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_callers_and_runs_do_everybody_is_answered_and_nothing_leaks() {
    let policy = Policy { waiting: 10_000, waiting_per_flow: 10_000, ..Policy::by_memory() };
    let mut builder = Scheduler::builder().policy(policy);
    for i in 0..DEVICES {
        builder = builder.device(DeviceSpec::new(format!("{i}"), 9 << 30), move || {
            Ok(Device { number: i, inside: 0 })
        });
    }
    let scheduler = builder.build().unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let restorer = {
        let (scheduler, done) = (scheduler.clone(), done.clone());
        tokio::spawn(async move {
            while !done.load(Ordering::SeqCst) {
                for device in 0..DEVICES {
                    scheduler.set_state(DeviceId(device), DeviceState::Up);
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
    };
    let answered = Arc::new(AtomicU64::new(0));
    let mut callers = Vec::new();
    for number in 0..CALLERS {
        let (scheduler, answered) = (scheduler.clone(), answered.clone());
        callers.push(tokio::spawn(async move {
            let dice = random(number ^ 0xABCD);
            let class = if dice.is_multiple_of(3) { BIREFNET } else { YOLO };
            let mut request = scheduler.lease(class).flow(format!("{}", dice % 7));
            request = request.priority(
                [Priority::Low, Priority::Normal, Priority::High][(dice % 11 % 3) as usize],
            );
            let limited = dice % 5 == 4;
            if limited {
                request = request.deadline(Duration::from_millis(dice % 50));
            }
            let runs = Arc::new(AtomicUsize::new(0));
            let result = match request.await {
                Ok(_) if dice % 17 == 1 => Ok(number), // leaves without a run
                Ok(lease) => lease.run(job(number, runs.clone())).await,
                Err(error) => Err(error),
            };
            answered.fetch_add(1, Ordering::SeqCst);
            let runs = runs.load(Ordering::SeqCst);
            match result {
                Ok(answer) => assert_eq!(answer, number),
                Err(Error::Panicked { .. } | Error::Job(_)) => assert_eq!(runs, 1),
                // After its deadline a run is not tried again.
                Err(Error::OutOfMemory { .. }) if limited => assert!((1..=2).contains(&runs)),
                Err(Error::OutOfMemory { .. }) => assert_eq!(runs, 2, "once more, alone"),
                Err(Error::DeviceLost { .. } | Error::NoDevice { .. }) => assert!(runs <= 2),
                Err(Error::Deadline { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }));
        if number % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let mut left = 0;
    for (number, caller) in callers.iter().enumerate() {
        if random(number as u64 ^ 0x1234).is_multiple_of(6) {
            caller.abort();
            left += 1;
        }
    }
    let mut cancelled = 0;
    for caller in callers {
        match caller.await {
            Ok(()) => {}
            Err(error) => {
                assert!(error.is_cancelled(), "{error}");
                cancelled += 1;
            }
        }
    }
    assert!(cancelled <= left);
    assert_eq!(answered.load(Ordering::SeqCst) + cancelled, CALLERS);
    scheduler.close().await;
    done.store(true, Ordering::SeqCst);
    restorer.await.unwrap();
    let end = scheduler.snapshot();
    assert_eq!(end.waiting, 0);
    assert!(end.classes.iter().all(|class| class.active == 0));
    assert!(end.devices.iter().all(|d| d.memory_leased == 0 && d.reserved_for.is_none()));
}
