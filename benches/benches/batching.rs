//! Whether inputs are faster through a network together, or two runs side by side, than one run
//! after the other: time for each input, on the CPU, with reproducible weights.

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use portrait_detection::{Variant, Yolov8, Yolov8Config};
use portrait_kernels::{Device, Precision};
use portrait_pipeline::Model;
use portrait_segmentation::{Birefnet, BirefnetConfig};
use portrait_test_support::reproducible::{input, var_builder};
use std::hint::black_box;
use std::time::Duration;

/// Inputs in a run, or runs at once.
const COUNTS: [usize; 3] = [1, 2, 4];

/// Benches `forward(batch)` with growing batches, and with one input on several threads.
fn bench(group: &mut BenchmarkGroup<'_, WallTime>, side: usize, forward: impl Fn(usize) + Sync) {
    group.sample_size(10).warm_up_time(Duration::from_secs(1));
    for count in COUNTS {
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new(format!("{side}/together"), count), |bencher| {
            bencher.iter(|| forward(count));
        });
    }
    for count in [2, 4] {
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new(format!("{side}/side_by_side"), count), |bencher| {
            bencher.iter(|| {
                std::thread::scope(|scope| {
                    for _ in 0..count {
                        scope.spawn(|| forward(1));
                    }
                });
            });
        });
    }
}

fn yolov8(criterion: &mut Criterion) {
    let weights = var_builder(Precision::F32.dtype(), &Device::Cpu);
    let network =
        Yolov8::load(&Yolov8Config::new(Variant::N, 80), weights).expect("a valid network");
    let inputs = COUNTS.map(|n| (n, input((n, 3, 640, 640)).expect("a valid shape")));
    let mut group = criterion.benchmark_group("batching_yolov8n");
    bench(&mut group, 640, |batch| {
        let (_, input) = inputs.iter().find(|(n, _)| *n == batch).expect("one of the counts");
        black_box(network.forward(black_box(input)).expect("a valid input"));
    });
    group.finish();
}

fn birefnet(criterion: &mut Criterion) {
    let nano: BirefnetConfig = Model::find("birefnet-nano")
        .and_then(|model| Ok(model.manifest.architecture()?))
        .expect("a model of this workspace");
    for (name, side, config) in [
        ("batching_birefnet_nano", 256, nano),
        ("batching_birefnet_lite", 512, BirefnetConfig::lite()),
    ] {
        let weights = var_builder(Precision::F32.dtype(), &Device::Cpu);
        let network = Birefnet::new(&config, &weights).expect("a valid network");
        let inputs = COUNTS.map(|n| (n, input((n, 3, side, side)).expect("a valid shape")));
        let mut group = criterion.benchmark_group(name);
        bench(&mut group, side, |batch| {
            let (_, input) = inputs.iter().find(|(n, _)| *n == batch).expect("one of the counts");
            black_box(network.forward(black_box(input)).expect("a valid input"));
        });
        group.finish();
    }
}

criterion_group!(benches, yolov8, birefnet);
criterion_main!(benches);
