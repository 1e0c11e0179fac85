//! What the command says: in its own words, on one line, to who wants to hear it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use serde_json::Value;
use std::path::PathBuf;
use support::{Portrait, tiny_birefnet};

fn photo() -> PathBuf {
    portrait_test_support::repository_root().join("examples/photos/grace_hopper.jpg")
}

#[test]
fn wrong_usage_is_told_to_programs_too() {
    for (arguments, says) in [
        ("detect --json", "PHOTO|DIR"),
        ("cutout x.jpg --json", "--output"),
        ("detect x.jpg --json --conf x", "--conf"),
        ("--json paint", "paint"),
        ("video x.jpg -o out --json", "--text <TEXT>|--audio <FILE>"),
    ] {
        let run = Portrait::new(arguments).run();
        assert_eq!(run.code(), Some(2), "{arguments}");
        let envelope: Value = serde_json::from_str(&run.stdout()).unwrap();
        assert_eq!(envelope["success"], false);
        assert_eq!(envelope["error"]["code"], "USAGE");
        let message = envelope["error"]["message"].as_str().unwrap();
        assert!(message.contains(says) && !message.contains('\n'), "{message}");
        assert!(run.stderr().starts_with("error:"), "{}", run.stderr());
    }
    let plain = Portrait::new("detect --conf x").run();
    assert_eq!((plain.code(), plain.stdout()), (Some(2), String::new()));
    let help = Portrait::new("detect --json --help").run().text();
    assert!(help.contains("Usage:") && !help.contains("\"success\""));
}

#[test]
fn messages_name_the_commands_options() {
    for (options, flag) in [
        ("detect --conf 2", "(--conf)"),
        ("detect --iou 2", "(--iou)"),
        ("detect --imgsz 0", "(--imgsz)"),
        ("detect --max-det 0", "(--max-det)"),
        ("cutout -o out-of-words --padding 9999", "(--padding)"),
        ("cutout -o out-of-words --feather 9999", "(--feather)"),
    ] {
        let run = Portrait::new(options).arg(photo()).run();
        run.fails(12, &["INVALID_OPTION", flag]);
    }
    let json = Portrait::new("detect --json --conf 2").arg(photo()).run();
    assert!(json.stdout().contains("(--conf)"), "{}", json.stdout());
    let folder = tempfile::tempdir().unwrap();
    let nobody = folder.path().join("nobody.png");
    image::RgbImage::new(300, 300).save(&nobody).unwrap();
    let run = Portrait::new("detect --json").arg(&nobody).run();
    let envelope: Value = serde_json::from_str(&run.stdout()).unwrap();
    let tips = envelope["error"]["details"]["tips"].to_string();
    assert!(tips.contains("--imgsz") && tips.contains("--conf"), "{tips}");
}

#[cfg(unix)]
#[test]
fn a_file_name_cannot_command_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("a\nerror: \u{1b}[31mred\u{202e}.jpg");
    let run = Portrait::new("detect").arg(&odd).run();
    run.fails(12, &[r"a\nerror: \u{1b}[31mred\u{202e}.jpg", "cannot read"]);
    std::fs::copy(photo(), &odd).unwrap();
    let out = folder.path().join("out");
    let text = Portrait::new("cutout").arg(&odd).option("-o", &out).run().text();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains(r"\u{1b}") && !text.contains('\u{1b}'), "{text}");
    let weights = folder.path().join("w\u{1b}\n.safetensors");
    let run = Portrait::new("detect").arg(photo()).option("--weights", &weights).run();
    assert!(!run.stderr().contains('\u{1b}'), "{}", run.stderr());
}

#[test]
fn quiet_is_quiet_about_warnings_that_json_carries() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    // The small network of the tests finds nothing: a warning.
    let model = tiny_birefnet(folder.path());
    let run = |options: &str| {
        let run = Portrait::new(&format!("cutout {options} --conf 0.05 --max-det 9"));
        run.arg(photo()).option("-o", &out).option("--model", &model).run()
    };
    let json = run("--json").json();
    let told = json.to_string();
    let loud = run("--padding 21").stderr();
    assert_eq!(told.contains("\"code\":"), loud.contains("warning: "), "{told} {loud}");
    let quiet = run("-q --padding 22");
    assert_eq!(quiet.stderr(), "");
}

#[test]
fn colours_have_the_names_that_the_web_has() {
    let folder = tempfile::tempdir().unwrap();
    for (colour, corner) in [
        ("#fff", [255; 3]),
        ("WHITE", [255; 3]),
        ("RebeccaPurple", [102, 51, 153]),
        ("navy-#fff", [0, 0, 128]),
    ] {
        let out = folder.path().join("x.png");
        let run = Portrait::new("cutout").arg(photo()).option("-o", &out);
        run.option("--background", colour).run().text();
        let picture = image::open(&out).unwrap().into_rgb8();
        let found = picture.get_pixel(0, 0).0;
        // A trace of the photo may be left there.
        let near = found.iter().zip(corner).all(|(found, wanted)| found.abs_diff(wanted) <= 8);
        assert!(near, "{colour}: {found:?}");
    }
}

#[test]
fn keys_come_from_files_and_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("key"), "user:password\n").unwrap();
    std::fs::write(file("empty"), "\n").unwrap();
    let video = |out: &str| {
        let run = Portrait::new("video --text hello --d-id-url http://127.0.0.1:9");
        run.arg(photo()).option("-o", file(out)).option("--data", file("data"))
    };
    // Nobody listens there: the key was taken.
    let run = video("a").option("--d-id-key-file", file("key")).run();
    assert!(run.stderr().contains("D_ID_UNAVAILABLE"), "{}", run.stderr());
    assert!(!run.stderr().contains("warning: other users"), "{}", run.stderr());
    let run = video("a").option("--d-id-key", "user:password").run();
    let told = run.stderr();
    assert!(told.contains("other users of this machine can see"), "{told}");
    assert!(told.contains("--d-id-key-file") && told.contains("D_ID_API_KEY"), "{told}");
    assert!(!told.contains("password"), "{told}");
    let run = video("b").option("--d-id-key-file", file("empty")).run();
    run.fails(2, &["empty", "no key"]);
    let run = video("b").option("--d-id-key-file", file("missing")).run();
    run.fails(12, &["missing", "cannot read"]);
    assert!(!file("b").exists());
    let help = Portrait::new("video --help").run().text();
    assert!(help.contains("--d-id-key-file") && help.contains("D_ID_API_KEY"), "{help}");
}

#[test]
fn the_hub_is_not_asked_where_the_environment_forbids_it() {
    let folder = tempfile::tempdir().unwrap();
    let fetch = Portrait::new("models fetch yolov8n -q").option("--hub-cache", folder.path());
    let run = fetch.option("--hub", "http://127.0.0.1:9").env("HF_HUB_OFFLINE", "1").run();
    run.fails(2, &["yolov8n", "HF_HUB_OFFLINE"]);
    let detect = Portrait::new("detect -q --download --model yolov8n").arg(photo());
    let run = detect.option("--hub", "http://127.0.0.1:9").env("HF_HUB_OFFLINE", "true").run();
    run.fails(12, &["WEIGHTS_MISSING"]);
}
