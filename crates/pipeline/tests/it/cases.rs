//! Files from the field that other programs trip over; see the README beside them.

use crate::support::{assert_error, detecting_pipeline};
use image::RgbImage;
use portrait_pipeline::{Code, DetectOptions, Error, Photo, PhotoLimits, Tier};
use portrait_test_support::test_data;
use std::path::Path;
use std::time::{Duration, Instant};

fn case(name: &str) -> Option<Vec<u8>> {
    Some(std::fs::read(test_data(&format!("cases/{name}"))?).unwrap())
}

fn image(file: Vec<u8>) -> RgbImage {
    Photo::decode(file).unwrap().image().as_ref().clone()
}

fn mean_difference(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let sum: u64 = a.iter().zip(b.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len() as f64
}

#[test]
fn jpeg_files_of_every_kind() {
    let Some(plain) = case("jpeg_420_one_scan.jpg") else { return };
    let plain = image(plain);
    assert_eq!(image(case("jpeg_420_scan_per_colour.jpg").unwrap()), plain);
    for name in ["jpeg_luma_subsampled.jpg", "jpeg_factor_3.jpg", "jpeg_no_end_marker.jpg"] {
        // The same photo, which another sampling blurs; libjpeg's pixels of it differ as much.
        let difference = mean_difference(&image(case(name).unwrap()), &plain);
        assert!(difference < 9.7, "{name}: {difference}");
    }
    let error = Photo::decode(case("jpeg_half_with_end_marker.jpg").unwrap()).unwrap_err();
    assert_error(&error, Code::ImageDamaged, Tier::High);
}

#[test]
fn wide_colours_look_as_in_srgb() {
    let Some(wide) = case("icc_wide.jpg") else { return };
    let want = image(case("icc_same_look_in_srgb.png").unwrap());
    let difference = mean_difference(&image(wide), &want);
    // 3.6 with Little CMS, too (the file is lossy); 7.2 without a conversion.
    assert!(difference < 3.7, "{difference}");
}

#[test]
fn orientations() {
    let Some(long) = case("orientation_long.jpg") else { return };
    assert_eq!(image(long), image(case("orientation_short.jpg").unwrap()));
    let after = image(case("orientation_after_pixels.png").unwrap());
    assert_eq!(after, image(case("orientation_before_pixels.png").unwrap()));
}

#[tokio::test]
async fn nobody_is_seen_under_alpha() {
    let (Some(pipeline), Some(file)) =
        (detecting_pipeline().await, case("alpha_all_transparent.png"))
    else {
        return;
    };
    let photo = Photo::decode(file).unwrap();
    assert!(photo.alpha().unwrap().iter().all(|&alpha| alpha == 0));
    let error = pipeline.detect(&photo, &DetectOptions::default()).await.unwrap_err();
    assert!(matches!(error, Error::NoPerson { .. }), "{error}");
}

#[test]
fn words_without_a_decoders_internals() {
    let Some(apple) = case("png_of_xcode.png") else { return };
    let error = Photo::decode(apple).unwrap_err();
    assert_error(&error, Code::ImageFormatUnsupported, Tier::High);
    assert!(error.to_string().contains("CgBI"), "{error}");
    let error = Photo::decode(case("png_wrong_checksum.png").unwrap()).unwrap_err();
    assert_error(&error, Code::ImageDamaged, Tier::High);
    let want = "the photo cannot be decoded: a checksum in the PNG file is wrong, so the file was \
                damaged";
    assert_eq!(error.to_string(), want);
}

#[test]
fn a_photo_of_24_megapixels() {
    let Some(file) = case("size_6000_x_4000.png") else { return };
    let limits = PhotoLimits { max_side: 8192, ..PhotoLimits::default() };
    let photo = Photo::decode_within(file, &limits).unwrap();
    assert_eq!(photo.image().dimensions(), (6000, 4000));
}

/// Makes the hostile files and decodes each. Needs Python with Pillow and numpy, and some minutes;
/// run it with `--ignored`.
#[test]
#[ignore = "needs Python with Pillow and numpy, named by PORTRAIT_PYTHON, and a minute"]
fn hostile_files_are_refused_or_decoded_in_time() {
    let (Some(program), Some(seed)) =
        (test_data("hostile/hostile_photos.py"), test_data("photos/grace_hopper.jpg"))
    else {
        return;
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile_photos");
    let python = std::env::var("PORTRAIT_PYTHON").unwrap_or("python3".into());
    let made =
        std::process::Command::new(python).arg(program).arg(&folder).arg(seed).status().unwrap();
    assert!(made.success());
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = std::fs::read(&path).unwrap();
        let start = Instant::now();
        let result = Photo::decode(file);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(5), "{}: {took:?}", path.display());
        if let Err(error) = result {
            assert_error(&error, error.code(), Tier::High);
        }
        count += 1;
    }
    assert!(count > 200, "{count}");
}
