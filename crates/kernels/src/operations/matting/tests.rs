//! The kernels against their definitions, on this CPU and on a card where there is one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use super::*;
use crate::{DeviceRequest, open_device};
use candle_core::{DType, Device, Tensor};

/// Does the same by the kernels on this CPU, and on a card where there is one.
fn by_the_kernels(work: impl Fn(&Device) -> Tensor, check: impl Fn(&Tensor)) {
    #[cfg(feature = "emulate-cuda")]
    if let Some(found) = crate::emulating_cuda(|| work(&Device::Cpu)) {
        check(&found);
    }
    if let Ok(card) = open_device(DeviceRequest::Cuda(0)) {
        check(&work(&card).to_device(&Device::Cpu).unwrap());
    }
}

/// Numbers from 0 to 1 that look random.
fn noise(seed: u32) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    }
}

fn flat(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

const fn region(x: usize, y: usize, width: usize, height: usize) -> Region {
    Region { x, y, width, height }
}

fn holds(region: Region, x: usize, y: usize) -> bool {
    region.covers(Region { x, y, width: 1, height: 1 })
}

/// What is connected with the person, grown pixel by pixel.
fn kept(matte: &[f32], [height, width]: [usize; 2], person: Region, others: &[Region]) -> Vec<f32> {
    let free = |x: usize, y: usize| {
        let others = others.iter().any(|&other| holds(other, x, y));
        holds(person, x, y) || !others && matte[y * width + x] > 0.5 / 255.0
    };
    let mut kept = vec![false; height * width];
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let mut next: Vec<_> = places.filter(|&(x, y)| holds(person, x, y)).collect();
    while let Some((x, y)) = next.pop() {
        if x >= width || y >= height || kept[y * width + x] || !free(x, y) {
            continue;
        }
        kept[y * width + x] = true;
        let around = [(x.wrapping_sub(1), y), (x + 1, y), (x, y.wrapping_sub(1)), (x, y + 1)];
        next.extend(around);
    }
    matte.iter().zip(kept).map(|(&alpha, kept)| if kept { alpha } else { 0.0 }).collect()
}

#[test]
fn parts_that_hang_together_with_the_person_stay() {
    // A maze has long and winding parts: at 6 of 10 visible pixels they are at their longest.
    for (size, visible, seed) in [
        ([70, 90], 0.6, 1),
        ([70, 90], 0.59, 2),
        ([3, 200], 0.9, 3),
        ([200, 2], 0.9, 4),
        ([40, 97], 1.0, 5),
    ] {
        let [height, width] = size;
        let mut noise = noise(seed);
        let matte: Vec<f32> = (0..height * width)
            .map(|_| if noise() < visible { noise().max(0.1) } else { 0.001 })
            .collect();
        let person = region(width / 3, height / 3, width / 5 + 1, height / 5 + 1);
        let others = [
            region(width * 2 / 3, 0, width, height / 2),
            region(width / 2, height * 3 / 4, usize::MAX, usize::MAX),
        ];
        let want = kept(&matte, size, person, &others);
        let inside = want.iter().filter(|&&alpha| alpha > 0.0).count();
        assert!(inside > person.width * person.height / 2);
        by_the_kernels(
            |device| {
                let matte = Tensor::from_slice(&matte, (height, width), device).unwrap();
                keep_person(&matte, person, &others).unwrap()
            },
            |found| {
                let wrong = flat(found).iter().zip(&want).position(|(found, want)| found != want);
                assert_eq!(wrong.map(|at| [at / width, at % width]), None, "{size:?}");
            },
        );
        // Nobody's pixels are outside the person's box: nothing is cleared.
        by_the_kernels(
            |device| {
                let matte = Tensor::from_slice(&matte, (height, width), device).unwrap();
                keep_person(&matte, person, &[person]).unwrap()
            },
            |found| assert!(flat(found) == matte),
        );
    }
}

#[test]
fn a_box_filter_is_the_mean_of_a_mirrored_window() {
    for (height, width, size) in [
        (5, 7, 3),
        (5, 7, 4),
        (2, 3, 9),
        (6, 1, 4),
        (1, 6, 5),
        (1, 1, 90),
        (150, 70, 6),
        (3, 200, 90),
    ] {
        let mut noise = noise(7);
        let matte: Vec<f32> = (0..height * width).map(|_| noise()).collect();
        let mirrored = |at: isize, length: usize| {
            let period = (2 * (length - 1)).max(1) as isize;
            let at = at.rem_euclid(period) as usize;
            at.min(period as usize - at).min(length - 1)
        };
        let around = |at: usize, length: usize| {
            let from = at as isize - (size / 2) as isize;
            (from..from + size as isize).map(move |at| mirrored(at, length))
        };
        let want = |y: usize, x: usize| {
            let rows = around(y, height);
            let values = rows.flat_map(|y| around(x, width).map(move |x| (y, x)));
            let sum: f64 = values.map(|(y, x)| f64::from(matte[y * width + x])).sum();
            sum / (size * size) as f64
        };
        by_the_kernels(
            |device| {
                let matte = Tensor::from_slice(&matte, (height, width), device).unwrap();
                box_filter(&matte, size).unwrap()
            },
            |found| {
                for (index, found) in flat(found).into_iter().enumerate() {
                    let want = want(index / width, index % width);
                    let difference = (f64::from(found) - want).abs();
                    assert!(difference < 1e-6, "{height}x{width} by {size}: {difference}");
                }
            },
        );
    }
}

#[test]
fn bands_do_not_show() {
    let (height, width) = (75, 70);
    let mut noise = noise(9);
    let pixels: Vec<u8> = (0..height * width * 3).map(|_| (noise() * 255.0) as u8).collect();
    let alpha: Vec<f32> = (0..height * width).map(|_| noise()).collect();
    let part = region(9, 5, 55, 66);
    let fused = |device: &Device, rows: usize| {
        let photo = Tensor::from_slice(&pixels, (height, width, 3), device).unwrap();
        let matte = Tensor::from_slice(&alpha, (height, width), device).unwrap();
        let fusion = Fusion { photo: &photo, matte: &matte, shown: &matte, windows: [20, 6], part };
        let pixels = match rows {
            0 => fuse_foreground(fusion).unwrap(),
            rows => fusion.in_bands(rows).unwrap(),
        };
        assert_eq!(pixels.dims(), [66, 55, 4]);
        pixels.flatten_all().unwrap().to_vec1::<u8>().unwrap()
    };
    by_the_kernels(
        |device| {
            let whole = fused(device, 0);
            assert!(whole.iter().any(|&byte| byte > 100));
            for rows in [7, 20, 64] {
                let banded = fused(device, rows);
                // Sums begin elsewhere: their last digit may turn a level.
                let most = whole.iter().zip(banded).map(|(a, b)| a.abs_diff(b)).max();
                assert!(most <= Some(1), "{rows} rows: {most:?}");
            }
            Tensor::zeros(1, DType::F32, device).unwrap()
        },
        |_| {},
    );
}

#[test]
fn processor_cores_have_their_own() {
    let matte = Tensor::zeros((4, 5), DType::F32, &Device::Cpu).unwrap();
    let error = box_filter(&matte, 3).unwrap_err().to_string();
    assert!(error.contains("NVIDIA"), "{error}");
}

#[test]
fn a_region_covers_what_has_no_pixel_outside() {
    let person = region(10, 10, 20, 30);
    assert!(person.covers(region(10, 10, 20, 30)) && person.covers(region(0, 0, 0, 5)));
    assert!(!person.covers(region(9, 10, 2, 2)) && !person.covers(region(29, 39, 2, 1)));
    let cut = region(5, 50, usize::MAX, usize::MAX).within([40, 30]);
    assert_eq!(cut, region(5, 40, 25, 0));
}
