//! Whether inputs are faster through a network together, or several runs side by side, than one
//! run after the other, on the CPU with reproducible weights.
//!
//! The ways take turns, round by round, because the speed of a machine changes: each is compared
//! with the single runs of the same rounds, by its best and by its median time for an input.
//! Criterion, which measures one way after the other, cannot do that.
//!
//! Then persons of one photo, one by one or several in one run, through the whole step: crops made,
//! networks run, pictures encoded.
//!
//! `cargo bench -p portrait-benches --bench batching -- 40 lite` takes 40 rounds, of the networks
//! whose names hold `lite`, and with `persons` of the persons; 15 rounds of all by default.
#![allow(clippy::print_stdout, reason = "a program")]

use image::ImageFormat;
use portrait_benches::photo;
use portrait_detection::{BoundingBox, Detection, Variant, Yolov8, Yolov8Config};
use portrait_kernels::{Device, Precision};
use portrait_pipeline::{Batching, CutOutOptions, Model, Photo, Pipeline, Selection};
use portrait_segmentation::{Birefnet, BirefnetConfig};
use portrait_test_support::reproducible::{input, var_builder};
use std::hint::black_box;
use std::io::Cursor;
use std::time::{Duration, Instant};

/// A way to get inputs through a network.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// This many in one run.
    Together(usize),
    /// This many runs at once, each on a thread of its own.
    SideBySide(usize),
}

const WAYS: [Way; 5] =
    [Way::Together(1), Way::Together(2), Way::Together(4), Way::SideBySide(2), Way::SideBySide(4)];

impl Way {
    fn inputs(self) -> usize {
        match self {
            Self::Together(n) | Self::SideBySide(n) => n,
        }
    }

    /// The time for each input; `forward` runs a batch of the given size.
    fn time(self, forward: &(impl Fn(usize) + Sync)) -> Duration {
        let start = Instant::now();
        match self {
            Self::Together(n) => forward(n),
            Self::SideBySide(n) => std::thread::scope(|scope| {
                for _ in 0..n {
                    scope.spawn(|| forward(1));
                }
            }),
        }
        start.elapsed() / self.inputs() as u32
    }
}

/// The ways to do the same, by their names; each gives the time that one input took.
type Ways<'a> = Vec<(String, Box<dyn Fn() -> Duration + 'a>)>;

/// Takes turns, and compares each way with the first one.
fn compare(name: &str, rounds: usize, ways: &Ways<'_>) {
    let mut times: Vec<Vec<Duration>> = vec![Vec::with_capacity(rounds); ways.len()];
    for round in 0..=rounds {
        for i in 0..ways.len() {
            // Each is first in some round, and the first round only warms up.
            let i = (i + round) % ways.len();
            let time = (ways[i].1)();
            if round > 0 {
                times[i].push(time);
            }
        }
    }
    times.iter_mut().for_each(|times| times.sort_unstable());
    let (best, median) = (|times: &[Duration]| times[0], |times: &[Duration]| times[rounds / 2]);
    for ((way, _), times_of_way) in ways.iter().zip(&times) {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let ratio = |of: &dyn Fn(&[Duration]) -> Duration| ms(of(times_of_way)) / ms(of(&times[0]));
        println!(
            "{name:<22} {way:<14} best {:>8.1} ms, {:.2} of one by one; median {:>8.1} ms, {:.2}",
            ms(best(times_of_way)),
            ratio(&best),
            ms(median(times_of_way)),
            ratio(&median),
        );
    }
}

/// `forward` runs a batch of the given size.
fn compare_network(name: &str, rounds: usize, forward: impl Fn(usize) + Sync) {
    let forward = &forward;
    let way = |way: Way| -> (String, Box<dyn Fn() -> Duration>) {
        (format!("{way:?}"), Box::new(move || way.time(forward)))
    };
    compare(name, rounds, &WAYS.map(way).into());
}

/// Persons of one photo through the whole step, by the model that is part of the program.
fn compare_persons(rounds: usize, count: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = &runtime.expect("a runtime");
    let mut png = Cursor::new(Vec::new());
    photo((1600, 1200)).write_to(&mut png, ImageFormat::Png).expect("a PNG");
    let photo = &Photo::decode(png.into_inner()).expect("a photo");
    let person = |person_id| {
        let x = person_id as f32 * 390.0;
        let bbox = BoundingBox { x1: x + 40.0, y1: 100.0, x2: x + 390.0, y2: 1150.0 };
        Detection { person_id, bbox, confidence: 0.9, class: 0 }
    };
    let ids: Vec<usize> = (0..count).collect();
    let persons = ids.iter().map(|&id| person(id)).collect();
    let selection = &Selection::new(persons, &ids).expect("persons");
    let way = |persons: usize| -> (String, Box<dyn Fn() -> Duration>) {
        let batching = Batching { persons, ..Batching::default() };
        let model = Model::find("birefnet-nano").expect("a model of this workspace");
        let builder = Pipeline::builder().batching(batching).segmentation_model(model);
        let pipeline = runtime.block_on(builder.build()).expect("a pipeline");
        let time = move || {
            let start = Instant::now();
            let options = CutOutOptions::default();
            let cut = runtime.block_on(pipeline.cut_out(photo, selection, &options));
            for person in cut.expect("cut-outs") {
                black_box(person.result.expect("a cut-out"));
            }
            start.elapsed() / count as u32
        };
        (format!("Persons({persons})"), Box::new(time))
    };
    let ways = [1, 2, 4].into_iter().filter(|together| *together <= count);
    compare(&format!("cut-out of {count}, nano"), rounds, &ways.map(way).collect());
}

fn main() {
    // Cargo adds options of its own.
    let asked: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let rounds = asked.iter().find_map(|text| text.parse().ok()).unwrap_or(15);
    let filter = asked.iter().find(|text| text.parse::<usize>().is_err());
    let wanted = |name: &str| filter.is_none_or(|filter| name.contains(filter.as_str()));
    let batches = |side| [1, 2, 4].map(|n| (n, input((n, 3, side, side)).expect("a valid shape")));
    let weights = || var_builder(Precision::F32.dtype(), &Device::Cpu);

    let network = Yolov8::new(&Yolov8Config::new(Variant::N, 80), &weights()).expect("a network");
    for side in [320, 640] {
        let name = format!("YOLOv8n {side}²");
        if !wanted(&name) {
            continue;
        }
        let inputs = batches(side);
        compare_network(&name, rounds, |n| {
            let (_, input) = inputs.iter().find(|(batch, _)| *batch == n).expect("a batch");
            black_box(network.forward(black_box(input)).expect("a valid input"));
        });
    }
    let nano: BirefnetConfig = Model::find("birefnet-nano")
        .and_then(|model| Ok(model.manifest.architecture()?))
        .expect("a model of this workspace");
    let networks = [("BiRefNet nano", 256, nano), ("BiRefNet lite", 512, BirefnetConfig::lite())];
    for (name, side, config) in networks {
        let name = format!("{name} {side}²");
        if !wanted(&name) {
            continue;
        }
        let network = Birefnet::new(&config, &weights()).expect("a network");
        let inputs = batches(side);
        compare_network(&name, rounds, |n| {
            let (_, input) = inputs.iter().find(|(batch, _)| *batch == n).expect("a batch");
            black_box(network.forward(black_box(input)).expect("a valid input"));
        });
    }
    for count in [2, 4] {
        if wanted("persons") {
            compare_persons(rounds, count);
        }
    }
}
