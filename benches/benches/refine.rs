//! Colours at the edge of a cut-out.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use portrait_benches::{ONE_MEGAPIXEL, TWELVE_MEGAPIXELS, matte, photo};
use portrait_segmentation::{RefineOptions, refine_foreground};
use std::cell::LazyCell;
use std::hint::black_box;

fn refine(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("refine");
    group.sample_size(10);
    for (name, size) in [("1-megapixel", ONE_MEGAPIXEL), ("12-megapixels", TWELVE_MEGAPIXELS)] {
        let input = LazyCell::new(|| (photo(size), matte(size)));
        group.throughput(Throughput::Elements(u64::from(size.0) * u64::from(size.1)));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            let (photo, matte) = &*input;
            bencher.iter(|| {
                refine_foreground(black_box(photo), black_box(matte), RefineOptions::default())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, refine);
criterion_main!(benches);
