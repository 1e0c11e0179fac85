//! What runs on a card, by the CUDA kernels: on this CPU, and on a card where there is one.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on fails")]

use candle_core::{DType, Device, Tensor};
use image::math::Rect;
use image::{GrayImage, Luma, Rgb, RgbImage};
use portrait_kernels::{DeviceRequest, emulating_cuda, open_device};
use portrait_segmentation::{
    Birefnet, BirefnetConfig, CutOut, CutOutOptions, PersonCrop, RefineOptions, Segmented,
    Segmenter, SwinConfig, mattes_from_logits, preprocess,
};
use portrait_test_support::{golden, reproducible};

fn logits(config: &BirefnetConfig, dtype: DType) -> Tensor {
    let network = Birefnet::new(config, &reproducible::var_builder(dtype, &Device::Cpu)).unwrap();
    let input = reproducible::input((1, 3, 64, 64)).unwrap().to_dtype(dtype).unwrap();
    network.forward(&input).unwrap().to_dtype(DType::F32).unwrap()
}

#[test]
fn mattes_are_those_of_the_cpu_in_every_precision() {
    let config = BirefnetConfig::lite();
    let want = logits(&config, DType::F32);
    for (dtype, limit) in [(DType::F32, 1e-5), (DType::F16, 1e-3), (DType::BF16, 5e-3)] {
        let Some(got) = emulating_cuda(|| logits(&config, dtype)) else { return };
        if dtype == DType::F32 {
            golden::assert_close("logits by the CUDA kernels", &got, &want, 1e-4);
        }
        let matte = |logits: &Tensor| -> Vec<f32> {
            let matte = candle_nn::ops::sigmoid(logits).unwrap();
            matte.flatten_all().unwrap().to_vec1().unwrap()
        };
        let pairs: Vec<_> = matte(&got).into_iter().zip(matte(&want)).collect();
        let mean = pairs.iter().map(|(a, b)| (a - b).abs()).sum::<f32>() / pairs.len() as f32;
        println!("mattes by the CUDA kernels, {dtype:?}: mean difference {mean:.5}");
        assert!(mean < limit, "{dtype:?}: {mean}");
    }
}

/// Does the same on this CPU by the kernels, and on a card where there is one.
fn by_the_kernels<T>(work: impl Fn(&Device) -> T, check: impl Fn(T, &str)) {
    if let Some(found) = emulating_cuda(|| work(&Device::Cpu)) {
        check(found, "emulated");
    }
    if let Ok(card) = open_device(DeviceRequest::Cuda(0)) {
        check(work(&card), "on the card");
    }
}

/// A picture that is smooth in parts and wild in others.
fn photo(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| match (x / 24 + y / 24) % 3 {
        0 => Rgb([200, (y % 256) as u8, 30]),
        1 => Rgb([(x * 2 % 256) as u8, 40, 220]),
        _ => Rgb([x * 7 + y * 3, x * x + 5 * y, x * y].map(|value| (value % 256) as u8)),
    })
}

/// Logits of two discs with soft edges, of a speck of little alpha, and of a line between the
/// discs.
fn drawn(size: [usize; 2]) -> Tensor {
    let [height, width] = size;
    let logit = |index: usize| {
        let (x, y) =
            ((index % width) as f32 / width as f32, (index / width) as f32 / height as f32);
        let disc = |at: f32| 12.0 * (0.19 - (x - at).hypot(0.8 * (y - 0.5))) / 0.06;
        let speck = if x > 0.45 && x < 0.5 && y < 0.06 { -5.0 } else { -18.0 };
        let line = if (y - 0.5).abs() < 0.02 && x < 0.5 { 3.0 } else { -18.0 };
        disc(0.26).max(disc(0.74)).max(speck).max(line)
    };
    let values: Vec<f32> = (0..height * width).map(logit).collect();
    Tensor::from_vec(values, (1, 1, height, width), &Device::Cpu).unwrap()
}

#[test]
fn mattes_of_every_size_are_those_of_the_cpu() {
    for (from, to) in
        [([64, 64], (64, 64)), ([32, 64], (150, 110)), ([96, 64], (40, 31)), ([64, 32], (1, 200))]
    {
        for dtype in [DType::F32, DType::F16, DType::BF16] {
            let logits = drawn(from).to_dtype(dtype).unwrap();
            let want = mattes_from_logits(&logits, &[to]).unwrap().swap_remove(0);
            let mattes = |device: &Device| {
                mattes_from_logits(&logits.to_device(device).unwrap(), &[to]).unwrap()
            };
            by_the_kernels(mattes, |found, place| {
                assert_eq!(found[0].dimensions(), to);
                let pairs = found[0].iter().zip(want.iter());
                let most = pairs.map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
                assert!(most < 2e-6, "{from:?} to {to:?}, {dtype:?} {place}: {most}");
            });
        }
    }
}

/// The largest differences of alpha, and of colours where both have some.
fn differences(found: &CutOut, want: &CutOut) -> [u8; 2] {
    assert_eq!((found.rect, found.image.dimensions()), (want.rect, want.image.dimensions()));
    let (mut alpha, mut colour) = (0, 0);
    for (found, want) in found.image.pixels().zip(want.image.pixels()) {
        alpha = alpha.max(found[3].abs_diff(want[3]));
        if found[3] == 0 {
            assert_eq!(found.0, [0; 4], "no colour under alpha 0");
        } else if want[3] > 0 {
            colour = (0..3).map(|i| found[i].abs_diff(want[i])).fold(colour, u8::max);
        }
    }
    [alpha, colour]
}

#[test]
fn cut_outs_are_those_of_the_cpu_within_a_level() {
    let rect = |x, y, width, height| Rect { x, y, width, height };
    let (person, other) = (rect(20, 30, 70, 90), rect(84, 36, 80, 80));
    let default = CutOutOptions::default();
    let windows = |coarse, fine| Some(RefineOptions { coarse, fine });
    let cases = [
        ("alone", (190, 150), vec![], default),
        ("beside another", (190, 150), vec![other], default),
        ("inside another", (190, 150), vec![rect(10, 10, 170, 130)], default),
        (
            "with its own colours",
            (190, 150),
            vec![other],
            CutOutOptions { refine: None, ..default },
        ),
        ("feathered", (190, 150), vec![other], CutOutOptions { feather: 7, ..default }),
        ("by small windows", (97, 131), vec![], CutOutOptions { refine: windows(5, 1), ..default }),
        ("by odd windows", (97, 131), vec![], CutOutOptions { refine: windows(31, 4), ..default }),
        (
            "by windows beyond the photo",
            (60, 40),
            vec![],
            CutOutOptions { refine: windows(200, 90), padding: 3, ..default },
        ),
    ];
    for (name, (width, height), others, options) in cases {
        let photo = photo(width, height);
        let crop = PersonCrop::new(&photo, person, &others, &options, [64, 64]).unwrap();
        let logits = drawn([64, 64]);
        let cut_out = |device: &Device| {
            let logits = logits.to_device(device).unwrap();
            Segmented::new(&logits, &crop).unwrap().cut_out(&crop).unwrap()
        };
        let want = cut_out(&Device::Cpu);
        assert!(want.coverage() > 0.05, "{name}: something to compare");
        by_the_kernels(cut_out, |found, place| {
            let [alpha, colour] = differences(&found, &want);
            println!("{name}, {place}: alpha differs by {alpha}, colours by {colour} of 255");
            assert!(alpha <= 1 && colour <= 1, "{name}, {place}: {alpha}, {colour}");
            // It was made there: the matte that goes with it has the levels of its pixels.
            assert!(found.matte.iter().all(|alpha| (alpha * 255.0).fract() == 0.0), "{place}");
            let levels = GrayImage::from_fn(found.image.width(), found.image.height(), |x, y| {
                Luma([found.image.get_pixel(x, y)[3]])
            });
            assert_eq!(portrait_segmentation::to_gray(&found.matte), levels);
        });
    }
}

#[test]
fn the_easy_call_runs_there_from_pixels_to_pixels() {
    let swin = SwinConfig { embed_dim: 32, depths: [1; 4], heads: [1; 4], window: 4 };
    let config = BirefnetConfig::with_swin(swin);
    let photo = photo(190, 150);
    let person = Rect { x: 20, y: 30, width: 70, height: 90 };
    let cut_out = |device: &Device| {
        let weights = reproducible::var_builder(DType::F32, device);
        let network = Birefnet::new(&config, &weights).unwrap();
        let segmenter = Segmenter::new(network, [64, 64]).unwrap();
        segmenter.cut_out(&photo, person, &[], &CutOutOptions::default()).unwrap()
    };
    let want = cut_out(&Device::Cpu);
    by_the_kernels(cut_out, |found, place| {
        let [alpha, _] = differences(&found, &want);
        assert!(alpha <= 1, "{place}: {alpha}");
    });
}

#[test]
fn the_input_is_normalised_to_the_same_values() {
    let photo = photo(64, 32);
    let input = |device: &Device| -> Vec<f32> {
        let input = preprocess(std::slice::from_ref(&photo), [64, 32], device).unwrap();
        assert_eq!(input.dims(), [1, 3, 32, 64]);
        input.flatten_all().unwrap().to_vec1().unwrap()
    };
    let want = input(&Device::Cpu);
    by_the_kernels(input, |found, place| assert_eq!(found, want, "{place}"));
}
