//! The work is done whatever becomes of the streams, whatever the paths are made of; and an interrupt
//! ends it at once.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use support::{Portrait, two_people};

fn photo() -> PathBuf {
    portrait_test_support::repository_root().join("examples/photos/grace_hopper.jpg")
}

fn cutout(options: &str, photo: &Path, out: &Path) -> Portrait {
    Portrait::new(format!("cutout {options}").trim()).arg(photo).option("-o", out)
}

fn pictures(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_reader_that_has_gone_does_not_end_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let (two, out) = (two_people(folder.path()), folder.path().join("out"));
    for options in ["--persons 0,1", "--json --persons 0,1"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let run = cutout(options, &two, &out).command().stdout(writer).output().unwrap();
        assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
        assert_eq!(pictures(&out), 2);
        std::fs::remove_dir_all(&out).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn full_streams_do_not_end_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let (two, out) = (two_people(folder.path()), folder.path().join("out"));
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let run = cutout("--persons 0,1", &two, &out)
        .env("RUST_LOG", "trace")
        .command()
        .stderr(full())
        .output();
    assert_eq!(run.unwrap().status.code(), Some(0));
    assert_eq!(pictures(&out), 2);
    std::fs::remove_dir_all(&out).unwrap();
    // The result was asked for there: that it is lost is a failure, told once.
    let run = cutout("--persons 0,1", &two, &out).command().stdout(full()).output().unwrap();
    let told = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(12), "{told}");
    assert_eq!(told.matches("cannot write to standard output").count(), 1, "{told}");
    assert_eq!(pictures(&out), 2);
    let run = Portrait::new("detect nobody.jpg").command().stderr(full()).output().unwrap();
    assert_eq!(run.status.code(), Some(12));
}

#[test]
fn a_file_that_cannot_be_written_is_one_persons_failure() {
    let folder = tempfile::tempdir().unwrap();
    let (two, out) = (two_people(folder.path()), folder.path().join("out"));
    std::fs::create_dir_all(out.join("two_person_0.png")).unwrap();
    let run = cutout("--json --persons 0,1", &two, &out).run();
    run.fails(12, &["person 0:", "person_0.png", "cannot write"]);
    let document: Value = serde_json::from_str(&run.stdout()).unwrap();
    let error = &document["persons"][0]["error"];
    assert_eq!((&error["code"], &error["tier"]), (&"FILE_ERROR".into(), &2.into()));
    assert!(error["user_action"].is_string() && error["retry_after"].is_null(), "{error}");
    assert!(error["details"]["path"].as_str().unwrap().ends_with("person_0.png"), "{error}");
    assert!(image::open(document["persons"][1]["file"].as_str().unwrap()).is_ok());
    let text = cutout("--persons 0,1", &two, &out).run();
    assert!(text.stdout().contains("1 of 2 people cut out"), "{}", text.stdout());
}

#[cfg(unix)]
#[test]
fn paths_of_any_bytes_are_used_and_told() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let odd = |name: &[u8]| folder.path().join(std::ffi::OsStr::from_bytes(name));
    let models = portrait_test_support::repository_root().join("models");
    std::os::unix::fs::symlink(&models, odd(b"m\xff")).unwrap();
    let weights = odd(b"m\xff").join("yolov8n-portrait/model.safetensors");
    let (one, out) = (odd(b"p\xff.jpg"), odd(b"out\xff"));
    std::fs::copy(photo(), &one).unwrap();

    let with = |portrait: Portrait, name: &str| {
        portrait.option(name, &weights).option("--models", odd(b"m\xff"))
    };
    let detect = Portrait::new("detect --json --model yolov8n-portrait").arg(&one);
    assert_eq!(with(detect, "--weights").run().json()["persons"].as_array().unwrap().len(), 1);
    let json = with(
        cutout("--json --detection-model yolov8n-portrait", &one, &out),
        "--detection-weights",
    );
    assert!(json.run().json()["persons"][0]["file"].is_string());
    let video =
        Portrait::new("video --json --fake-d-id --text hello --detection-model yolov8n-portrait");
    let video = with(video.arg(&one).option("-o", &out), "--detection-weights").run();
    assert!(video.json()["persons"][0]["file"].is_string());
    assert_eq!(pictures(&out), 2);
    for command in ["models list --json", "models verify --json birefnet-nano"] {
        let list = Portrait::new(command).option("--models", odd(b"m\xff")).run().json();
        let found = list.as_array().unwrap().iter().find(|model| model["id"] == "birefnet-nano");
        assert!(found.unwrap()["file"].is_string(), "{command}");
    }
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let mut detect = Portrait::new("detect --json").arg(photo());
    for name in ["PORTRAIT_DEVICE", "PORTRAIT_PRECISION", "PORTRAIT_MODELS", "HF_ENDPOINT"] {
        detect = detect.env(name, "");
    }
    assert_eq!(detect.run().json()["device"], "cpu");
    let out = tempfile::tempdir().unwrap();
    let video = Portrait::new("video --text hello").arg(photo()).option("-o", out.path());
    let video = video.env("D_ID_API_KEY", "").env("D_ID_URL", "").env("PORTRAIT_SPEECH_URL", "");
    video.run().fails(12, &["NOT_CONFIGURED", "D_ID_API_KEY"]);
    let given = Portrait::new("detect").arg(photo()).env("PORTRAIT_DEVICE", "gpu").run();
    assert_eq!(given.code(), Some(2));
}

#[test]
fn logs_in_files_have_no_colours() {
    let run = Portrait::new("detect -vv").arg(photo()).run();
    assert!(run.stderr().contains("DEBUG") || run.stderr().contains("INFO"), "{}", run.stderr());
    assert!(!run.stderr().contains('\u{1b}'), "{}", run.stderr());
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_a_network_in_the_middle() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Command, Stdio};
    let folder = tempfile::tempdir().unwrap();
    let model = support::tiny_birefnet(folder.path());
    let file = |name: &str| folder.path().join(name);
    let input = portrait_test_support::reproducible::input((1, 3, 64, 64)).unwrap();
    let input = std::collections::HashMap::from([("input", input)]);
    candle_core::safetensors::save(&input, file("in.safetensors")).unwrap();
    let mut child = Portrait::new("tensor --repeat 1000000")
        .option("--model", &model)
        .option("--input", file("in.safetensors"))
        .option("--output", file("out.safetensors"))
        .command()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("milliseconds"));
    let reading = std::thread::spawn(move || lines.for_each(drop));
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    reading.join().unwrap();
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(told, "error: interrupted\n");
    assert!(!file("out.safetensors").exists());
}

#[test]
fn the_page_of_errors_has_the_commands_own_codes() {
    let page = portrait_test_support::repository_root().join("docs/errors.md");
    let page = std::fs::read_to_string(page).unwrap();
    let usage =
        Portrait::new("models evaluate --json --no-people --images . --measure person").run();
    assert_eq!(usage.code(), Some(2));
    let missing = Portrait::new("detect --json nobody.jpg").run();
    let out = tempfile::tempdir().unwrap();
    std::fs::write(out.path().join("grace_hopper_person_0.png"), "another's").unwrap();
    let there = cutout("--json", &photo(), out.path()).run();
    for run in [usage, missing, there] {
        let envelope: Value = serde_json::from_str(&run.stdout()).unwrap();
        let (code, exit) = (envelope["error"]["code"].as_str().unwrap(), run.code().unwrap());
        let action = envelope["error"]["user_action"].as_str().unwrap();
        assert!(page.contains(&format!("| `{code}` | {exit} | {action} |")), "{code}");
    }
    assert!(page.contains("| `INTERRUPTED` | 130 |"));
}
