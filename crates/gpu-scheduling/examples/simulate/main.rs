//! Simulates deployments of 1 to 64 GPUs under growing load and prints what they do; with a path,
//! also draws it as SVG.
//!
//! `cargo run -p portrait-gpu-scheduling --example simulate -- docs/images/gpu-simulation.svg`
#![allow(clippy::print_stdout, reason = "a program")]

mod engine;
mod plot;

use std::error::Error;
use std::time::Duration;

use engine::{Arrivals, Report, Scenario, percentile, simulate};
use plot::{Line, Panel};
use portrait_gpu_scheduling::Policy;

const DEVICES: [usize; 4] = [1, 4, 16, 64];
const LOADS: [f64; 10] = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.2];

/// What is drawn, a line for each number of devices.
#[derive(Default)]
struct Lines {
    utilisation: Vec<Line>,
    contention: Vec<Line>,
    late: [Vec<Line>; 2],
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut lines = Lines::default();
    println!("The seed's policy: detection two at a time, segmentation alone on its device.");
    heading();
    for (number, arrivals) in [Arrivals::Poisson, Arrivals::Bursts(16)].into_iter().enumerate() {
        for devices in DEVICES {
            let name = if devices == 1 { "1 GPU".into() } else { format!("{devices} GPUs") };
            let mut reports = Vec::new();
            for load in LOADS {
                // Few devices need long for the load to be what was asked for.
                let span = Duration::from_secs((14_400 / devices as u64).max(600));
                let scenario = Scenario { devices, load, arrivals, span, ..Scenario::default() };
                let report = simulate(&scenario)?;
                row(&scenario, &report);
                reports.push((load, report));
            }
            let line = |value: &dyn Fn(&Report) -> f64| {
                let points = reports.iter().map(|(load, report)| (*load, value(report)));
                Line { name: name.clone(), points: points.collect() }
            };
            lines.late[number].push(line(&|r| percentile(&r.waits[1], 95).as_secs_f64()));
            if number == 0 {
                lines.utilisation.push(line(&|r| r.utilisation));
                lines.contention.push(line(&|r| r.contention));
            }
        }
    }
    println!("\nBy memory: 0.5 GiB for a detection, 4 GiB for a segmentation, cards of 16 GiB.");
    println!("Load counts a card as four segmentations at once; real ones share its cores.");
    heading();
    for devices in DEVICES {
        let policy = Policy::by_memory();
        let scenario = Scenario { devices, policy, ..Scenario::default() };
        row(&scenario, &simulate(&scenario)?);
    }
    if let Some(path) = std::env::args().nth(1) {
        std::fs::write(&path, draw(lines))?;
        println!("\nDrawn to {path}");
    }
    Ok(())
}

fn draw(lines: Lines) -> String {
    let [poisson, bursts] = lines.late;
    plot::draw(&[
        Panel {
            title: "Utilisation over offered load",
            lines: lines.utilisation,
            top: 1.0,
            band: Some((0.70, 0.85, "the target, 70 to 85 %")),
        },
        Panel {
            title: "Part of the time that a segmentation waits only because of detections",
            lines: lines.contention,
            top: 0.05,
            band: None,
        },
        Panel {
            title: "95th percentile of a segmentation's wait in seconds",
            lines: poisson,
            top: 4.0,
            band: None,
        },
        Panel { title: "The same when photos arrive by 16", lines: bursts, top: 20.0, band: None },
    ])
}

fn heading() {
    println!(
        "{:>8} {:>5} {:>5} | {:>5} {:>8} | {:>8} {:>8} {:>8} | {:>8} {:>8} {:>8} | {:>9} {:>9} {:>8} | {:>8} {:>5}",
        "arrivals",
        "GPUs",
        "load",
        "busy",
        "contend",
        "det p50",
        "p95",
        "p99",
        "seg p50",
        "p95",
        "p99",
        "big mean",
        "others",
        "fairness",
        "refused",
        "lost"
    );
}

fn row(scenario: &Scenario, report: &Report) {
    let arrivals = match scenario.arrivals {
        Arrivals::Poisson => "poisson".to_owned(),
        Arrivals::Bursts(n) => format!("by {n}"),
    };
    let ms = |d: Duration| format!("{:.0} ms", d.as_secs_f64() * 1e3);
    let p = |class: usize, percent| ms(percentile(&report.waits[class], percent));
    println!(
        "{:>8} {:>5} {:>4.0}% | {:>4.0}% {:>7.1}% | {:>8} {:>8} {:>8} | {:>8} {:>8} {:>8} | {:>9} {:>9} {:>8.3} | {:>7.1}% {:>5}",
        arrivals,
        scenario.devices,
        scenario.load * 100.0,
        report.utilisation * 100.0,
        report.contention * 100.0,
        p(0, 50),
        p(0, 95),
        p(0, 99),
        p(1, 50),
        p(1, 95),
        p(1, 99),
        ms(report.mean_wait[0]),
        ms(report.mean_wait[1]),
        report.fairness,
        100.0 * report.refused as f64 / (report.admitted + report.refused) as f64,
        report.lost,
    );
}
