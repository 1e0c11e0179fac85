//! Prints how forward passes scale with threads, and what two requests at once cost.
//!
//! Not by Criterion: what is compared must be timed in turns, because a machine's speed changes.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a table for people")]

use portrait_detection::{Variant, Yolov8, Yolov8Config};
use portrait_kernels::{Device, Precision, keep_freed_memory};
use portrait_segmentation::{Birefnet, BirefnetConfig};
use portrait_test_support::reproducible::{input, var_builder};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::time::{Duration, Instant};

/// Sizes of the pools.
const THREADS: [usize; 3] = [1, 2, 4];
/// The time that a turn should take.
const TURN: Duration = Duration::from_millis(400);
const ROUNDS: usize = 9;

type Pass = Box<dyn Fn() + Sync>;

fn main() {
    // Cargo passes `--bench` and a filter, which are ignored: there is one table.
    keep_freed_memory(1 << 30);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{cores} cores; medians of {ROUNDS} rounds, milliseconds for a pass\n");
    println!(
        "| network | 1 thread | 2 threads | 4 threads | two requests at once | / 2 × one request |"
    );
    println!("|---|---|---|---|---|---|");
    for (name, pass) in networks() {
        row(name, &pass);
    }
}

fn networks() -> Vec<(&'static str, Pass)> {
    let weights = || var_builder(Precision::F32.dtype(), &Device::Cpu);
    let picture = |side| input((1, 3, side, side)).expect("a valid shape");
    let yolo = Yolov8::new(&Yolov8Config::new(Variant::N, 80), &weights()).expect("a network");
    let lite = Birefnet::new(&BirefnetConfig::lite(), &weights()).expect("a network");
    let (large, small) = (picture(640), picture(512));
    vec![
        ("YOLOv8n 640²", Box::new(move || drop(yolo.forward(&large).expect("an output")))),
        ("BiRefNet lite 512²", Box::new(move || drop(lite.forward(&small).expect("an output")))),
    ]
}

fn row(name: &str, pass: &Pass) {
    let pool = |threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
    let pools = THREADS.map(pool);
    // The first pass of a pool sets up the memory of its threads.
    let first = pools.each_ref().map(|pool| turn(pool, pass, 1).min(turn(pool, pass, 1)) / 1e3);
    let passes = first.map(|time| (TURN.as_secs_f64() / time).ceil() as usize);
    let (mut alone, mut together) = ([(); THREADS.len()].map(|()| Vec::new()), Vec::new());
    for _ in 0..ROUNDS {
        for (index, pool) in pools.iter().enumerate() {
            alone[index].push(turn(pool, pass, passes[index]));
        }
        together.push(at_once(&pools[1], pass, passes[1]));
    }
    let [one, two, four] = alone.map(median);
    let together = median(together);
    println!(
        "| {name} | {one:.1} | {two:.1} ({:.2} ×) | {four:.1} ({:.2} ×) | {together:.1} | {:.2} |",
        one / two,
        one / four,
        together / (2.0 * two)
    );
}

/// Milliseconds for a pass.
fn turn(pool: &ThreadPool, pass: &Pass, passes: usize) -> f64 {
    let start = Instant::now();
    for _ in 0..passes {
        pool.install(pass);
    }
    start.elapsed().as_secs_f64() * 1e3 / passes as f64
}

/// Milliseconds for a pass while another caller does the same in the same pool.
fn at_once(pool: &ThreadPool, pass: &Pass, passes: usize) -> f64 {
    std::thread::scope(|scope| {
        let other = scope.spawn(|| turn(pool, pass, passes));
        let time = turn(pool, pass, passes);
        time.max(other.join().unwrap_or(f64::NAN))
    })
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
