//! The fault campaign: every fault of the stand-in at every request of a video, alone and in
//! pairs, and the program dying at every point where it waits. Whatever happens, a talk is paid for
//! once, what was paid for is not lost, and every run ends in a video in the storage or in a typed
//! error, in time.
//!
//! Time is driven, so the client's own policies of minutes are used. The number of random runs is
//! small by default; for the large campaign:
//!
//! ```sh
//! PORTRAIT_CAMPAIGN_RUNS=3000 cargo test -p portrait-pipeline --test it campaign -- --nocapture
//! ```

mod faults;
mod run;
mod script;

use faults::{ENDINGS, KINDS, ROUTES};
use portrait_d_id_fake::Route;
use run::{Report, play};
pub(crate) use run::{cut_out, pipeline};
use script::{ALWAYS, Script, Strike, bounded};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The random runs asked for of each sort.
fn asked() -> Option<u64> {
    let asked = std::env::var("PORTRAIT_CAMPAIGN_RUNS").ok()?;
    Some(asked.parse().expect("PORTRAIT_CAMPAIGN_RUNS is a number"))
}

fn runs() -> u64 {
    asked().unwrap_or(30)
}

/// All in the large campaign, else every fifth.
fn thinned(scripts: Vec<(String, Script)>) -> Vec<(String, Script)> {
    let step = if asked().is_some() { 1 } else { 5 };
    scripts.into_iter().step_by(step).collect()
}

/// A row of the table.
#[derive(Debug, Default)]
struct Row {
    runs: usize,
    at_once: usize,
    faults: usize,
    struck: usize,
    errors: usize,
    deaths: usize,
    paid: usize,
    lost: usize,
    doubled: usize,
}

impl Row {
    fn add(&mut self, script: &Script, report: &Report) {
        self.runs += 1;
        self.faults += script.strikes.len();
        self.struck += report.struck;
        self.at_once += usize::from(report.errors.is_empty());
        self.errors += report.errors.len();
        self.deaths += report.deaths;
        self.paid += report.paid;
        self.lost += report.lost;
        self.doubled += report.doubled;
    }
}

/// Plays all, on all cores; prints the table, whose sums it returns, and fails on anything wrong.
#[allow(clippy::print_stdout, reason = "the table is the campaign's answer")]
fn campaign(title: &str, scripts: Vec<(String, Script)>) -> Row {
    let next = AtomicUsize::new(0);
    let (rows, wrong) = (Mutex::new(BTreeMap::<String, Row>::new()), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    let began = std::time::Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((name, script)) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let report = play(script);
                    let mut rows = rows.lock().unwrap();
                    rows.entry(name.clone()).or_default().add(script, &report);
                    if !report.wrong.is_empty() || report.lost + report.doubled > 0 {
                        wrong.lock().unwrap().push(format!("{name}: {script:?}\n  {report:?}"));
                    }
                }
            });
        }
    });
    let rows = rows.into_inner().unwrap();
    let mut all = Row::default();
    println!("\n{title}, {:.0} s", began.elapsed().as_secs_f64());
    println!(
        "{:36} {:>6} {:>8} {:>7} {:>7} {:>7} {:>7} {:>6} {:>5} {:>8}",
        "fault",
        "runs",
        "at once",
        "faults",
        "struck",
        "errors",
        "deaths",
        "paid",
        "lost",
        "doubled"
    );
    let print = |name: &str, row: &Row| {
        let Row { runs, at_once, faults, struck, errors, deaths, paid, lost, doubled } = row;
        println!(
            "{name:36} {runs:>6} {at_once:>8} {faults:>7} {struck:>7} {errors:>7} {deaths:>7} {paid:>6} {lost:>5} {doubled:>8}"
        );
    };
    for (name, row) in &rows {
        print(name, row);
        all.runs += row.runs;
        all.at_once += row.at_once;
        all.faults += row.faults;
        all.struck += row.struck;
        all.errors += row.errors;
        all.deaths += row.deaths;
        all.paid += row.paid;
        all.lost += row.lost;
        all.doubled += row.doubled;
    }
    print("all", &all);
    let wrong = wrong.into_inner().unwrap();
    let first: Vec<_> = wrong.iter().take(10).collect();
    assert!(wrong.is_empty(), "{} of {} runs: {first:#?}", wrong.len(), all.runs);
    assert_eq!((all.lost, all.doubled), (0, 0));
    all
}

#[test]
fn campaign_of_single_faults() {
    let mut scripts = Vec::new();
    for (kind, of) in KINDS.iter().enumerate() {
        for route in ROUTES.into_iter().filter(|&route| of.applies(route)) {
            for times in [1, ALWAYS] {
                let audio = route == Route::UploadAudio;
                let strike = Strike { kind, route, times: bounded(kind, times) };
                let mut strikes = vec![strike];
                if route == Route::ListTalks {
                    // The list is looked at only when an answer was lost.
                    let lost =
                        KINDS.iter().position(|kind| kind.name == "dropped after the effect");
                    let lost = Strike { kind: lost.unwrap(), route: Route::CreateTalk, times: 1 };
                    strikes.push(lost);
                }
                scripts.push((of.name.to_owned(), Script { strikes, audio, ..Script::plain() }));
            }
        }
    }
    for (ending, word) in ENDINGS.iter().enumerate() {
        let name = format!("talk ends in {word}");
        scripts.push((name, Script { ending, ..Script::plain() }));
    }
    let all = campaign("Single faults, once and for ever", thinned(scripts));
    assert_eq!(all.struck, all.faults, "a fault that strikes nothing tests nothing");
}

#[test]
fn campaign_of_pairs() {
    let scripts = (0..runs()).map(|seed| {
        let script = Script::random(seed, 2, 0);
        (script.strikes[0].name().to_owned(), script)
    });
    let all = campaign("Pairs of faults", scripts.collect());
    // The list is asked only after a lost answer, and a first fault may end a run before the second.
    assert!(2 * all.struck > all.faults, "{} of {} faults struck", all.struck, all.faults);
}

/// Dies at every await of a run without faults, and of runs with one that lead through recovery.
#[test]
fn campaign_of_deaths() {
    let lost = KINDS.iter().position(|kind| kind.name == "504").unwrap();
    let lost = Strike { kind: lost, route: Route::CreateTalk, times: 1 };
    let mut scripts = Vec::new();
    for (name, strikes) in [("dies in a plain run", vec![]), ("dies in recovery", vec![lost])] {
        let plain = Script { strikes, audio: true, ..Script::plain() };
        let whole = play(&plain);
        assert!(whole.wrong.is_empty() && whole.polls > 10, "{whole:?}");
        for (pause, resumes) in [(0, false), (61, true)] {
            for polls in 0..=whole.polls {
                let deaths = vec![(polls, Duration::from_secs(pause))];
                scripts.push((name.to_owned(), Script { deaths, resumes, ..plain.clone() }));
            }
        }
    }
    let mut scripts = thinned(scripts);
    for seed in 0..runs() {
        let (strikes, deaths) = (seed as usize % 3, 1 + seed as usize % 2);
        let name = format!("{strikes} faults, {deaths} deaths");
        scripts.push((name, Script::random(seed + (1 << 32), strikes, deaths)));
    }
    campaign("Deaths", scripts);
}
