//! Every example runs, and does what it says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use portrait_kernels::{Device, Precision};
use portrait_pipeline::segmentation::{Birefnet, BirefnetConfig};
use portrait_pipeline::{Manifest, Photo};
use portrait_test_support::{repository_root, reproducible, test_data};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// The example as a command, in an empty folder that is its home too.
fn example(name: &str, folder: &Path) -> Command {
    // Beside this test: target/debug/deps/run-… and target/debug/examples/….
    let here = std::env::current_exe().unwrap();
    let built = here.ancestors().nth(2).unwrap().join("examples").join(name);
    let built = built.with_extension(std::env::consts::EXE_EXTENSION);
    let advice = "`cargo test -p portrait-examples` builds it";
    assert!(built.exists(), "{} is missing: {advice}", built.display());
    let mut command = Command::new(built);
    command.current_dir(folder).env("HOME", folder);
    for variable in ["HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"] {
        command.env_remove(variable);
    }
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What it printed.
#[track_caller]
fn succeeds(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{status}\n{}\n{}", text(&stdout), text(&stderr));
    text(&stdout)
}

/// What it complained about.
#[track_caller]
fn fails(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert_eq!(status.code(), Some(1), "{}", text(&stdout));
    text(&stderr)
}

/// Writes the manifest and reproducible weights of a BiRefNet into `folder`.
fn write_birefnet(manifest: &str, folder: &Path) {
    let config: BirefnetConfig = Manifest::parse(manifest).unwrap().architecture().unwrap();
    let (weights, asked) = reproducible::recording_var_builder(&Device::Cpu);
    Birefnet::new(&config, &weights).unwrap();
    let names: Vec<_> = asked.names().into_iter().collect();
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("manifest.toml"), manifest).unwrap();
    let file = folder.join("model.safetensors");
    reproducible::write_checkpoint(&names, Precision::F32.dtype(), file).unwrap();
}

/// A BiRefNet that takes no time.
const SMALL: &str = r#"
    id = "birefnet-small"
    family = "birefnet"
    summary = "BiRefNet of a few channels with reproducible weights"
    file = "model.safetensors"
    licence = { spdx = "MIT", notice = "Made by a test." }
    input = { width = 64, height = 64 }
    [architecture]
    decoder_inter_channels = 12
    aspp_channels = 10
    patch_inter_channels = 6
    swin = { embed_dim = 8, depths = [1, 1, 1, 1], heads = [1, 2, 2, 4], window = 3 }
"#;

/// An example with the trained detector and the small BiRefNet; `None` where the data is missing.
fn with_models(name: &str, folder: &Path) -> Option<Command> {
    let detector = test_data("weights/yolov8n.safetensors")?;
    let small = folder.join("small");
    write_birefnet(SMALL, &small);
    let mut command = example(name, folder);
    command.arg("--detection-weights").arg(detector.canonicalize().unwrap());
    command.arg("--model").arg(small);
    Some(command)
}

/// One person, in the repository.
fn portrait() -> PathBuf {
    repository_root().join("examples/photos/grace_hopper.jpg")
}

/// Four persons, in the test data.
fn crowd() -> Option<PathBuf> {
    Some(test_data("photos/bus.jpg")?.canonicalize().unwrap())
}

#[test]
fn cut_out_writes_everybody() {
    let folder = TempDir::new().unwrap();
    let Some(photo) = crowd() else { return };
    let Some(mut command) = with_models("cut_out", folder.path()) else { return };
    let printed = succeeds(command.arg(photo).arg("pictures"));
    assert!(printed.starts_with("4 persons, found by yolov8n on cpu\n"), "{printed}");
    assert!(printed.contains("LOW_CONFIDENCE: person 3"), "{printed}");
    for person in 0..4 {
        let file = folder.path().join(format!("pictures/person_{person}.png"));
        let picture = image::open(&file).unwrap();
        let picture = picture.as_rgba8().unwrap();
        assert!(picture.pixels().any(|pixel| pixel[3] > 0), "{person}");
        assert!(picture.pixels().all(|pixel| pixel[3] > 0 || pixel.0 == [0; 4]), "{person}");
    }
    assert_eq!(std::fs::read_dir(folder.path().join("pictures")).unwrap().count(), 4);
}

#[test]
fn detect_boxes_draws_the_boxes_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let Some(mut command) = with_models("detect_boxes", folder.path()) else { return };
    let printed = succeeds(command.arg(portrait()).arg("boxes.png"));
    assert!(printed.starts_with("person 0: "), "{printed}");
    assert_eq!(printed.lines().last(), Some("boxes.png"));
    assert_eq!(printed.lines().count(), 2, "one person: {printed}");
    let before = Photo::decode(std::fs::read(portrait()).unwrap()).unwrap();
    let before = before.image();
    let after = image::open(folder.path().join("boxes.png")).unwrap().into_rgb8();
    assert_eq!(after.dimensions(), before.dimensions());
    let drawn: Vec<(u32, u32)> = before
        .enumerate_pixels()
        .filter(|(x, y, pixel)| after.get_pixel(*x, *y) != *pixel)
        .map(|(x, y, _)| (x, y))
        .collect();
    let (left, right) = ends(drawn.iter().map(|place| place.0));
    let (top, bottom) = ends(drawn.iter().map(|place| place.1));
    // This person fills most of the photo; what is inside the box is as it was.
    assert!((right - left) * (bottom - top) > before.width() * before.height() / 2);
    for (x, y) in drawn {
        let from_edge = (x - left).min(right - x).min(y - top).min(bottom - y);
        assert!(from_edge < 3, "({x}, {y}) was drawn");
    }
}

fn ends(values: impl Iterator<Item = u32>) -> (u32, u32) {
    values.fold((u32::MAX, 0), |(low, high), value| (low.min(value), high.max(value)))
}

#[test]
fn talking_portrait_writes_videos() {
    let folder = TempDir::new().unwrap();
    let Some(photo) = crowd() else { return };
    let Some(mut command) = with_models("talking_portrait", folder.path()) else { return };
    let printed = succeeds(command.arg(photo).arg("videos"));
    for person in 0..4 {
        let video = std::fs::read(folder.path().join(format!("videos/person_{person}.mp4")));
        assert_eq!(&video.unwrap()[4..8], b"ftyp", "{person}");
    }
    let events: Vec<serde_json::Value> =
        printed.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(events[0], serde_json::json!({ "stage": "detection", "state": "started" }));
    for stage in ["segmentation", "talk", "video", "download"] {
        let is_end =
            |event: &&serde_json::Value| event["stage"] == stage && event["state"] == "finished";
        assert_eq!(events.iter().filter(is_end).count(), 4, "{stage}: {printed}");
    }
}

#[test]
fn two_users_share_a_pipeline() {
    let folder = TempDir::new().unwrap();
    let printed = succeeds(example("two_users", folder.path()).arg(portrait()));
    let place = |text: &str| {
        let place = printed.lines().position(|line| line.starts_with(text));
        place.unwrap_or_else(|| panic!("{text:?} is missing in\n{printed}"))
    };
    assert!(place("user 1: segmentation begins") < place("user 1 is cancelled"));
    assert!(!printed.contains("user 1: talk begins"), "{printed}");
    assert!(place("user 1 is cancelled") < place("the pipeline is closed"));
    assert!(place("user 2: video begins") < place("user 2 is interrupted: the service is closing"));
    assert!(place("user 2 is interrupted") < place("user 2 is resumed: a video of person 0"));
    place("talks that D-ID was paid for: 1");
    place("kept of the photo of user 2: 1 persons, 1 cut-outs");
    place("the cut-out of person 0 belongs to user 2");
    assert_eq!(printed.lines().count() - 1, place("the photo of user 1 is deleted"));
}

#[test]
fn overview_picture_draws_the_picture_of_the_readme() {
    let folder = TempDir::new().unwrap();
    let mut command = example("overview_picture", folder.path());
    assert_eq!(succeeds(command.arg(portrait()).arg("overview.jpg")), "overview.jpg\n");
    let drawn = image::open(folder.path().join("overview.jpg")).unwrap().into_rgb8();
    let file = repository_root().join("docs/images/overview.jpg");
    assert!(std::fs::metadata(&file).unwrap().len() < 300_000);
    let shown = image::open(file).unwrap().into_rgb8();
    assert_eq!(drawn.dimensions(), shown.dimensions());
    let pairs = drawn.as_raw().iter().zip(shown.as_raw());
    let difference: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    let mean = difference as f64 / drawn.as_raw().len() as f64;
    assert!(mean < 1.0, "draw docs/images/overview.jpg anew: {mean} levels apart");
}

#[test]
fn embed_needs_nothing_but_a_photo() {
    let folder = TempDir::new().unwrap();
    assert_eq!(succeeds(example("embed", folder.path()).arg(portrait())), "");
    let picture = image::open(folder.path().join("person_0.png")).unwrap().into_rgba8();
    let alphas = || picture.pixels().map(|pixel| pixel.0[3]);
    assert!(alphas().any(|alpha| alpha == 255) && alphas().any(|alpha| alpha == 0));
}

#[test]
fn models_of_the_folder_go_before_those_of_the_program() {
    let folder = TempDir::new().unwrap();
    let Some(detector) = test_data("weights/yolov8n.safetensors") else { return };
    let models = folder.path().join("models");
    std::fs::create_dir_all(models.join("yolov8n")).unwrap();
    std::fs::copy(detector, models.join("yolov8n/yolov8n.safetensors")).unwrap();
    // The real thing in its real size, once.
    let lite = repository_root().join("models/birefnet-lite/manifest.toml");
    let lite = std::fs::read_to_string(lite).unwrap();
    write_birefnet(&lite, &models.join("birefnet-lite"));
    let told = succeeds(example("cut_out", folder.path()).arg(portrait()));
    assert!(told.contains("birefnet-lite"), "{told}");
    let picture = image::open(folder.path().join("out/person_0.png")).unwrap();
    assert!(picture.as_rgba8().is_some());
}

#[test]
fn mistakes_are_explained() {
    let folder = TempDir::new().unwrap();
    let no_photo = folder.path().join("notes.txt");
    std::fs::write(&no_photo, "not a photo").unwrap();
    for name in ["cut_out", "detect_boxes", "talking_portrait", "two_users", "overview_picture"] {
        let usage = fails(&mut example(name, folder.path()));
        assert!(usage.contains(&format!("usage: {name} PHOTO")), "{usage}");
        let missing = fails(example(name, folder.path()).arg("nowhere.jpg"));
        assert!(missing.contains("nowhere.jpg"), "{missing}");
        let text = fails(example(name, folder.path()).arg(&no_photo));
        assert!(text.contains("notes.txt") && text.contains("only JPEG, PNG and WebP"), "{text}");
        let mut command = example(name, folder.path());
        let weights =
            fails(command.arg(portrait()).args(["--detection-weights", "none.safetensors"]));
        assert!(weights.contains("none.safetensors"), "{weights}");
    }
}
