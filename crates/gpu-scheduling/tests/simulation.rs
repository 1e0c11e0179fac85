//! The seed's mix on simulated devices, at the load where it matters.
#![cfg(not(feature = "model"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::time::Duration;

use engine::{Arrivals, Scenario, percentile, simulate};

#[path = "../examples/simulate/engine.rs"]
mod engine;

#[test]
fn the_seeds_mix_at_ninety_percent_load() {
    for devices in [1, 4, 16] {
        // Long enough that the load really is what was asked for.
        let span = Duration::from_secs(7200) / devices.min(12) as u32;
        let scenario = Scenario { devices, span, ..Scenario::default() };
        let report = simulate(&scenario).unwrap();
        assert!(report.admitted > 40_000);
        let waits = [percentile(&report.waits[0], 95), percentile(&report.waits[1], 95)];
        let told = format!(
            "{devices} devices: busy {:.3}, contended {:.3}, p95 waits {waits:?}, refused {}",
            report.utilisation, report.contention, report.refused
        );
        assert!(report.utilisation >= 0.85, "{told}");
        assert!(report.contention < 0.05, "{told}");
        assert_eq!(report.refused, 0, "{told}");
        // No starvation: all that was admitted ran, and nothing waited out of all proportion.
        assert_eq!(report.lost, 0, "{told}");
        for waits in &report.waits {
            assert!(*waits.last().unwrap() < Duration::from_secs(30), "{told}");
        }
        assert!(report.fairness > 0.99, "tenants get what they ask for: {told}");
        assert!(report.mean_wait[1] < report.mean_wait[0], "the modest tenants wait less: {told}");
    }
}

#[test]
fn overload_is_refused_and_what_is_admitted_is_served() {
    let arrivals = Arrivals::Bursts(16);
    let scenario = Scenario { load: 1.5, arrivals, devices: 2, ..Scenario::default() };
    let report = simulate(&scenario).unwrap();
    assert!(report.utilisation > 0.95);
    assert!(report.refused > 0);
    assert_eq!(report.lost, 0);
}
