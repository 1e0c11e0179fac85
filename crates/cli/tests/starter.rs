//! The first command of the README, in a folder without models, cache or network.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use support::Portrait;

fn photo() -> std::path::PathBuf {
    portrait_test_support::repository_root().join("examples/photos/grace_hopper.jpg")
}

#[test]
fn the_first_command_works_offline() {
    let out = tempfile::tempdir().unwrap();
    let run = Portrait::new("cutout").arg(photo()).option("-o", out.path()).run();
    let text = run.text();
    assert!(text.contains("1 of 1 people cut out (1 found) on cpu"), "{text}");
    let picture = image::open(out.path().join("grace_hopper_person_0.png")).unwrap().into_rgba8();
    let opaque = picture.pixels().filter(|pixel| pixel.0[3] > 200).count();
    let clear = picture.pixels().filter(|pixel| pixel.0[3] < 26).count();
    let all = (picture.width() * picture.height()) as usize;
    assert!(opaque > all * 2 / 5 && clear > all / 6, "{opaque} and {clear} of {all}");

    // It says which models ran and how to get larger ones, but not to programs.
    let told = run.stderr();
    assert!(told.contains("yolov8n-portrait birefnet-nano"), "{told}");
    assert!(told.contains("portrait models fetch yolov8n birefnet-lite"), "{told}");
    let quiet = Portrait::new("detect --quiet").arg(photo()).run();
    assert!(quiet.text().contains("by yolov8n-portrait on cpu"));
    assert!(!quiet.stderr().contains("fetch"), "{}", quiet.stderr());
    let json = Portrait::new("detect --json").arg(photo()).run();
    assert_eq!(json.json()["model"], "yolov8n-portrait");
    assert_eq!(json.stderr(), "");
}

#[test]
fn a_chosen_model_is_not_replaced_by_a_starter() {
    let run = Portrait::new("detect --model yolov8n").arg(photo()).run();
    run.fails(12, &["WEIGHTS_MISSING", "portrait models fetch yolov8n"]);
}

#[test]
fn list_and_verify_know_the_bundled_ones() {
    let list = Portrait::new("models list").run().text();
    for id in ["yolov8n-portrait", "birefnet-nano"] {
        let line = list.lines().find(|line| line.starts_with(id)).unwrap();
        assert!(line.contains("bundled"), "{line}");
    }
    let verified = Portrait::new("models verify").run().text();
    assert_eq!(verified.matches("(as the manifest states)").count(), 2, "{verified}");
}
