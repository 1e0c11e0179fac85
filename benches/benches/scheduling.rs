//! Cost of a lease, alone and with many waiters, compared with a semaphore, which only counts.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use portrait_gpu_scheduling::{
    Class, ClassId, DeviceSpec, Event, Outcome, Policy, Queue, Request, Scheduler,
};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;

const DEVICES: usize = 8;
const WAITERS: usize = 10_000;

fn policy() -> Policy {
    let waiting = 2 * WAITERS;
    let classes = vec![Class::exclusive("job", 0)];
    Policy { waiting, waiting_per_flow: waiting, ..Policy::new(classes) }
}

fn scheduler() -> Scheduler<()> {
    let mut builder = Scheduler::builder().policy(policy());
    for i in 0..DEVICES {
        builder = builder.device(DeviceSpec::new(format!("{i}"), 1 << 30), || Ok(()));
    }
    builder.build().expect("a policy that works")
}

fn uncontended(c: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let mut group = c.benchmark_group("lease_and_release");
    let scheduler = scheduler();
    group.bench_function("scheduler", |b| {
        b.iter_custom(|rounds| {
            runtime.block_on(async {
                let start = Instant::now();
                for _ in 0..rounds {
                    drop(black_box(scheduler.lease("job").await.expect("a free device")));
                }
                start.elapsed()
            })
        });
    });
    let semaphore = Semaphore::new(DEVICES);
    group.bench_function("semaphore", |b| {
        b.iter_custom(|rounds| {
            runtime.block_on(async {
                let start = Instant::now();
                for _ in 0..rounds {
                    drop(black_box(semaphore.acquire().await.expect("an open semaphore")));
                }
                start.elapsed()
            })
        });
    });
    group.finish();
}

/// Lets every task spawned so far come to its first wait.
async fn all_wait() {
    for _ in 0..WAITERS {
        tokio::task::yield_now().await;
    }
}

/// All waiters at once, on one core; the time is from the first release to the last.
fn contended(c: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let mut group = c.benchmark_group("ten_thousand_waiters");
    group.throughput(Throughput::Elements(WAITERS as u64)).sample_size(10);
    for flows in [1, 100] {
        let scheduler = scheduler();
        let names: Vec<Arc<str>> = (0..flows).map(|i| Arc::from(format!("{i}"))).collect();
        group.bench_function(format!("scheduler_{flows}_flows"), |b| {
            b.iter_custom(|rounds| {
                let mut time = Duration::ZERO;
                for _ in 0..rounds {
                    time += runtime.block_on(async {
                        let mut held = Vec::new();
                        for _ in 0..DEVICES {
                            held.push(scheduler.lease("job").await.expect("a free device"));
                        }
                        let tasks: Vec<_> = (0..WAITERS)
                            .map(|i| {
                                let request = scheduler.lease("job").flow(names[i % flows].clone());
                                tokio::spawn(async move { request.await.map(drop) })
                            })
                            .collect();
                        all_wait().await;
                        assert_eq!(scheduler.snapshot().waiting, WAITERS);
                        let start = Instant::now();
                        drop(held);
                        for task in tasks {
                            task.await.expect("no panic").expect("a lease");
                        }
                        start.elapsed()
                    });
                }
                time
            });
        });
    }
    let semaphore = Arc::new(Semaphore::new(DEVICES));
    group.bench_function("semaphore", |b| {
        b.iter_custom(|rounds| {
            let mut time = Duration::ZERO;
            for _ in 0..rounds {
                time += runtime.block_on(async {
                    let all = u32::try_from(DEVICES).expect("few");
                    let held = semaphore.acquire_many(all).await.expect("open");
                    let tasks: Vec<_> = (0..WAITERS)
                        .map(|_| {
                            let semaphore = semaphore.clone();
                            tokio::spawn(async move { semaphore.acquire().await.map(drop) })
                        })
                        .collect();
                    all_wait().await;
                    let start = Instant::now();
                    drop(held);
                    for task in tasks {
                        task.await.expect("no panic").expect("open");
                    }
                    start.elapsed()
                });
            }
            time
        });
    });
    group.finish();
}

/// The decisions alone: no runtime, no wake-ups.
fn decisions(c: &mut Criterion) {
    let mut group = c.benchmark_group("decisions");
    group.throughput(Throughput::Elements(WAITERS as u64)).sample_size(10);
    group.bench_function("ten_thousand_waiters", |b| {
        b.iter(|| {
            let specs = (0..DEVICES).map(|i| DeviceSpec::new(format!("{i}"), 1 << 30)).collect();
            let mut queue = Queue::new(policy(), specs).expect("a policy that works");
            for _ in 0..WAITERS {
                queue.submit(Duration::ZERO, Request::new(ClassId(0))).expect("room");
            }
            while let Some(event) = queue.next_event() {
                if let Event::Granted(ticket, _) = event {
                    queue.release(Duration::ZERO, ticket, Outcome::Finished);
                }
            }
            assert!(queue.is_idle());
        });
    });
    group.finish();
}

criterion_group!(benches, uncontended, contended, decisions);
criterion_main!(benches);
