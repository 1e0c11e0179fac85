//! From YOLOv8's output to the boxes that remain after suppression.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use portrait_benches::Numbers;
use portrait_detection::{BoundingBox, Candidate, NmsOptions, candidates, non_maximum_suppression};
use std::hint::black_box;

/// Boxes of 20 to 220 pixels all over an input of 640 pixels a side, of two classes.
fn random_candidates(count: usize) -> Vec<Candidate> {
    let mut numbers = Numbers::new(count as u64);
    let mut candidate = || {
        let (x, y) = (640.0 * numbers.draw(), 640.0 * numbers.draw());
        let (width, height) = (20.0 + 200.0 * numbers.draw(), 20.0 + 200.0 * numbers.draw());
        let bbox = BoundingBox {
            x1: x - width / 2.0,
            y1: y - height / 2.0,
            x2: x + width / 2.0,
            y2: y + height / 2.0,
        };
        Candidate {
            bbox,
            confidence: 0.25 + 0.75 * numbers.draw(),
            class: usize::from(numbers.draw() < 0.5),
        }
    };
    (0..count).map(|_| candidate()).collect()
}

fn nms(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("nms");
    for count in [100, 1000, 8400] {
        let boxes = random_candidates(count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("suppression", count), |bencher| {
            bencher.iter(|| non_maximum_suppression(black_box(&boxes), &NmsOptions::default()));
        });
    }
    // The anchors of a square input of 640 pixels; few are probable.
    const CLASSES: usize = 80;
    const ANCHORS: usize = 8400;
    let mut numbers = Numbers::new(7);
    let output: Vec<f32> = (0..(4 + CLASSES) * ANCHORS).map(|_| numbers.draw().powi(300)).collect();
    group.throughput(Throughput::Elements(ANCHORS as u64));
    group.bench_function("candidates/8400x80", |bencher| {
        bencher.iter(|| candidates(black_box(&output), CLASSES, 0.25, Some(&[0])));
    });
    group.finish();
}

criterion_group!(benches, nms);
criterion_main!(benches);
