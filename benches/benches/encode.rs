//! Encoding a cut-out as PNG.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use portrait_benches::{ONE_MEGAPIXEL, cut_out};
use portrait_pipeline::{Background, encode_png, talk_picture};
use std::hint::black_box;

fn encode(criterion: &mut Criterion) {
    let picture = cut_out(ONE_MEGAPIXEL);
    let mut group = criterion.benchmark_group("encode");
    let (width, height) = ONE_MEGAPIXEL;
    group.throughput(Throughput::Elements(u64::from(width) * u64::from(height)));
    group.sample_size(20);
    group.bench_function("png/1-megapixel", |bencher| {
        bencher.iter(|| encode_png(black_box(&picture)));
    });
    let background = Background::default();
    group.bench_function("talk-picture/1-megapixel", |bencher| {
        bencher.iter(|| talk_picture(black_box(&picture), &background));
    });
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);
