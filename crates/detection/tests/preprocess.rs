//! Resizing and letterbox against OpenCV and Ultralytics (see `fixtures/README.md`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use candle_core::{DType, Device};
use image::{Rgb, RgbImage};
use portrait_detection::{BoundingBox, Error, Letterbox, LetterboxMode, resize_linear, to_tensor};
use std::str::FromStr;

/// The white noise of the fixtures.
fn picture(width: u32, height: u32) -> RgbImage {
    let byte = |i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8;
    let bytes = (0..width * height * 3).map(byte).collect();
    RgbImage::from_raw(width, height, bytes).unwrap()
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// The fields of each line that is no comment.
fn lines(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(' ').collect())
}

fn number<T: FromStr<Err: std::fmt::Debug>>(field: &str) -> T {
    field.parse().unwrap()
}

fn mode(field: &str) -> LetterboxMode {
    match field {
        "rect" => LetterboxMode::Rect,
        "square" => LetterboxMode::Square,
        other => panic!("{other}"),
    }
}

#[test]
fn resizing_has_the_bits_of_opencv() {
    let mut count = 0;
    for line in lines(include_str!("fixtures/resize.txt")) {
        let [w, h, width, height] = [0, 1, 2, 3].map(|i| number::<u32>(line[i]));
        let resized = resize_linear(&picture(w, h), width, height);
        assert_eq!(resized.dimensions(), (width, height));
        let hash = format!("{:016x}", fnv1a(&resized));
        assert_eq!(hash, line[4], "{w}x{h} -> {width}x{height}");
        count += 1;
    }
    assert_eq!(count, 20);
}

#[test]
fn letterbox_equals_ultralytics() {
    let mut count = 0;
    for line in lines(include_str!("fixtures/letterbox.txt")) {
        let pair = |i: usize| (number::<u32>(line[i]), number::<u32>(line[i + 1]));
        let photo = pair(0);
        let letterbox = Letterbox::new(photo, number(line[2]), mode(line[3])).unwrap();
        assert_eq!(letterbox.photo, photo);
        assert_eq!(letterbox.resized, pair(4), "{line:?}");
        assert_eq!(letterbox.offset, pair(6), "{line:?}");
        assert_eq!(letterbox.input, pair(8), "{line:?}");
        let input = letterbox.apply(&picture(photo.0, photo.1));
        assert_eq!(input.dimensions(), letterbox.input);
        assert_eq!(format!("{:016x}", fnv1a(&input)), line[10], "{line:?}");
        count += 1;
    }
    assert_eq!(count, 68);
}

#[test]
fn boxes_go_back_as_in_ultralytics() {
    let mut count = 0;
    for line in lines(include_str!("fixtures/scale_boxes.txt")) {
        let photo = (number(line[0]), number(line[1]));
        let letterbox = Letterbox::new(photo, number(line[2]), mode(line[3])).unwrap();
        assert_eq!(letterbox.input, (number(line[4]), number(line[5])));
        let [x1, y1, x2, y2] = [6, 7, 8, 9].map(|i| number(line[i]));
        let got = letterbox.to_photo(BoundingBox { x1, y1, x2, y2 });
        let got = [got.x1, got.y1, got.x2, got.y2];
        for (got, want) in got.into_iter().zip(&line[10..14]) {
            let want: f32 = number(want);
            assert!((got - want).abs() < 1e-3, "{line:?}: {got} is not {want}");
        }
        count += 1;
    }
    assert_eq!(count, 22);
}

#[test]
fn a_box_of_the_whole_photo_comes_back_whole() {
    for photo in [(810, 1080), (1280, 720), (37, 53), (4096, 128), (640, 640)] {
        for mode in [LetterboxMode::Rect, LetterboxMode::Square] {
            let letterbox = Letterbox::new(photo, 640, mode).unwrap();
            let (x1, y1) = (letterbox.offset.0 as f32, letterbox.offset.1 as f32);
            let (x2, y2) = (x1 + letterbox.resized.0 as f32, y1 + letterbox.resized.1 as f32);
            let back = letterbox.to_photo(BoundingBox { x1, y1, x2, y2 });
            assert_eq!((back.x1, back.y1), (0.0, 0.0));
            assert!((back.x2 - photo.0 as f32).abs() < 1e-2, "{photo:?} {mode:?}");
            assert!((back.y2 - photo.1 as f32).abs() < 1e-2, "{photo:?} {mode:?}");
        }
    }
}

#[test]
fn image_sizes_are_rounded_up_and_empty_photos_refused() {
    let size = |size| Letterbox::new((100, 100), size, LetterboxMode::Square).map(|l| l.input);
    assert_eq!(size(1).unwrap(), (32, 32));
    assert_eq!(size(640).unwrap(), (640, 640));
    assert_eq!(size(641).unwrap(), (672, 672));
    assert!(matches!(size(0), Err(Error::InvalidOption { option: "image_size", .. })));
    assert!(matches!(size(u32::MAX), Err(Error::InvalidOption { option: "image_size", .. })));
    for photo in [(0, 0), (0, 5), (5, 0)] {
        let error = Letterbox::new(photo, 640, LetterboxMode::Rect).unwrap_err();
        assert!(matches!(error, Error::EmptyPhoto { .. }), "{error}");
    }
    assert_eq!(resize_linear(&RgbImage::new(0, 3), 2, 2).as_raw(), &[0; 12]);
    assert!(resize_linear(&picture(3, 3), 0, 2).is_empty());
}

#[test]
fn the_tensor_has_planes_of_colour_from_0_to_1() {
    let mut first = RgbImage::from_pixel(3, 2, Rgb([0, 255, 114]));
    first.put_pixel(2, 1, Rgb([51, 0, 255]));
    let second = RgbImage::from_pixel(3, 2, Rgb([255, 0, 0]));
    let tensor = to_tensor(&[first, second], &Device::Cpu, DType::F32).unwrap();
    assert_eq!((tensor.dims(), tensor.dtype()), (&[2, 3, 2, 3][..], DType::F32));
    let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(values[..6], [0.0, 0.0, 0.0, 0.0, 0.0, 0.2]);
    assert_eq!(values[6..12], [1.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
    assert_eq!(values[12..18], [114.0 / 255.0; 5].iter().copied().chain([1.0]).collect::<Vec<_>>());
    assert_eq!(values[18..24], [1.0; 6]);
    assert_eq!(values[24..], [0.0; 12]);

    let sizes = [RgbImage::new(3, 2), RgbImage::new(2, 3)];
    assert!(matches!(to_tensor(&sizes, &Device::Cpu, DType::F32), Err(Error::InvalidInput { .. })));
    assert!(matches!(
        to_tensor(&[] as &[RgbImage], &Device::Cpu, DType::F32),
        Err(Error::EmptyPhoto { .. })
    ));
}
