//! `portrait models evaluate`, with the models that are part of the program.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use image::{GrayImage, Luma};
use std::path::{Path, PathBuf};
use support::Portrait;

/// Photos and masks: the sample photo with a rough mask of its person drawn by hand, as `a`, `b`, ...
fn folders(root: &Path, count: u8) -> (PathBuf, PathBuf) {
    let (images, masks) = (root.join("images"), root.join("masks"));
    std::fs::create_dir(&images).unwrap();
    std::fs::create_dir(&masks).unwrap();
    let photo = portrait_test_support::repository_root().join("examples/photos/grace_hopper.jpg");
    let (width, height) = image::image_dimensions(&photo).unwrap();
    let mask = GrayImage::from_fn(width, height, |x, y| {
        let ((x, y), (width, height)) = ((x as f32, y as f32), (width as f32, height as f32));
        let (x, y) = (x / width - 0.51, y / height);
        // Cap and head, then shoulders that widen downwards.
        let head = (x / 0.2).powi(2) + ((y - 0.35) / 0.32).powi(2) < 1.0;
        let body = y > 0.58 && x.abs() < 0.25 + 0.6 * (y - 0.58);
        Luma([if head || body { 255 } else { 0 }])
    });
    for letter in (b'a'..).take(count.into()).map(char::from) {
        std::fs::copy(&photo, images.join(format!("{letter}.jpg"))).unwrap();
        mask.save(masks.join(format!("{letter}.png"))).unwrap();
    }
    (images, masks)
}

fn evaluate(options: &str, images: &Path) -> Portrait {
    Portrait::new(&format!("models evaluate{options}")).option("--images", images)
}

#[test]
fn a_good_mask_agrees_with_the_models() {
    let folder = tempfile::tempdir().unwrap();
    let (images, masks) = folders(folder.path(), 3);
    std::fs::remove_file(masks.join("b.png")).unwrap();
    let run = evaluate(" --json", &images).option("--masks", &masks).run();
    let scores = run.json();
    assert_eq!((&scores["photos"], &scores["without_mask"]), (&2.into(), &1.into()));
    assert_eq!(scores["detection_model"], "yolov8n-portrait");
    assert_eq!(scores["segmentation_model"], "birefnet-nano");
    assert_eq!(scores["boxes"]["ap50"], 1.0);
    assert_eq!(scores["boxes"]["recall"], 1.0);
    for what in ["photo", "person"] {
        let of = |name: &str| scores[what][name].as_f64().unwrap();
        assert_eq!(scores[what]["images"], 2);
        assert!(of("iou") > 0.75 && of("iou") < 1.0, "{scores}");
        assert!(of("mae") < 0.2 && of("mae") > 0.0, "{scores}");
        assert!(of("s_measure") > 0.7 && of("weighted_f_measure") > 0.7, "{scores}");
    }
    let text = evaluate(" --every 3 --measure boxes", &images).option("--masks", &masks).run();
    let text = text.text();
    assert!(text.starts_with("1 photos of ") && text.contains("AP50 1.0000"), "{text}");
    assert!(!text.contains("IoU"), "{text}");
}

#[test]
fn photos_without_people_count_what_is_found_nevertheless() {
    let folder = tempfile::tempdir().unwrap();
    let (images, _) = folders(folder.path(), 1);
    image::RgbImage::from_pixel(320, 240, image::Rgb([90, 140, 60]))
        .save(images.join("b.png"))
        .unwrap();
    let scores = evaluate(" --no-people --json --measure boxes", &images).run().json();
    assert_eq!(
        (&scores["photos"], &scores["boxes"]["photos_with_detections"]),
        (&2.into(), &1.into())
    );
    let text = evaluate(" --no-people --measure boxes,photo", &images).run().text();
    assert!(text.contains("somebody found in 50.0 %") && text.contains("mean alpha 0."), "{text}");
}

#[test]
fn wrong_folders_and_masks_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (images, masks) = folders(folder.path(), 1);
    let none = folder.path().join("none");
    evaluate("", &none).option("--masks", &masks).run().fails(12, &["none", "cannot list"]);
    std::fs::create_dir(&none).unwrap();
    evaluate("", &images).option("--masks", &none).run().fails(2, &["no photo with a mask"]);
    evaluate("", &none).option("--masks", &masks).run().fails(2, &["none: no photo;"]);
    evaluate(" --no-people", &none).run().fails(2, &["none: no photo;"]);
    let each_second = evaluate(" --every 2", &images).option("--masks", &masks).run();
    each_second.fails(2, &["only 1 photos", "--every 2 takes none"]);
    GrayImage::new(150, 140).save(masks.join("a.png")).unwrap();
    let run = evaluate("", &images).option("--masks", &masks).run();
    run.fails(2, &["a.png", "the mask has 150 x 140 pixels, its photo 512 x "]);
    std::fs::write(masks.join("a.png"), "no picture").unwrap();
    let run = evaluate("", &images).option("--masks", &masks).run();
    run.fails(12, &["a.png"]);
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (images, masks) = folders(folder.path(), 1);
    let run = evaluate(" --conf 5 --measure boxes", &images).option("--masks", &masks).run();
    run.fails(12, &["INVALID_OPTION", "confidence cannot be 5"]);
    let run = evaluate(" --no-people --measure person", &images).run();
    run.fails(2, &["--measure person", "--no-people"]);
}

#[test]
fn a_damaged_photo_is_left_out_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let (images, masks) = folders(folder.path(), 3);
    std::fs::write(images.join("b.jpg"), "no picture").unwrap();
    let run = evaluate(" --json --measure boxes", &images).option("--masks", &masks).run();
    run.fails(12, &["left out", "b.jpg", "IMAGE_FORMAT_UNSUPPORTED"]);
    let scores: serde_json::Value = serde_json::from_str(&run.stdout()).unwrap();
    assert_eq!((&scores["photos"], &scores["left_out"]), (&2.into(), &1.into()));
    assert_eq!(scores["boxes"]["recall"], 1.0);
}
