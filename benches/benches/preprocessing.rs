//! A photo of 12 megapixels to each network's input.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use portrait_benches::{TWELVE_MEGAPIXELS, photo};
use portrait_detection::{Letterbox, LetterboxMode, to_tensor};
use portrait_kernels::{Device, Precision};
use portrait_segmentation::{preprocess, stretch};
use std::hint::black_box;
use std::slice::from_ref;

fn preprocessing(criterion: &mut Criterion) {
    let photo = photo(TWELVE_MEGAPIXELS);
    let (width, height) = TWELVE_MEGAPIXELS;
    let mut group = criterion.benchmark_group("preprocessing");
    group.throughput(Throughput::Elements(u64::from(width) * u64::from(height)));
    group.sample_size(20);
    for (name, mode) in [("rect", LetterboxMode::Rect), ("square", LetterboxMode::Square)] {
        group.bench_function(format!("letterbox-{name}-640"), |bencher| {
            bencher.iter(|| {
                let letterbox = Letterbox::new(photo.dimensions(), 640, mode)?;
                to_tensor(
                    &[letterbox.apply(black_box(&photo))],
                    &Device::Cpu,
                    Precision::F32.dtype(),
                )
            });
        });
    }
    group.bench_function("stretch-1024", |bencher| {
        bencher.iter(|| stretch(black_box(&photo), 1024, 1024));
    });
    group.bench_function("stretch-and-normalise-1024", |bencher| {
        bencher.iter(|| preprocess(from_ref(black_box(&photo)), [1024, 1024], &Device::Cpu));
    });
    group.finish();
}

criterion_group!(benches, preprocessing);
criterion_main!(benches);
