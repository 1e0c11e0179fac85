//! A forward pass of each network on the CPU, with reproducible weights.
//!
//! A network is built when a bench first needs it, so with a filter the others are not built.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use portrait_detection::{Variant, Yolov8, Yolov8Config};
use portrait_kernels::{Device, Precision};
use portrait_segmentation::{Birefnet, BirefnetConfig};
use portrait_test_support::reproducible::{input, var_builder};
use std::cell::LazyCell;
use std::hint::black_box;
use std::time::Duration;

const SLOW: bool = cfg!(feature = "slow");

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).warm_up_time(Duration::from_secs(1));
    group
}

fn yolov8(criterion: &mut Criterion) {
    let mut group = group(criterion, "yolov8");
    for (name, variant) in [("n", Variant::N), ("m", Variant::M), ("x", Variant::X)] {
        if variant == Variant::X && !SLOW {
            continue;
        }
        let network = LazyCell::new(|| {
            let weights = var_builder(Precision::F32.dtype(), &Device::Cpu);
            Yolov8::new(&Yolov8Config::new(variant, 80), &weights).expect("a valid network")
        });
        group.bench_function(BenchmarkId::new(name, 640), |bencher| {
            let input = input((1, 3, 640, 640)).expect("a valid shape");
            let network = &*network;
            bencher.iter(|| network.forward(black_box(&input)));
        });
    }
    group.finish();
}

fn birefnet(criterion: &mut Criterion) {
    let mut group = group(criterion, "birefnet");
    let sizes: &[usize] = if SLOW { &[256, 512, 1024] } else { &[256, 512] };
    let configs = [("lite", BirefnetConfig::lite()), ("large", BirefnetConfig::large())];
    for (name, config) in configs {
        if name == "large" && !SLOW {
            continue;
        }
        let network = LazyCell::new(|| {
            let weights = var_builder(Precision::F32.dtype(), &Device::Cpu);
            Birefnet::new(&config, &weights).expect("a valid network")
        });
        for &size in sizes {
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
                let input = input((1, 3, size, size)).expect("a valid shape");
                let network = &*network;
                bencher.iter(|| network.forward(black_box(&input)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, yolov8, birefnet);
criterion_main!(benches);
