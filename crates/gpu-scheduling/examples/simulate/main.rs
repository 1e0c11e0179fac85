//! Simulates deployments of 1 to 64 GPUs under growing load and prints what they do; with a path,
//! also draws it as SVG.
//!
//! `cargo run --release -p portrait-gpu-scheduling --example simulate -- plot.svg`
#![allow(clippy::print_stdout, reason = "a program")]

mod engine;
mod plot;

use std::error::Error;
use std::time::Duration;

use engine::{Arrivals, Report, Scenario, percentile, simulate};
use plot::{Line, Panel};
use portrait_gpu_scheduling::Policy;

const DEVICES: [usize; 4] = [1, 4, 16, 64];
const LOADS: [f64; 9] = [0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.2];

fn main() -> Result<(), Box<dyn Error>> {
    let mut utilisation = Vec::new();
    let mut waits = Vec::new();
    println!("The seed's policy: detection two at a time, segmentation alone on its device.");
    heading();
    for arrivals in [Arrivals::Poisson, Arrivals::Bursts(16)] {
        for devices in DEVICES {
            let (mut busy, mut late) = (Vec::new(), Vec::new());
            for load in LOADS {
                let span = Duration::from_secs(600);
                let scenario = Scenario { devices, load, arrivals, span, ..Scenario::default() };
                let report = simulate(&scenario)?;
                row(&scenario, &report);
                busy.push((load, report.utilisation));
                late.push((load, percentile(&report.waits[1], 95).as_secs_f64()));
            }
            if matches!(arrivals, Arrivals::Poisson) {
                utilisation.push(Line { name: format!("{devices} GPUs"), points: busy });
                waits.push(Line { name: format!("{devices} GPUs"), points: late });
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
        let svg = plot::draw(&[
            Panel {
                title: "Utilisation over offered load",
                lines: utilisation,
                top: 1.0,
                band: Some((0.70, 0.85)),
            },
            Panel {
                title: "95th percentile of a segmentation's wait, seconds",
                lines: waits,
                top: 5.0,
                band: None,
            },
        ]);
        std::fs::write(&path, svg)?;
        println!("\nDrawn to {path}");
    }
    Ok(())
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
